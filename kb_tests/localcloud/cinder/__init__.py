"""Block storage v3 with microversions up to 3.71."""
