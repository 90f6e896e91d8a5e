"""The embedded OpenStack: a program of its own, which knows nothing of the suite."""
