"""A real OpenStack on one machine, for the suite to prove itself on: `python -m tests.openstack up`.

Debian 12's own packages (release Zed), whole and unpatched, in namespaces of their own. See README.md.
"""
