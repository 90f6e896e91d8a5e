"""A kind of load that is none of the suite's: see docs/adding-a-kind.md."""
