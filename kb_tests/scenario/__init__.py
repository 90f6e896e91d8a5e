"""What to run: YAML -> Scenario -> points."""
