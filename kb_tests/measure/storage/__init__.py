"""What came out of storage points."""
