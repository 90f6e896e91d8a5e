"""The pytest face of the suite: options, fixtures, order, exit codes."""
