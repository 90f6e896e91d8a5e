"""Topologies that outlive their session: `--kb-keep` leaves one, `--kb-reuse RUN` loads it again.

Beside the run's journal stand what was staged and the secrets of its control plane, for as long as the
journal is open. Its lease lasts a day and is renewed by whoever uses it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from kb_tests.cloud import embedded
from kb_tests.cloud.calls import FAILURES, said
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.contents import Header, read
from kb_tests.cloud.journal import KEPT_SECONDS, SECRETS_FILES, TOPOLOGY_FILE, Journal, path_of
from kb_tests.cloud.lease import renew, renewed
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.topology import Topology
from kb_tests.errors import CloudError, ScenarioError
from kb_tests.fleet.secrets import Secrets
from kb_tests.scenario.base import Scenario
from kb_tests.scenario.units import counted
from kb_tests.session.target import LOCAL, Target


class Kept(BaseModel):
    """A topology, and what scenarios must ask for to run on it: their kind and their `topology`. On two
    clouds `testing` is that of the one with the generators.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    asked: dict[str, Any]
    topology: Topology
    testing: Topology | None = None

    @classmethod
    def of(cls, scenario: Scenario, topologies: Sequence[Topology]) -> Self:
        """What was staged for `scenario`, by cloud."""
        topology, *more = topologies
        asked = scenario.topology.model_dump(mode="json")
        return cls(kind=scenario.kind, asked=asked, topology=topology, testing=more[0] if more else None)

    @property
    def topologies(self) -> tuple[Topology, ...]:
        """One for each cloud."""
        return (self.topology,) if self.testing is None else (self.topology, self.testing)


def keep(
    clouds: Sequence[Cloud],
    journals: Sequence[Journal],
    target: Target,
    topologies: Sequence[Topology],
    secrets: Sequence[Secrets],
) -> str:
    """Leave the topologies where they are, one on each cloud, for a day; a sentence that says so."""
    for cloud, journal in zip(clouds, journals, strict=True):
        _renew(cloud, journal)
    path = journals[0].path
    for name, each in zip(SECRETS_FILES, secrets, strict=False):
        each.save(path.with_name(name))
    descriptor = os.open(path.with_name(TOPOLOGY_FILE), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(Kept.of(target.scenario, topologies).model_dump_json())
    if journals[0].header.embedded:
        _hold(journals[0])
    for journal in journals:
        journal.keep(time.time() + KEPT_SECONDS)
    return _stays(clouds, topologies, target)


def _hold(journal: Journal) -> None:
    """Have its cloud stay, too."""
    try:
        embedded.hold(journal)
    except OSError as error:
        raise CloudError(f"The embedded cloud cannot be kept: {error.filename}: {error.strerror}.") from error


def _stays(clouds: Sequence[Cloud], topologies: Sequence[Topology], target: Target) -> str:
    """Until when they stay, what that costs, and how they are used again and ended."""
    until = _until(clouds[0])
    run_id = topologies[0].run_id
    those = counted(sum(len(each.proxies) + len(each.agents) for each in topologies), "server")
    where = f"cloud {' and '.join(cloud.name for cloud in clouds)}"
    end = f"kb cleanup --cloud {clouds[0].name} --run {run_id}"
    if target.cloud == LOCAL:
        where, end = "an embedded local cloud, which stays for it,", f"kb cleanup --run {run_id}"
    return (
        f"Run {run_id} stays on {where} until {until}, {those} with all that they cost: "
        f"--kb-reuse {run_id} loads it again and keeps it for another day, {end} ends it."
    )


@contextmanager
def reused(
    clouds: Sequence[Cloud], run_id: str, target: Target, options: StageOptions
) -> Iterator[tuple[tuple[Topology, ...], tuple[Secrets, ...]]]:
    """A kept topology by cloud, held against cleanup and other sessions while the context lasts.

    Raises ScenarioError when there is none, or it is not what the scenario asks for, CloudError when a
    cloud has it no more.
    """
    kept = matching(target, run_id)
    path = path_of(run_id)
    secrets = tuple(
        Secrets.load(path.with_name(name)) for name, _ in zip(SECRETS_FILES, kept.topologies, strict=False)
    )
    journal = Journal.open(path)
    try:
        there = tuple(zip(clouds, journal.parts, strict=True))
        for cloud, part in there:
            part.bind(cloud.account)
        for cloud, part in there:
            _renew(cloud, part)
        note = f"Staged by an earlier session, as run {run_id}; what staging took is of then."
        stays = _stays(clouds, kept.topologies, target)
        topologies = tuple(
            replace(
                each,
                scenario=target.scenario.name,
                access=replace(
                    each.access,
                    proxy_command=options.proxy_command or each.access.proxy_command,
                    port=options.ssh_port or each.access.port,
                ),
                notes=(*each.notes, note),
                kept=stays,
            )
            for each in kept.topologies
        )
        with ExitStack() as leases:
            for cloud, part in there:
                leases.enter_context(renewed(cloud, part))
            yield topologies, secrets
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
    _check_embedded(read(path).header, target)
    if bool(target.testing_cloud) != (kept.testing is not None):
        where = " and ".join(each.cloud for each in kept.topologies)
        raise ScenarioError(
            f"Run {run_id} is on {where}.",
            remedy="Name the clouds as then: --kb-cloud, and --kb-testing-cloud for that of the generators.",
        )
    wanted = Kept.of(target.scenario, kept.topologies)
    if (kept.kind, kept.asked) != (wanted.kind, wanted.asked):
        raise ScenarioError(
            f"Scenario {target.scenario.name} asks for another topology than run {run_id} has, which was "
            f"staged for {kept.topology.scenario}: {_difference(kept, wanted)}.",
            remedy="Only loads and limits may differ.",
        )
    return kept


def _check_embedded(header: Header, target: Target) -> None:
    """ScenarioError where one of them means an embedded cloud, and the other does not, or it has ended."""
    run_id = header.mark.run_id
    if embedded.is_gone(header):
        raise ScenarioError(
            f"The embedded local cloud of run {run_id} has ended, and with it what was on it."
        )
    if header.embedded and target.cloud != LOCAL:
        raise ScenarioError(
            f"Run {run_id} is on an embedded local cloud, which has no name.", remedy="Leave out --kb-cloud."
        )
    if not header.embedded and target.cloud == LOCAL:
        raise ScenarioError(
            f"Run {run_id} is on cloud {header.cloud}.", remedy=f"Name it: --kb-cloud {header.cloud}."
        )


def place_of(run_id: str) -> Header:
    """Where the journal of a kept topology says that it is; raises ScenarioError where it is not there."""
    try:
        return read(path_of(run_id)).header
    except CloudError as error:
        raise ScenarioError(
            f"--kb-reuse: {error}", remedy="`kb kept` lists the runs that --kb-keep left here."
        ) from None


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
