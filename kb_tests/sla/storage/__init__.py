"""Judges storage points."""
