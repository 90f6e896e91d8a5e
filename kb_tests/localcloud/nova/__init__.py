"""Compute 2.1 with microversions up to 2.96."""
