"""Time and memory to merge and judge one point of many generators: `python benchmarks/merge_scale.py`."""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from kb_tests.fleet.http.messages import (
    BlockReport,
    Done,
    HttpReport,
    KeptSecond,
    SecondReport,
    WireConnections,
    WireCounts,
)
from kb_tests.fleet.messages import ClockChange
from kb_tests.measure.histogram import Histogram
from kb_tests.measure.http.merge import measure
from kb_tests.scenario.http import HttpPoint, HttpSla
from kb_tests.sla.http.judge import judge

CONNECTIONS = WireConnections.model_validate(
    {"asked": 100, "open": 100, "least": 100, "reopened": 0, "refused": 0, "unavailable": 0}
)


def report(name: str, point: HttpPoint, histograms: list[str]) -> HttpReport:
    rate, seconds = int(point.rate), int(point.duration)

    def counts(due: int) -> WireCounts:
        done = {"due": due, "sent": due, "completed": due, "bytes": due * point.page_size}
        return WireCounts.model_validate({**done, "unsent": 0, "inflight": 0, "errors": {}})

    buckets = [(bucket, rate // 20) for bucket in range(30, 50)]
    return HttpReport(
        agent=name,
        host="",
        clock_error=0.0001,
        seconds=tuple(
            KeptSecond.of(
                SecondReport(
                    v=1,
                    kind="second",
                    agent=name,
                    seq=i,
                    id="1",
                    index=i,
                    counts=counts(rate),
                    open=100,
                    buckets=buckets,
                )
            )
            for i in range(seconds)
        ),
        blocks=tuple(
            BlockReport(
                v=1,
                kind="block",
                agent=name,
                seq=i,
                id="1",
                index=i,
                begin=float(i),
                seconds=1.0,
                counts=counts(rate),
                response=histograms[i],
                service=histograms[-1 - i],
            )
            for i in range(seconds)
        ),
        done=Done.model_validate(
            {
                "v": 1,
                "kind": "done",
                "agent": name,
                "seq": 99,
                "id": "1",
                "counts": counts(rate * seconds),
                "skew": 0,
                "lag_p99": 0,
                "lag_max": 0,
                "cpu": 0,
                "saturated": False,
                "workers": 1,
                "connections": CONNECTIONS,
                "clock_change": ClockChange(seconds=0, error=0, elapsed=seconds),
                "tls": "",
            }
        ),
        problem="",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=int, default=1000)
    options = parser.parse_args()
    point = HttpPoint(
        id="scale",
        scenario="scale",
        clients=options.agents,
        rate=options.rate,
        connections=100,
        page_size=32 << 10,
        keep_alive=True,
        warm_up=0.0,
        duration=float(options.seconds),
        max_duration=float(options.seconds),
        timeout=5.0,
    )
    random = np.random.default_rng(1)
    histograms = [
        Histogram.of(0.002 * random.lognormal(0, 0.7, options.rate)).encode() for _ in range(options.seconds)
    ]
    reports = [report(f"agent-{number}", point, histograms) for number in range(options.agents)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    start = time.perf_counter()
    measured = measure(point, reports)
    merged = time.perf_counter()
    sla = HttpSla.model_validate(
        {"latency": {"p50": "10ms", "p99": "50ms", "p99.9": "0.2s"}, "achieved": "99%", "errors": "0.1%"}
    )
    verdict = judge(point, measured, sla, checks=100)
    judged = time.perf_counter()

    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{options.agents} agents x {options.seconds} blocks x 2 histograms, {measured.counts.due:,} requests"
    )
    print(
        f"merge {merged - start:.2f} s, judge {judged - merged:.2f} s, {(after - before) / 1024:.0f} MiB more"
    )
    print(f"verdict {verdict.outcome}{'; '.join(('', *verdict.reasons))}")


if __name__ == "__main__":
    main()
