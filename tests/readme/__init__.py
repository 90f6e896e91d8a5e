"""The pages' commands as a reader types them, in a fresh clone: those that take too long for `make test`."""
