"""When a point is run with other generators, and when not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.culprits.rotation import Rotation
from kb_tests.errors import ScenarioError
from kb_tests.events.model import Second
from kb_tests.fleet.channel import ControlChannel
from kb_tests.fleet.fleet import Fleet
from kb_tests.measure.http.measurement import HttpMeasurement
from kb_tests.session import rotating
from kb_tests.session.http.runner import HttpRunner
from kb_tests.session.probe import Once
from kb_tests.session.seconds import Part
from kb_tests.session.selection import Selection
from kb_tests.sla.verdict import Outcome, Verdict
from tests.unit.culprits.test_find import LATENCY
from tests.unit.culprits.test_rotation import BY, EACH, POINT, WAYS, cut, measured
from tests.unit.fleet import agents
from tests.unit.session.test_pairing import FILE

STORAGE = """
name: web
kind: storage
topology: {servers: 2, target: directory, directory: /srv, file_size: 64MiB}
load:
  profiles: [{name: random read, mode: randread, block_size: 4KiB, iodepth: 1, rate_iops: 10}]
  duration: 10s
sla: {read_latency: {p99: 20ms}}
"""


class Cloud:
    """A runner whose runs are `slow` ways, its fleet, and what was asked of both."""

    def __init__(self, slow: Any, doubts: tuple[str, ...] = (), later: Any = None, ends: str = "") -> None:
        self.slow, self.doubts, self.later, self.ends = slow, doubts, later or slow, ends
        self.by = 0
        self.asked: list[int] = []
        self.fleet = self
        servers = tuple(
            SimpleNamespace(
                name=f"server-{n}",
                address=f"10.0.0.{n}",
                floating_ip="",
                host=f"c{n // EACH}",
                zone="",
                peer="",
            )
            for n in range(WAYS)
        )
        clients = tuple(
            SimpleNamespace(
                name=f"client-{n}",
                address=f"10.1.0.{n}",
                floating_ip="",
                host=f"g{n // EACH}",
                zone="",
                peer=f"10.0.0.{n}",
            )
            for n in range(WAYS)
        )
        self.topology = SimpleNamespace(agents=servers + clients, loading=clients)

    @contextmanager
    def rotated(self, clients: int, by: int) -> Iterator[None]:
        assert clients == WAYS
        self.by = by
        yield
        self.by = 0

    def once(self, point: Any, _step: int, _most: int) -> Once[Any, HttpMeasurement]:
        self.asked.append(self.by)
        if self.ends:
            pytest.fail(self.ends, pytrace=False)
        slow = self.later if len(self.asked) > 1 else self.slow
        return Once(point, measured(slow, self.by, 5), datetime.now(UTC), self.doubts, ())

    def drain(self, _point: Any, _measurement: Any) -> float:
        return 2.0


def rotate(cloud: Cloud, slow: Any = None) -> Any:
    waited: list[float] = []
    verdict = Verdict(Outcome.FAIL, (LATENCY,), (), 0.95)
    first = [measured(slow or cloud.slow)]
    found = rotating.rotate(cloud, POINT, first, verdict, waited.append)  # type: ignore[arg-type]
    assert waited == [2.0] * len(cloud.asked), "what is left of a run is waited for"
    return found


def server(_generator: int, number: int) -> float:
    return 2.0 if number // EACH == 5 else 1.0


def test_one_more_run_tells_servers_from_generators() -> None:
    cloud = Cloud(server)
    kept, rotation = rotate(cloud)
    assert cloud.asked == [BY]
    assert (kept.shift, kept.again, kept.doubts) == (BY, None, ())
    assert kept.measurement.restore().agents == rotation.measured.agents
    assert rotation.again is None


def test_what_stays_with_neither_is_run_once_more_as_it_was() -> None:
    cloud = Cloud(cut)
    kept, rotation = rotate(cloud)
    assert cloud.asked == [BY, 0]
    assert None not in (kept.again, rotation.again)


def test_where_nobody_stands_out_nothing_is_run() -> None:
    cloud = Cloud(lambda *_: 1.0)
    assert rotate(cloud) == (None, None)
    assert cloud.asked == []


def test_a_run_that_is_not_to_be_believed_says_nothing() -> None:
    kept, rotation = rotate(Cloud(server, doubts=("Its generators were busy.",)))
    assert (kept.measurement, kept.doubts) == (None, ("Its generators were busy.",))
    assert rotation == Rotation(BY, None, None, kept.doubts)


def test_a_run_that_ends_by_an_error_leaves_the_point_its_verdict() -> None:
    kept, rotation = rotate(Cloud(server, ends="The tunnel to the proxy is gone."))
    assert rotation == Rotation(BY, None, None, ("The tunnel to the proxy is gone.",))
    assert kept.doubts == rotation.doubts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (STORAGE, "web has no generators apart from its servers, as --kb-rotate needs."),
        (FILE + "hooks: [{at: 5s, run: [/bin/true]}]\n", "done once"),
        (
            FILE.replace("rate: [100, 200]", "capacity: {of: rate, from: 100, to: 900}"),
            "web searches a capacity",
        ),
    ],
)
def test_what_cannot_be_run_again_is_refused(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(text)
    scenarios = [one.scenario for one in Selection.read(("west",), [str(file)]).targets]
    with pytest.raises(ScenarioError, match=told):
        rotating.check(scenarios, paired=False)


def test_pairs_are_refused_and_plain_points_are_not(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(FILE)
    scenarios = [one.scenario for one in Selection.read(("west",), [str(file)]).targets]
    rotating.check(scenarios, paired=False)
    with pytest.raises(ScenarioError, match="cannot be used together"):
        rotating.check(scenarios, paired=True)


class Told(HttpRunner):
    """One that merges seconds and loads nothing."""

    def __init__(self, fleet: Fleet, hosts: Mapping[str, str]) -> None:
        staged = fleet.topology
        servers = tuple(replace(one, host=hosts[one.address]) for one in staged.servers)
        self.fleet, self.topology = fleet, replace(staged, servers=servers)
        self.told: list[Second] = []
        self._cloud, self._bus = "west", cast("Any", SimpleNamespace(put=self.told.append))


def test_a_second_is_of_the_hosts_that_are_loaded_just_then() -> None:
    staged = agents.topology(4)
    channel = cast("ControlChannel", agents.FakeChannel(staged, None))
    hosts = {one.address: f"c{n}" for n, one in enumerate(staged.servers)}
    fleet = Fleet(staged, channel)
    runner = Told(fleet, hosts)

    def slowest() -> str:
        """The host that a late answer to the first generator is of."""
        seconds = runner.seconds(replace(POINT, clients=3), 0, 0)
        for n, one in enumerate(staged.clients[:3]):
            seconds.add(Part(one.name, 0, 1, 1, 0, 1, [(70 if n == 0 else 40, 1)]))
        return runner.told[-1].hosts[0][0]

    assert slowest() == "c0"
    with fleet.rotated(3, 1):
        assert slowest() == "c1"
    assert slowest() == "c0"
