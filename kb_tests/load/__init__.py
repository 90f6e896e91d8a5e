"""How: a point and a fleet make agent reports."""
