"""Topologies that outlive their session: `--kb-keep` leaves one, `--kb-reuse RUN` loads it again.

Beside the run's journal stand what was staged and the secrets of its control plane, for as long as the
journal is open. Its lease lasts a day and is renewed by whoever uses it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from kb_tests.cloud.calls import FAILURES, said
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.journal import KEPT_SECONDS, SECRETS_FILE, TOPOLOGY_FILE, Journal, path_of
from kb_tests.cloud.lease import renew, renewed
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.topology import Topology
from kb_tests.errors import CloudError, ScenarioError
from kb_tests.fleet.secrets import Secrets
from kb_tests.scenario.base import Scenario
from kb_tests.scenario.units import counted
from kb_tests.session.selection import LOCAL, Target


class Kept(BaseModel):
    """A topology, and what scenarios must ask for to run on it: their kind and their `topology`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    asked: dict[str, Any]
    topology: Topology

    @classmethod
    def of(cls, scenario: Scenario, topology: Topology) -> Self:
        """What was staged for `scenario`."""
        return cls(kind=scenario.kind, asked=scenario.topology.model_dump(mode="json"), topology=topology)


def check(target: Target) -> None:
    """ScenarioError where nothing could outlive the session."""
    if target.cloud == LOCAL:
        raise ScenarioError(
            "The embedded local cloud ends with the session, and all that is on it.",
            remedy="Start one that stays with `kb localcloud up`, and name it with --kb-cloud.",
        )
    if target.testing_cloud:
        raise ScenarioError("A topology on two clouds cannot be kept, nor used again.")


def keep(cloud: Cloud, journal: Journal, target: Target, topology: Topology, secrets: Secrets) -> Topology:
    """Leave the topology where it is, for a day; it with a sentence that says so."""
    _renew(cloud, journal)
    secrets.save(journal.path.with_name(SECRETS_FILE))
    path = journal.path.with_name(TOPOLOGY_FILE)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(Kept.of(target.scenario, topology).model_dump_json())
    journal.keep(time.time() + KEPT_SECONDS)
    return replace(topology, kept=_stays(cloud, topology))


def _stays(cloud: Cloud, topology: Topology) -> str:
    """Until when it stays, what that costs, and how it is used again and ended."""
    until = _until(cloud)
    run_id, servers = topology.run_id, len(topology.proxies) + len(topology.agents)
    those = counted(servers, "server")
    return (
        f"Run {run_id} stays on cloud {cloud.name} until {until}, {those} with all that they cost: "
        f"--kb-reuse {run_id} loads it again and keeps it for another day, "
        f"kb cleanup --cloud {cloud.name} --run {run_id} ends it."
    )


@contextmanager
def reused(
    cloud: Cloud, run_id: str, target: Target, options: StageOptions
) -> Iterator[tuple[Topology, Secrets]]:
    """A kept topology, held against cleanup and other sessions while the context lasts.

    Raises ScenarioError when there is none, or it is not what the scenario asks for, CloudError when the
    cloud has it no more.
    """
    kept = matching(target, run_id)
    path = path_of(run_id)
    secrets = Secrets.load(path.with_name(SECRETS_FILE))
    journal = Journal.open(path)
    try:
        journal.bind(cloud.account)
        _renew(cloud, journal)
        access = kept.topology.access
        access = replace(
            access,
            proxy_command=options.proxy_command or access.proxy_command,
            port=options.ssh_port or access.port,
        )
        note = f"Staged by an earlier session, as run {run_id}; what staging took is of then."
        notes = (*kept.topology.notes, note)
        with renewed(cloud, journal):
            yield (
                replace(
                    kept.topology,
                    scenario=target.scenario.name,
                    access=access,
                    notes=notes,
                    kept=_stays(cloud, kept.topology),
                ),
                secrets,
            )
    finally:
        journal.release()


def matching(target: Target, run_id: str) -> Kept:
    """What run `run_id` left on this machine; ScenarioError when it is not what the scenario asks for."""
    try:
        path = path_of(run_id)
    except CloudError as error:
        raise ScenarioError(
            f"--kb-reuse: {error}", remedy="`kb runs` lists the runs; --kb-keep leaves one that can be used."
        ) from None
    kept = _load(path.with_name(TOPOLOGY_FILE), run_id)
    wanted = Kept.of(target.scenario, kept.topology)
    if (kept.kind, kept.asked) != (wanted.kind, wanted.asked):
        raise ScenarioError(
            f"Scenario {target.scenario.name} asks for another topology than run {run_id} has, which was "
            f"staged for {kept.topology.scenario}: {_difference(kept, wanted)}.",
            remedy="Only loads and limits may differ.",
        )
    return kept


def renewed_run(run_id: str) -> str:
    """Let a kept topology stay for a day from now on; until when it does, in a sentence.

    Raises ScenarioError where there is none, CloudError where a cloud has it no more or a session uses it.
    """
    path = path_of(run_id)
    _load(path.with_name(TOPOLOGY_FILE), run_id)
    journal = Journal.open(path)
    try:
        for part in journal.parts:
            with closing(connect(part.header.cloud, part.header.clouds_yaml or None)) as cloud:
                part.bind(cloud.account)
                _renew(cloud, part)
                until = _until(cloud)
    finally:
        journal.release()
    return f"Run {run_id} stays until {until}."


def _until(cloud: Cloud) -> str:
    return datetime.fromtimestamp(cloud.now() + KEPT_SECONDS, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _load(path: Path, run_id: str) -> Kept:
    try:
        return Kept.model_validate_json(path.read_bytes())
    except OSError:
        raise ScenarioError(
            f"Run {run_id} left no topology on this machine.",
            remedy="--kb-keep leaves one; it is gone once `kb cleanup` has ended the run.",
        ) from None
    except ValidationError as error:
        raise ScenarioError(
            f"{path} is no topology of this version: {counted(error.error_count(), 'mistake')}."
        ) from None


def _renew(cloud: Cloud, journal: Journal) -> None:
    try:
        there = renew(cloud, journal, KEPT_SECONDS)
    except FAILURES as error:
        raise CloudError(
            f"Run {journal.run_id} cannot be kept on cloud {cloud.name!r}: {said(error)}",
            remedy=f"kb cleanup --cloud {cloud.name} --run {journal.run_id} removes what is left of it.",
        ) from error
    if not there:
        raise CloudError(f"Run {journal.run_id} has nothing on cloud {cloud.name!r} any more.")


def _difference(kept: Kept, wanted: Kept) -> str:
    if kept.kind != wanted.kind:
        return f"it is of kind {wanted.kind}, not {kept.kind}"
    keys = sorted(key for key in kept.asked | wanted.asked if kept.asked.get(key) != wanted.asked.get(key))
    return ", ".join(f"{key} {wanted.asked.get(key)}, not {kept.asked.get(key)}" for key in keys)
