"""What the web UI costs, and how fast its pages are: `python -m benchmarks.web`, on a quiet machine.

It takes chromium and its driver. Exits 1 where a limit is not kept; each line says figure and limit.

- beside 500 generators: memory and CPU of `kb ui` while a page follows a session that tells of each second
- first paint: the median of 15 loads of the overview of 300 runs, in a browser that was there before and in
  one that keeps nothing: of the frame, which needs no script, and of what the overview says, which has to be
  asked for by scripts. The latter's limit is our own: after a second people lose their thought.
- 1,000 servers, an hour: frames a second, heap, longest task and nodes of the live page that has all of it
"""

from __future__ import annotations

import argparse
import base64
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kb_tests.events.model import PointStarted, Second
from tests.browser.told import CLOUD, POINTS, Told
from tests.browser.ui import Page, Ui, browser
from tests.unit.report.build import judged, run

MB = 1e6
LOADS = 15
RUNS = 300
TICK = os.sysconf("SC_CLK_TCK")

FRAMES = """
const done = arguments[1], from = performance.now(), tasks = [];
const seen = (list) => tasks.push(...list.getEntries().map((one) => one.duration));
new PerformanceObserver(seen).observe({entryTypes: ["longtask"]});
let frames = 0;
const frame = (now) => {
  frames += 1;
  if (now - from < arguments[0] * 1000) requestAnimationFrame(frame);
  else done([frames / (now - from) * 1000, Math.max(0, ...tasks), document.getElementsByTagName("*").length]);
};
requestAnimationFrame(frame);
"""


LARGEST = """
const done = arguments[0];
const seen = (list) => done(list.getEntries().at(-1).startTime);
new PerformanceObserver(seen).observe({type: "largest-contentful-paint", buffered: true});
"""
"""When the largest part of the page was painted: the table of runs, or the headline above it."""


def second(index: int, servers: int, hosts: int) -> Second:
    rate = servers * 100
    return Second(
        cloud=CLOUD,
        point=POINTS[0],
        index=index,
        agents=servers,
        expected=servers,
        due=rate,
        completed=rate,
        failed=0,
        bytes=rate * 1024,
        buckets=tuple((40 + place, rate // 40) for place in range(40)),
        hosts=tuple((f"compute-{host:03}", rate // hosts, 0, 50 + host % 7) for host in range(hosts)),
        servers=base64.b64encode(bytes(50 + place % 9 for place in range(servers))).decode(),
        shares=base64.b64encode(bytes([100]) * servers).decode(),
        lag=0.0004,
        cpu=0.4,
    )


def told(ui: Ui, sid: str, servers: int, duration: float) -> Told:
    session = Told(ui.folder / "state/kb/sessions", sid, "bbbb0001")
    session.begin()
    limits = {"latency p50": 0.01, "latency p99": 0.05}
    session.say(
        PointStarted(
            cloud=CLOUD,
            point=POINTS[0],
            look=1,
            looks=1,
            duration=duration,
            warm_up=0,
            offered=servers * 100,
            unit="requests/s",
            agents=servers,
            limits=limits,
        )
    )
    return session


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid: int) -> float:
    """Bytes that a process holds."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line[:6] == "VmRSS:")
    return int(line.split()[1]) * 1024.0


def each_second(seconds: int) -> Iterator[int]:
    began = time.monotonic()
    for index in range(seconds):
        yield index
        time.sleep(max(0.0, began + index + 1 - time.monotonic()))


def beside_generators(ui: Ui, page: Page, seconds: int) -> Iterator[tuple[str, float, float, bool]]:
    session = told(ui, "0a0b0c0d", 500, seconds)
    session.say(second(0, 500, 40))
    page.go(f"{ui.base}/sessions/0a0b0c0d")
    page.until(lambda: "second 0" in page.text, "the first second")
    before, began = cpu(ui.process.pid), time.monotonic()
    for index in each_second(seconds):
        session.say(second(index + 1, 500, 40))
    used = (cpu(ui.process.pid) - before) / (time.monotonic() - began)
    yield "kb ui beside 500 generators, % of a core", used * 100, 5, True
    yield "kb ui beside 500 generators, MB", memory(ui.process.pid) / MB, 120, True
    session.end()


def first_paint(ui: Ui, page: Page) -> Iterator[tuple[str, float, float, bool]]:
    record = run([judged()], run="aaaa0000", exit_code=0)
    for number in range(RUNS):
        record.model_copy(update={"run": f"aaaa{number:04x}"}).write(ui.reports)
    page.go(ui.base)
    page.until(lambda: "Recent runs" in page.text, "the overview")
    page.driver.execute_cdp_cmd("Network.enable", {})
    for kept, what in ((True, "first paint"), (False, "first paint of a browser that keeps nothing")):
        page.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": not kept})
        times, whole = [], []
        for _ in range(LOADS):
            page.go(f"{ui.base}/?{time.monotonic()}")
            page.until(lambda: "Recent runs" in page.text, "the overview")
            script = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
            times.append(float(page.driver.execute_script(script)))
            whole.append(float(page.driver.execute_async_script(LARGEST)))
        yield f"{what}, median of {LOADS}, ms", statistics.median(times), 100, True
        yield f"{what}: the runs, median, ms", statistics.median(whole), 1000, True
    page.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
    page.driver.execute_cdp_cmd("Network.disable", {})


def an_hour(ui: Ui, page: Page, seconds: int) -> Iterator[tuple[str, float, float, bool]]:
    session = told(ui, "0a0b0c0e", 1000, 3600 + seconds + 60)
    session.say(*(second(index, 1000, 40) for index in range(3600)))
    page.go(f"{ui.base}/sessions/0a0b0c0e")
    page.until(lambda: "second 3599" in page.text, "an hour")
    page.driver.execute_cdp_cmd("Performance.enable", {})
    page.driver.set_script_timeout(600)
    pid = os.fork()
    if pid == 0:
        for index in each_second(seconds + 5):
            session.say(second(3600 + index, 1000, 40))
        os._exit(0)
    fps, longest, nodes = page.driver.execute_async_script(FRAMES, seconds)
    os.waitpid(pid, 0)
    page.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    metrics = page.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    heap = next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize")
    yield "1,000 servers, an hour: frames a second", fps, 55, False
    yield "1,000 servers, an hour: heap, MB", heap / MB, 150, True
    yield "1,000 servers, an hour: longest task, ms", longest, 100, True
    yield "1,000 servers, an hour: nodes", nodes, 3000, True
    session.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement (default: 30)")
    seconds = parser.parse_args().seconds
    broken = 0
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as folder, browser(performance=False) as page:
        ui = Ui(Path(folder))
        page.look(1440, dark=False)
        page.go(ui.address)
        for part in (beside_generators(ui, page, seconds), first_paint(ui, page), an_hour(ui, page, seconds)):
            for what, value, limit, at_most in part:
                kept = value <= limit if at_most else value >= limit
                broken += not kept
                sign = "≤" if at_most else "≥"
                print(f"{'kept  ' if kept else 'BROKEN'} {what}: {value:.1f} ({sign} {limit:g})", flush=True)
        ui.end()
    print(f"load of the machine after: {os.getloadavg()[0]:.1f}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
