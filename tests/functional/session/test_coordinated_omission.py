"""A server that stops for two seconds, time and again: who waits for answers would hardly see it."""

from __future__ import annotations

import os
import signal
import time

from tests.functional.session import inside
from tests.functional.session.live import Live
from tests.functional.session.suite import Suite

SCENARIO = """\
name: stall
kind: http
topology: {flavor: {ram: 128MiB}}
load: {page_size: 1KiB, connections: 50, rate: [1000], duration: 20s, warm_up: 1s, timeout: 5s}
sla: {latency: {p99: 1s}, errors: 1%}
"""

STALLS = ((signal.SIGSTOP, 2.0), (signal.SIGCONT, 2.5)) * 3
"""More than once: a single one in twenty seconds may be the only one in an hour, and stays inconclusive."""


def test_stalls_show_in_the_response_time_and_turn_the_gate_red(suite: Suite) -> None:
    (suite.folder / "stall.yaml").write_text(SCENARIO)
    live = Live(suite, "stall.yaml")
    try:
        live.wait_for_text("stall-clients-1-rate-1000: warm-up")
        time.sleep(5)
        workers = inside.nginx_workers(live.cloud)
        signalled = []
        for number, pause in STALLS:
            for pid in workers:
                os.kill(pid, number)
            signalled.append(time.monotonic())
            time.sleep(pause)
        ended = live.end()
    finally:
        live.kill()
    (point,) = ended.record["points"]
    assert point["verdict"]["reasons"] == [], ended.output
    checks = {check["name"]: check for check in point["verdict"]["checks"]}
    stalls = [end - begin for begin, end in zip(signalled[::2], signalled[1::2], strict=True)]
    # 6,000 of 20,000 requests fall due in the stalls; the slowest 200 of them waited for 1.93 s to 2 s
    assert 1.88 < checks["latency p99"]["value"] < max(stalls) + 0.3, ended.output
    assert checks["errors"]["value"] == 0
    assert ended.code == ended.record["exit_code"] == 1, ended.output
    assert checks["latency p99"]["outcome"] == "fail"
