"""What storage servers send of storage points."""
