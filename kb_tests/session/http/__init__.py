"""How a session runs HTTP points."""
