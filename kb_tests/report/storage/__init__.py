"""What reports say of storage points."""
