"""Judges HTTP points."""
