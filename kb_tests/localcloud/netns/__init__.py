"""A data plane of network, mount, pid and uts namespaces: `driver.NetnsDriver`, `probe.probe`.

Nothing is imported here: the helper process, of which every server is a fork, has to stay small.
"""
