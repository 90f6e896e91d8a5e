"""Faults of running servers and attached volumes: what is asked for, what it does, what is in effect."""
