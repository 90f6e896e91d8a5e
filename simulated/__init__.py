"""Stand-ins for a staged cloud, for tests and benchmarks: a control plane, and agents that make no load."""
