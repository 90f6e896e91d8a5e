"""What all services share: routing, authentication, microversions, errors, paging, filters, request log."""
