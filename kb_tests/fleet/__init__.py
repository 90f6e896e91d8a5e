"""By whom: agents ready, one command to all, one report from each."""
