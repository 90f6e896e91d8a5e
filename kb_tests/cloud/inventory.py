"""What a cloud has that a run can be given, how much room it has, and what there is ours: it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kb_tests.cloud.calls import FAILURES, said
from kb_tests.cloud.cleanup import find_runs
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.examination import project
from kb_tests.cloud.shortages import network_quota, volume_quota

MOST = 1000
"""Things of a kind that are listed."""


@dataclass(frozen=True)
class Inventory:
    """What was found. `has` are lists by kind ("images", "zones", ...), each thing a mapping with a `name`.
    `unlisted` are sentences, by kind, on what could not be listed, and why.
    """

    who: dict[str, Any]
    has: dict[str, list[dict[str, Any]]]
    unlisted: dict[str, str]


def take(cloud: Cloud) -> Inventory:
    """Ask for everything, of whatever answers; never raises for what does not."""
    kinds: dict[str, Callable[[Cloud], Iterator[dict[str, Any]]]] = {
        "images": _images,
        "flavors": _flavors,
        "zones": _zones,
        "networks": _networks,
        "routers": _routers,
        "quotas": _quotas,
        "runs": _runs,
    }
    has: dict[str, list[dict[str, Any]]] = {}
    unlisted: dict[str, str] = {}

    def listed(kind: str) -> list[dict[str, Any]] | str:
        try:
            found = kinds[kind](cloud)
            return [thing for thing, _ in zip(found, range(MOST), strict=False)]
        except FAILURES as error:
            return said(error)
        except Exception as error:  # whatever a cloud answers, the others are shown
            return f"its answer makes no sense ({type(error).__name__})"

    with ThreadPoolExecutor(len(kinds), thread_name_prefix="kb-look") as pool:
        for kind, found in zip(kinds, pool.map(listed, kinds), strict=True):
            if isinstance(found, str):
                unlisted[kind] = found
            else:
                has[kind] = found
    who = {
        "cloud": cloud.name,
        "auth_url": cloud.auth_url,
        "region": cloud.region,
        "project": project(cloud),
        "user": str(cloud.connection.config.auth.get("username") or ""),
        "admin": cloud.is_admin,
        "now": cloud.now(),
    }
    return Inventory(who, has, unlisted)


def _images(cloud: Cloud) -> Iterator[dict[str, Any]]:
    for image in cloud.connection.image.images():
        yield {"name": str(image.name), "size": int(image.size or 0), "visibility": str(image.visibility)}


def _flavors(cloud: Cloud) -> Iterator[dict[str, Any]]:
    for flavor in cloud.connection.compute.flavors(get_extra_specs=False):
        yield {"name": str(flavor.name), "vcpus": int(flavor.vcpus or 0), "ram": int(flavor.ram or 0)}


def _zones(cloud: Cloud) -> Iterator[dict[str, Any]]:
    """Hosts are for who may see them."""
    compute: Any = cloud.connection.compute
    for zone in compute.availability_zones(details=cloud.is_admin):
        if zone.name == "internal":
            continue
        hosts = [host for host, services in (zone.hosts or {}).items() if "nova-compute" in (services or {})]
        up = bool((zone.state or {}).get("available", True))
        yield {"name": str(zone.name), "available": up, "hosts": sorted(map(str, hosts))}


def _networks(cloud: Cloud) -> Iterator[dict[str, Any]]:
    for network in cloud.connection.network.networks():
        yield {"name": str(network.name), "external": bool(network.is_router_external)}


def _routers(cloud: Cloud) -> Iterator[dict[str, Any]]:
    for router in cloud.connection.network.routers():
        yield {"name": str(router.name)}


def _quotas(cloud: Cloud) -> Iterator[dict[str, Any]]:
    """Of the project in clouds.yaml; without those that have no limit."""
    limits = cloud.connection.compute.get_limits().absolute
    yield from _quota("servers", limits.instances, limits.instances_used)
    yield from _quota("vcpus", limits.total_cores, limits.total_cores_used)
    yield from _quota("ram", limits.total_ram, limits.total_ram_used)
    network = network_quota(cloud)
    for name in ("networks", "ports", "routers", "floating_ips"):
        value = getattr(network, name)
        detail = value if isinstance(value, dict) else {"limit": value}
        yield from _quota(
            name, detail.get("limit"), (detail.get("used") or 0) + int(detail.get("reserved") or 0)
        )
    if cloud.has_volumes:
        found = volume_quota(cloud)
        for name, key in (("volumes", "volumes"), ("gibibytes", "gigabytes")):
            volume = found.get(key)
            if isinstance(volume, dict):
                yield from _quota(name, volume.get("limit"), volume.get("in_use"))


def _quota(name: str, limit: Any, used: Any) -> Iterator[dict[str, Any]]:
    if limit is not None and int(limit) >= 0:
        yield {"name": name, "used": int(used or 0), "limit": int(limit)}


def _runs(cloud: Cloud) -> Iterator[dict[str, Any]]:
    found = find_runs(cloud)
    for run in found.runs.values():
        counts = Counter(resource.kind for resource in run.resources)
        yield {
            "name": run.run_id,
            "lease_until": run.lease_until,
            "expired": run.expired(cloud.now()),
            "kept": run.kept,
            "alive": run.held,
            "resources": dict(counts),
        }
