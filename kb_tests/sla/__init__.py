"""Is it good: a measurement and an SLA become a Verdict."""
