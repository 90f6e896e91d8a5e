"""Identity v3."""
