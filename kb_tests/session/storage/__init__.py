"""How a session runs storage points."""
