"""How many servers a cloud's hosts have room for, where it may be asked.

Quotas say nothing of that: those of a run's own projects are set by the run. Placement knows best, since it
decides; else Nova's hypervisors tell what is free, but not how far they may be overcommitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud.calls import FAILURES
from kb_tests.cloud.connect import Cloud

_PLACEMENT = "1.17"
"""Microversion of allocation candidates whose summaries have every resource of a host."""

_DISABLED = "COMPUTE_STATUS_DISABLED"
"""The trait that Nova gives the provider of a disabled host."""

_HYPERVISORS = "2.53"
"""Nova's last microversions tell of no host what it has."""

_RAM_RATIO = 4.0
_CPU_RATIO = 16.0
"""Hypervisors do not tell how far they are overcommitted (ram_allocation_ratio and cpu_allocation_ratio of
nova.conf, 1.5 and 16 in many a release): these are more than an operator is likely to allow.
"""


@dataclass(frozen=True)
class Room:
    """So many servers of one size fit on all hosts together: `certainly`, and `at_most` where hosts promise
    more than they have. `source` is who said so; `known_up`, whether Nova said that all of these hosts are up
    and enabled.
    """

    certainly: int
    at_most: int
    source: str
    known_up: bool = False


def room(cloud: Cloud, vcpus: int, ram: int) -> Room | None:
    """For servers of `vcpus` and `ram` MiB; None where nobody tells. Never raises."""
    return _of_placement(cloud, vcpus, ram) or _of_hypervisors(cloud, vcpus, ram)


def _of_placement(cloud: Cloud, vcpus: int, ram: int) -> Room | None:
    wanted = f"resources=VCPU:{vcpus},MEMORY_MB:{ram}"
    try:
        if not cloud.connection.endpoint_for("placement"):
            return None
        answer = cloud.connection.placement.get(f"/allocation_candidates?{wanted}", microversion=_PLACEMENT)
        sdk.raise_from_response(answer)
        providers = answer.json()["provider_summaries"]
        works = _working(cloud)
        hosts = [
            summary["resources"]
            for identity, summary in providers.items()
            if works.get(identity, _DISABLED not in summary.get("traits", ()))
        ]
        fits = sum(_on_host(_free(host, "VCPU") // vcpus, _free(host, "MEMORY_MB") // ram) for host in hosts)
        known = {identity for identity, summary in providers.items() if "VCPU" in summary["resources"]}
    except FAILURES:
        return None
    except Exception:  # whatever it answers: it is asked to say more, not to decide
        return None
    return Room(fits, fits, "Placement", known_up=bool(works) and known <= works.keys())


def _working(cloud: Cloud) -> dict[str, bool]:
    """By the id of a host, which is its resource provider's, whether Nova says that it is up and enabled.

    Placement does not know: it goes on offering a host whose nova-compute died. {} where nobody tells.
    """
    compute: Any = cloud.connection.compute
    try:
        return {str(host.id): _takes(host.state, host.status) for host in compute.hypervisors()}
    except FAILURES:
        return {}
    except Exception:  # as above
        return {}


def _takes(state: object, status: object) -> bool:
    return (state, status) == ("up", "enabled")


def _free(host: Any, resource: str) -> int:
    """What a host may yet give away of a resource, as Placement counts, with reserves and overcommitment.
    Summaries have providers without it, such as shared storage.
    """
    found = host.get(resource) or {"capacity": 0, "used": 0}
    return max(int(found["capacity"]) - int(found["used"]), 0)


def _of_hypervisors(cloud: Cloud, vcpus: int, ram: int) -> Room | None:
    compute: Any = cloud.connection.compute
    try:
        answer = compute.get("/os-hypervisors/detail", microversion=_HYPERVISORS)
        sdk.raise_from_response(answer)
        hosts = [host for host in answer.json()["hypervisors"] if _takes(host["state"], host["status"])]
        return _summed(hosts, vcpus, ram) if hosts else None
    except FAILURES:
        return None
    except Exception:  # as above
        return None


def _summed(hosts: Iterable[Any], vcpus: int, ram: int) -> Room:
    certainly = at_most = 0
    for host in hosts:
        cpus = int(host["vcpus"] * _CPU_RATIO - host["vcpus_used"]) // vcpus
        certainly += _on_host(cpus, int(host["memory_mb"] - host["memory_mb_used"]) // ram)
        at_most += _on_host(cpus, int(host["memory_mb"] * _RAM_RATIO - host["memory_mb_used"]) // ram)
    return Room(certainly, at_most, "Nova's hypervisors", known_up=True)


def _on_host(by_cpu: int, by_ram: int) -> int:
    return max(min(by_cpu, by_ram), 0)
