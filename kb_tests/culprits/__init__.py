"""Which servers, hosts or zones make a point slow, where some do."""
