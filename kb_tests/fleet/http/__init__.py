"""What generators send of HTTP points."""
