"""What came out of HTTP points."""
