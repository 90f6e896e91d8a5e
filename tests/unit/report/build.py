"""Synthetic runs: what a cloud of known behaviour would have measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from kb_tests.cloud.topology import Access, Role, Server, StagingFacts, Topology
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.measurement import Block, Counts, GeneratorFacts, HttpMeasurement, Second
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.record import PointRecord, PointStatus, RunRecord, ScenarioRecord, TopologyRecord
from kb_tests.scenario.http import HttpPoint
from kb_tests.sla.verdict import Check, Outcome, Verdict

STARTED = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ENDED = STARTED + timedelta(minutes=7, seconds=12)
PROXY_COMMAND = "ssh -i /root/.ssh/hush bastion"


def point(
    clients: int = 4, rate: float = 1000, duration: float = 30.0, scenario: str = "http-east-west"
) -> HttpPoint:
    return HttpPoint(
        id=f"{scenario}-clients-{clients}-rate-{rate:g}",
        scenario=scenario,
        clients=clients,
        rate=rate,
        connections=1000,
        page_size=32 << 10,
        keep_alive=True,
        warm_up=5.0,
        duration=duration,
        max_duration=duration,
        timeout=5.0,
    )


def measurement(
    asked: HttpPoint, *, median: float = 0.004, spread: float = 0.5, share: float = 1.0, failing: float = 0.0
) -> HttpMeasurement:
    """Log-normal times around `median` seconds, `share` of the rate achieved, `failing` of that errors."""
    source = np.random.default_rng(seed=len(asked.id) + asked.clients)
    due = int(asked.offered * asked.duration)
    done = round(due * share)
    failed = round(done * failing)
    percents = (np.arange(1000) + 0.5) / 1000
    normal = np.sqrt(2) * np.array([_inverse_erf(2 * float(percent) - 1) for percent in percents])
    times = median * np.exp(spread * normal)
    each = np.diff(np.rint(np.linspace(0, done - failed, 1001))).astype(int)
    response = Histogram.of(times, each)
    service = Histogram.of(times * 0.8, each)
    seconds = tuple(
        Second(
            at=float(at),
            sent=round(asked.offered * share * ramp),
            completed=round(asked.offered * share * (1 - failing) * ramp),
            failed=round(asked.offered * share * failing * ramp),
            bytes=round(asked.offered * share * ramp) * asked.page_size,
            p50=median * wobble,
            p99=median * math.exp(spread * 2.33) * wobble,
            max=median * math.exp(spread * 3.6) * wobble,
        )
        for at in range(-int(asked.warm_up), int(asked.duration))
        for wobble in [float(source.normal(1, 0.06))]
        for ramp in [float(source.normal(1, 0.004)) * (0.7 if at < -3 else 1.0)]
    )
    counts = Counts(
        due=due,
        sent=done,
        completed=done - failed,
        unsent=due - done,
        bytes=(done - failed) * asked.page_size,
        errors={"http_5xx": failed} if failed else {},
    )
    names = [f"kb-1f2e3d4c-client-{index + 1}" for index in range(asked.clients)]
    return HttpMeasurement(
        point_id=asked.id,
        duration=asked.duration,
        offered=asked.offered,
        achieved=(done - failed) / asked.duration,
        throughput=counts.bytes / asked.duration,
        counts=counts,
        response=response,
        service=service,
        seconds=seconds,
        blocks=tuple(Block(name, 0.0, asked.duration, counts, response, service) for name in names),
        agents=tuple(
            GeneratorFacts(
                name,
                f"compute-{index % 2 + 1}",
                counts,
                response,
                4e-4,
                lag_p99=2e-4,
                lag_max=9e-4,
                cpu=0.41,
                skew=1e-3,
                saturated=False,
            )
            for index, name in enumerate(names)
        ),
        missing={},
    )


def _inverse_erf(x: float) -> float:
    """Winitzki's approximation; good enough for a picture."""
    ln = math.log(1 - x * x)
    first = 2 / (math.pi * 0.147) + ln / 2
    return math.copysign(math.sqrt(math.sqrt(first * first - ln / 0.147) - first), x)


def check(
    name: str,
    value: float,
    limit: float,
    *,
    unit: str = "s",
    at_most: bool = True,
    outcome: Outcome | None = None,
) -> Check:
    if outcome is None:
        kept = value <= limit if at_most else value >= limit
        outcome = Outcome.PASS if kept else Outcome.FAIL
    return Check(
        name=name,
        outcome=outcome,
        value=value,
        limit=limit,
        unit=unit,
        low=value * 0.97,
        high=value * 1.03,
        at_most=at_most,
        detail=f"Measured over {name}.",
    )


