"""What the local cloud cannot do on this machine, and what its figures are worth."""

from __future__ import annotations

import os
import platform

from kb_tests.localcloud.netns import congestion, neighbours
from kb_tests.localcloud.netns.cgroups import Groups
from kb_tests.localcloud.netns.forwarder import local_port


def notes(groups: Groups | None, limit: neighbours.NeighbourLimit) -> tuple[str, ...]:
    """What every report of this cloud has to say."""
    cores = len(os.sched_getaffinity(0))
    controllers = groups.controllers if groups else frozenset()
    found = [
        "embedded local cloud, not an OpenStack result",
        f"driver netns ({'root' if groups else 'rootless'}), kernel {platform.release()}, {cores} cores",
        "load generators and servers share the same cores",
        "the network is veth copies in memory: no NIC, no overlay, no hypervisor",
        "what passes through a floating IP is carried by a process: from cloud to cloud by two",
    ]
    found.append(f"TCP in it has congestion control {congestion.of_guests()}")
    for controller, what in (("cpu", "vCPU"), ("memory", "RAM")):
        limited = controller in controllers
        found.append(
            f"flavors' {what} is enforced by a control group"
            if limited
            else f"flavors' {what} is a label: nothing enforces it here"
        )
    found.append(neighbours.note(limit))
    found += [
        "storage is one host file system",
        "a server's own disk lies in the host's memory, and counts as its RAM where that is enforced",
        "it proves the tool, the workflow and regressions on one machine; it is no capacity planning",
    ]
    if groups is None:
        found += [
            "servers cannot write below /usr, but for /usr/local",
            "volumes are plain files, which cannot be made slow or full",
        ]
    if local_port(22) != 22:
        found.append(f"port 22 of a floating IP is its port {local_port(22)}, and so on below 1024")
    return tuple(found)
