"""What reports say of HTTP points."""
