"""Makes the suite's options known to a checkout that was not installed.

An installed kb_tests registers itself by its entry point; registering it here too would be an error.
"""

from importlib.metadata import entry_points

if not any(entry.value == "kb_tests.plugin" for entry in entry_points(group="pytest11")):
    pytest_plugins = ["kb_tests.plugin"]
