"""A pytest session of the suite: what is selected, where it runs, what became of it."""
