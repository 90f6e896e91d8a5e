"""Which runs there were: an index beside their records, tags, and what it finds."""
