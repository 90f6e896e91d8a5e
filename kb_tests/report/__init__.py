"""Who learns it: records, charts, pytest-html, terminal summary."""
