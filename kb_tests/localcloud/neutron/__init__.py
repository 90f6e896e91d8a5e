"""Networking 2.0."""
