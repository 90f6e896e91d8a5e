"""Cinder volumes: made by us beside the servers, named and marked, then one attached to each server.

Letting Nova make them would leave volumes without a name of ours when things go wrong.
"""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud import quotas
from kb_tests.cloud.builder import Builder
from kb_tests.cloud.calls import Aborted
from kb_tests.cloud.graph import Graph, Step
from kb_tests.cloud.layout import Layout, VolumePlan
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.progress import Progress
from kb_tests.cloud.projects import Project
from kb_tests.cloud.topology import Server, Volume
from kb_tests.errors import StagingError

ZONES_REMEDY = "Say in which zone both are: topology.placement in the scenario, or --kb-availability-zone."
"""What to do where servers and their volumes may end up in different zones."""

_POLL = 0.5
_SLOWEST_POLL = 5.0
_GIB = 1 << 30


def add_volumes(
    graph: Graph, builder: Builder, layout: Layout, project: Project, zones: tuple[str, ...]
) -> list[Step[str]]:
    """Steps that make a volume for each server of a storage scenario; their ids, none for other scenarios.

    `zones` has Cinder's for each of them, "" where it may choose.
    """
    plan = layout.volume
    if plan is None:
        return []
    gibibytes = plan.size // _GIB

    def set_quota() -> None:
        if project.own:
            quotas.set_volumes(builder, project.id.value, layout.needs_of(0))

    def make(number: int, zone: str) -> str:
        extra = {"volume_type": plan.type} if plan.type else {}
        extra |= {"availability_zone": zone} if zone else {}
        volume = builder.create(
            "volume",
            f"volume-{number}",
            on=project.compute.value,
            project=project.id.value,
            size=gibibytes,
            **extra,
        )
        return str(volume.id)

    quota = graph.add("volume quota", set_quota, [project.id])
    return [
        graph.add(f"volume {number}", partial(make, number, zone), [quota, project.compute])
        for number, zone in enumerate(zones, start=1)
    ]


def attach(
    builder: Builder,
    plan: VolumePlan,
    project: Project,
    servers: list[Server],
    volume_ids: list[str],
    options: StageOptions,
    progress: Progress,
) -> list[Server]:
    """The servers, each with its volume attached; StagingError when one is not in time."""
    names = _wait(builder, project, volume_ids, "available", progress)
    graph = Graph()
    for server, volume_id in zip(servers, volume_ids, strict=True):
        graph.add(
            f"attach {server.name}",
            lambda server=server, volume_id=volume_id: _attach(builder, project, server, volume_id),  # type: ignore[misc]
        )
    graph.run(options.concurrency, builder.stop, progress, "attachments")
    _wait(builder, project, volume_ids, "in-use", progress)
    return [
        dataclasses.replace(server, volume=Volume(volume_id, names[volume_id], plan.size))
        for server, volume_id in zip(servers, volume_ids, strict=True)
    ]


def _attach(builder: Builder, project: Project, server: Server, volume_id: str) -> None:
    compute = project.compute.value.compute
    tried = False

    def call() -> None:
        nonlocal tried
        try:
            compute.create_volume_attachment(server.id, volume_id=volume_id)
        except sdk.BadRequestException:
            # A first attempt whose answer was lost leaves the volume attached, and Nova refuses a second.
            there = {attachment.volume_id for attachment in compute.volume_attachments(server.id)}
            if not (tried and volume_id in there):
                raise
        finally:
            tried = True

    try:
        builder.call(f"attaching volume {volume_id} to {server.name}", call, also=frozenset({409}))
    except StagingError as error:
        if "availability_zone" not in str(error):
            raise
        raise StagingError(str(error), remedy=ZONES_REMEDY) from error.__cause__


def _wait(
    builder: Builder, project: Project, wanted: list[str], status: str, progress: Progress
) -> dict[str, str]:
    """The volumes' names by id, once all of them have that status."""
    storage: Any = project.compute.value.block_storage
    began = time.monotonic()
    while True:
        volumes = builder.call("listing volumes", lambda: list(storage.volumes(details=True)))
        found = {volume.id: volume for volume in volumes if volume.id in set(wanted)}
        done = [volume for volume in found.values() if volume.status == status]
        failed = [volume for volume in found.values() if str(volume.status).startswith("error")]
        progress(f"volumes {status}", len(done), len(wanted))
        if failed:
            raise StagingError(
                f"{len(failed)} of {len(wanted)} volumes went to ERROR, first {failed[0].name} "
                f"({failed[0].status})."
            )
        if len(done) == len(wanted):
            return {volume.id: volume.name for volume in done}
        waited = time.monotonic() - began
        interval = min(max(_POLL, waited / 5), _SLOWEST_POLL)
        if time.monotonic() + interval > builder.until:
            late = [f"{v.name} {v.status}" for v in found.values() if v.status != status][:3]
            raise StagingError(
                f"{len(wanted) - len(done)} of {len(wanted)} volumes are not {status} after {waited:.0f} s: "
                f"{', '.join(late) or 'missing'}."
            )
        if builder.stop.wait(interval):
            raise Aborted("Stopped while waiting for volumes.")
