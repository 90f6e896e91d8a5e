"""Where: a scenario becomes a staged topology, and nothing of it stays."""
