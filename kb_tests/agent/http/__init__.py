"""The HTTP traffic generator: open loop, one process per CPU, standard library only."""
