"""A run as one HTML file: with scripts the pages of the UI, without them the report."""
