"""What came out: agent reports become one measurement."""