def verdict(checks: Sequence[Check], reasons: Sequence[str] = (), notes: Sequence[str] = ()) -> Verdict:
    found = {entry.outcome for entry in checks}
    ranked = [Outcome.INVALID, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS]
    worst = Outcome.INVALID if reasons else next(outcome for outcome in ranked if outcome in found)
    return Verdict(
        outcome=worst, checks=tuple(checks), reasons=tuple(reasons), confidence=0.95, notes=tuple(notes)
    )


def judged(
    asked: HttpPoint | None = None,
    *,
    median: float = 0.004,
    spread: float = 0.5,
    share: float = 1.0,
    failing: float = 0.0,
    reasons: Sequence[str] = (),
    notes: Sequence[str] = (),
    undecided: bool = False,
) -> PointRecord:
    """`measurement` against limits of 10, 50 and 200 ms, 99 % achieved and 0.1 % errors."""
    asked = asked or point()
    measured = measurement(asked, median=median, spread=spread, share=share, failing=failing)
    figures = Figures.of(HttpMeasurementRecord.of(measured))
    checks = [
        check("latency p50", figures.percentile(50), 0.010),
        check("latency p99", figures.percentile(99), 0.050),
        check("latency p99.9", figures.percentile(99.9), 0.200),
        check("achieved", figures.share, 0.99, unit="", at_most=False),
        check("errors", figures.bad, 0.001, unit=""),
    ]
    if undecided:
        checks[1] = check("latency p99", 0.0495, 0.050, outcome=Outcome.INCONCLUSIVE)
    return PointRecord.judged(asked, measured, verdict(checks, reasons, notes), started=STARTED)


def without(status: PointStatus, reason: str, asked: HttpPoint | None = None) -> PointRecord:
    """A point that did not get as far as a verdict."""
    return PointRecord(point=asked or point(), status=status, reason=reason)


def topology(servers: int = 4) -> Topology:
    def server(name: str, role: Role, address: str, peer: str = "") -> Server:
        return Server(
            id=f"id-{name}",
            name=f"kb-1f2e3d4c-{name}",
            role=role,
            address=address,
            network="kb-1f2e3d4c-net",
            project_id="5f0c",
            host=f"compute-{int(address[-1]) % 2 + 1}",
            zone="nova",
            mtu=0 if role is Role.PROXY else 1450,
            peer=peer,
        )

    return Topology(
        run_id="1f2e3d4c",
        scenario="http-east-west",
        cloud="west-1",
        proxy=server("proxy", Role.PROXY, "10.1.0.10"),
        servers=tuple(server(f"server-{n}", Role.SERVER, f"10.2.0.{n}") for n in range(10, 10 + servers)),
        clients=tuple(
            server(f"client-{n - 10}", Role.CLIENT, f"10.1.0.{n}", f"10.2.0.{n - 1}")
            for n in range(11, 11 + servers)
        ),
        access=Access("192.0.2.1", 22, "10.1.0.10", 6379, proxy_command=PROXY_COMMAND),
        staging=StagingFacts(seconds=41.7, requests=83),
        notes=("It is the embedded local cloud: its numbers say nothing about another cloud.",),
        mtus={"client": 1450, "server-1-1-1": 1450},
    )


def run(points: Sequence[PointRecord], *, servers: int = 4, local: bool = True, **changes: Any) -> RunRecord:
    """A run of `points` on staged servers."""
    staged = topology(servers)
    tools = [{"nginx": "1.22.1", "python": "3.11.2"}]
    settings = {
        "name": "http-east-west",
        "kind": "http",
        "load": {"rate": [500, 1000], "connections": 1000, "page_size": "32KiB"},
        "sla": {"latency": {"p50": "10ms", "p99": "50ms"}, "achieved": "99%"},
    }
    plain = {
        "run": "1f2e3d4c",
        "suite": "0.1.0",
        "cloud": "west-1",
        "started": STARTED,
        "ended": ENDED,
        "notes": list(staged.notes) if local else [],
        "versions": {"pytest": "9.2.0", "openstacksdk": "4.22.0"},
        "scenarios": [
            ScenarioRecord(
                name=name,
                kind="http",
                file=f"{name}.yaml",
                settings=settings,
                topology=TopologyRecord.of(staged, tools),
            )
            for name in dict.fromkeys(entry.point.scenario for entry in points)
        ],
        "points": list(points),
    }
    return RunRecord.model_validate(plain | changes)
