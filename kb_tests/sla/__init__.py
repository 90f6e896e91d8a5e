"""Is it good: a Measurement and an SLA become a Verdict."""
