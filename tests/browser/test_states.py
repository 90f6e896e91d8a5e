"""Every page in every state, on each screen: nothing that axe finds, nothing wider than the screen.

With KB_SCREENSHOTS=FOLDER each of them is a picture there, to be looked at.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from kb_tests.events.model import Leaked, Log, PointSeen, Problem, SessionEnded, Stopping, Teardown
from kb_tests.history.tags import set_tags
from kb_tests.measure.heat import Heat
from kb_tests.report.capacity import CurveSeen
from kb_tests.report.heat import HeatRecord
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.record import PointStatus
from kb_tests.sla.capacity.model import End
from kb_tests.sla.verdict import Outcome
from tests.browser.told import CLOUD, POINTS, SEARCH, Told
from tests.browser.ui import Page, Ui, browser
from tests.unit.report.build import STARTED, judged, point, run, without
from tests.unit.session import test_searching as searches
from tests.unit.web.test_clouds import kept_run

RECORDED = Path(__file__).parents[1] / "unit/report/records"
CLOUDS = f"""\
clouds:
  {CLOUD}:
    auth: {{auth_url: "http://127.0.0.1:9/v3", username: somebody, password: something, project_name: some}}
"""
BROKEN = "hooks: [{at: 1s, run: ['true']}]\nname: wrong\nkind: http\nload: {rate: often}\n"


class World:
    """A UI, a browser, and the folders between them."""

    def __init__(self, folder: Path, page: Page) -> None:
        self.folder, self.page = folder, page
        (folder / "clouds.yaml").write_text(CLOUDS)
        (folder / "scenarios").mkdir()
        (folder / "scenarios/wrong.yaml").write_text(BROKEN)
        self.told: list[Told] = []
        env = {"OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml")}
        self.ui = Ui(folder, "--scenarios", str(folder / "scenarios"), env=env)
        page.go(self.ui.address)
        page.until(lambda: bool(page.title), "a page")

    def session(self, sid: str, run: str) -> Told:
        self.told.append(Told(self.folder / "state/kb/sessions", sid, run))
        self.told[-1].begin()
        return self.told[-1]

    def shows(self, path: str, text: str, name: str) -> None:
        self.page.go(self.ui.base + path)
        self.is_fine(text, name)

    def is_fine(self, text: str, name: str) -> None:
        self.page.until(lambda: text in self.page.text, f"{text!r} on {name}")
        self.page.until(lambda: not self.page.driver.find_elements(By.CSS_SELECTOR, "[aria-busy=true]"))
        self.page.fine(name)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, page: Page) -> Iterator[World]:
    made = World(tmp_path, page)
    yield made
    for each in made.told:
        each.end()
    if made.ui.process.poll() is None:
        made.ui.end()


def test_before_the_first_run(world: World) -> None:
    world.is_fine("No runs yet", "overview-empty")
    world.shows("/runs", "No run", "runs-empty")
    world.shows("/compare", "Compare", "compare-empty")
    world.shows("/runs/00000000", "no such run", "run-none")
    world.shows("/sessions/00000000", "no such session", "session-none")
    world.shows("/nothing/here", "nothing at this address", "nowhere")
    world.shows("/about", "Keys", "about")
    world.shows("/api", "operations", "api")


def test_what_runs_left(world: World) -> None:
    points = [judged(point(clients, rate)) for clients in (2, 4) for rate in (500, 1000)]
    red = judged(point(4, 2000), median=0.05, failing=0.02)
    run(points, run="aaaa0001", exit_code=0).write(world.ui.reports)
    run([*points, red], run="aaaa0002", exit_code=1).write(world.ui.reports)
    left = run([judged(undecided=True)], run="aaaa0003", exit_code=12, leaks=["server kb-aaaa0003-proxy"])
    left.problems.append("Servers are left: the cloud refused to delete them.")
    left.write(world.ui.reports)
    others = [
        without(PointStatus.NOT_RUN, "It was not tried, since a smaller scale broke the SLA."),
        judged(point(4, 250), reasons=["An agent was silent for 3 s."]),
        without(PointStatus.LOST, "Its worker ended.", point(4, 750)),
    ]
    run(others, run="aaaa0004", exit_code=None, ended=None).write(world.ui.reports)
    for name in ("schema-1-storage", "schema-1-red"):
        record = json.loads((RECORDED / f"{name}.json").read_text())
        (world.ui.reports / f"{record['run']}.json").write_text(json.dumps(record))
    storage = json.loads((RECORDED / "schema-1-storage.json").read_text())
    kept_run(world.folder / "state")
    world.shows("/", "Recent runs", "overview")
    world.shows("/runs", "aaaa0002", "runs")
    world.shows("/runs?outcome=fail&q=nothing", "No run", "runs-none-match")
    world.shows("/runs/aaaa0001", "SLA", "run-pass")
    world.shows("/runs/aaaa0002", "Findings", "run-fail")
    world.shows("/runs/aaaa0003", "Left on the cloud", "run-leaked")
    world.shows("/runs/aaaa0004", "No exit code", "run-unfinished")
    world.shows(f"/runs/{storage['run']}", storage["run"], "run-storage")
    world.shows(f"/runs/aaaa0002/points/{red.point.id}", "8,000 req/s", "point-fail")
    world.shows(f"/runs/aaaa0002/points/{red.point.id}?t=3-9", "s selected", "point-selected")
    world.page.press("as table")
    world.is_fine("as picture", "point-table")
    world.shows(f"/runs/aaaa0003/points/{point().id}", "4,000 req/s", "point-inconclusive")
    world.shows(f"/runs/aaaa0004/points/{point().id}", "not tried", "point-not-run")
    world.shows(f"/runs/aaaa0004/points/{point(4, 250).id}", "silent for 3 s", "point-invalid")
    world.shows(f"/runs/aaaa0004/points/{point(4, 750).id}", "worker ended", "point-lost")
    first = storage["points"][0]["point"]["id"]
    world.shows(f"/runs/{storage['run']}/points/{first}", "IOPS", "point-storage")
    world.shows("/compare?a=aaaa0001&b=aaaa0002", "aaaa0002", "compare")


def test_the_ways_to_a_comparison(world: World) -> None:
    """A tag is a side, A alone no fault yet, and "anyway" is offered only where that is the matter."""
    for number in range(4):
        began = STARTED + timedelta(days=number)
        one = judged(median=0.004 * 3**number)
        assert isinstance(one.measurement, HttpMeasurementRecord)
        heat = HeatRecord.of(Heat(0, 1, tuple(((40 + 6 * number, 100),) for _ in range(30))))
        one = one.model_copy(update={"measurement": one.measurement.model_copy(update={"heat": heat})})
        made = run([one], run=f"aaaa000{number}", exit_code=0, started=began, ended=began)
        set_tags(made.write(world.ui.reports), ["after" if number > 1 else "before"])
    run([judged(replace(point(), page_size=64))], run="aaaa0009", exit_code=0).write(world.ui.reports)
    world.shows("/compare?a=before", "Choose B, too", "compare-a-alone")
    assert "Compare anyway" not in world.page.text
    world.shows("/compare?a=before&b=after", "2 runs", "compare-tags")
    assert "after" in world.page.title
    world.shows("/compare?a=aaaa0001&b=aaaa0001", "on both sides", "compare-same")
    assert "Compare anyway" not in world.page.text
    world.shows("/compare?a=aaaa0001&b=aaaa0009", "has to agree", "compare-refused")
    world.page.press("Compare anyway")
    world.is_fine("What this sample shows", "compare-anyway")
    world.shows("/compare?a=aaaa0000&b=aaaa0003", "by second", "compare-beside")
    ticks = (
        "return [...document.querySelectorAll('.c7 svg')].map((one) => [...one.querySelectorAll('text')]"
        ".filter((text) => text.getAttribute('text-anchor') === 'end')"
        ".map((text) => `${text.textContent} ${text.getAttribute('y')}`).join())"
    )
    a, b = world.page.driver.execute_script(ticks)
    assert a == b, "both are on one scale"
    world.page.go(f"{world.ui.base}/runs/aaaa0003")
    world.page.press("Compare with the last pass")
    world.page.until(lambda: "a=aaaa0000&b=aaaa0003" in world.page.driver.current_url)


def test_how_a_search_ended(world: World) -> None:
    """Found, and too wide, each with the curve that it was read off; refused; hardly begun."""
    found, probes, _ = searches.run(searches.scenario(), 150)
    kept = found.capacity
    assert kept is not None
    curve = tuple(
        CurveSeen(load=kept.low * (0.85 + step / 40), share=share, low=share * 0.6, high=min(1, share * 1.7))
        for step, share in enumerate((0.0005, 0.001, 0.002, 0.004, 0.007, 0.011, 0.02, 0.05, 0.1, 0.3))
    )
    outcomes = itertools.cycle((Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL))
    seen = tuple(
        one.model_copy(update={"outcome": outcome})
        for one, outcome in zip(kept.probes, outcomes, strict=False)
    )
    ends: list[dict[str, Any]] = [
        {"curve": curve, "probes": seen},
        {"end": End.TOO_WIDE, "low": 120.0, "high": 150.0, "more": 900.0, "curve": curve},
        {"end": End.DRIFTING, "low": 0.0, "high": math.inf},
        {"end": End.UNDECIDED, "low": 0.0, "high": math.inf, "kept": 0.0, "probes": seen[:1]},
    ]
    for number, changes in enumerate(ends):
        searched = found.model_copy(update={"capacity": kept.model_copy(update=changes)})
        record = searches.told(searched, probes).model_copy(update={"run": f"cccc000{number}"})
        record.write(world.ui.reports)
        world.shows(f"/runs/cccc000{number}/capacity/{found.id}", "Loads tried", f"capacity-{number}")
    world.shows(f"/runs/cccc0000/points/{found.id}", "How it was searched", "capacity-point")
    world.shows("/runs/cccc0000", "capacity", "capacity-run")


def test_a_search_while_it_runs_and_when_it_has_ended(world: World) -> None:
    """One rung, whatever it tries; the answer in words, with a way to how it was found."""
    told = Told(world.folder / "state/kb/sessions", "0a0b0c0d", "bbbb0001")
    world.told.append(told)
    told.begin((SEARCH,))
    told.staged()
    told.tries((100, 125, 156), ends=False)
    world.shows("/sessions/0a0b0c0d", "load 3: 624 req/s", "live-search")
    assert len(world.page.driver.find_elements(By.CSS_SELECTOR, ".ladder li")) == 1
    found = "480 requests/s keep the SLA (95 %: 470 to 490), by latency p99 <= 50ms."
    told.say(PointSeen(cloud=CLOUD, point=SEARCH, status="judged", outcome="pass", told=found))
    told.say(Teardown(cloud=CLOUD, done=9, total=9), SessionEnded(exit_code=0))
    told.end()
    world.is_fine("How it was searched", "live-ended-search")
    world.page.until(lambda: "Exit code" in world.page.text and "3 loads" in world.page.text)


def test_points_that_are_no_plain_points(world: World) -> None:
    """Searches with and without something to be reached, beside a point; tests that judge by themselves."""
    for number, sla in enumerate(({}, {"capacity": {"at_least": 500}})):
        found, probes, _ = searches.run(searches.scenario(**sla), 150)
        record = searches.told(found, probes).model_copy(update={"run": f"cccc000{number}"})
        record.points.append(judged(point(scenario="far") if number else point()))
        record.write(world.ui.reports)
        world.shows(f"/runs/cccc000{number}", "How it was searched", f"run-search-{number}")
    own = judged().model_copy(update={"status": PointStatus.MEASURED, "verdict": None})
    run([own], run="dddd0001", exit_code=0).write(world.ui.reports)
    world.shows("/runs/dddd0001", "Nothing judged", "run-own")
    world.shows(f"/runs/dddd0001/points/{own.id}", "4,000 req/s", "point-own")
    world.shows("/compare?a=cccc0000&b=cccc0001", "How it was searched", "compare-searches")
    world.shows("/", "Recent runs", "overview-searches")
    empty = "return [...document.querySelectorAll('.points tbody td, .runs tbody td')]"
    empty += ".filter((one) => !one.textContent.trim() && !one.querySelector('svg')).length"
    for path in ("/", "/runs/cccc0000", "/runs/cccc0001", "/runs/dddd0001"):
        world.page.go(world.ui.base + path)
        world.page.until(lambda: bool(world.page.driver.find_elements(By.CSS_SELECTOR, "table tbody td")))
        assert world.page.driver.execute_script(empty) == 0, path


def test_a_run_of_a_thousand_points_and_a_name_without_end(world: World) -> None:
    long = "x" * 255
    many = [judged(point(4, 1 + rate)) for rate in range(4)]
    each = [
        one.model_copy(update={"point": replace(one.point, id=f"{one.point.id}-{n}")})
        for n in range(250)
        for one in many
    ]
    made = run(each, run="eeee0001", exit_code=0, cloud=long, leaks=[f"server {long}"])
    made.notes.append(long)
    made.write(world.ui.reports)
    world.shows("/runs/eeee0001", "1,000 points", "run-thousand")
    world.shows("/", long, "overview-long")
    world.shows("/runs", long, "runs-long")


def test_a_session_from_its_first_word_to_its_last(world: World) -> None:
    told = world.session("0a0b0c0d", "bbbb0001")
    world.shows("/sessions/0a0b0c0d", "Starting", "live-starting")
    told.stages()
    world.is_fine("4 of 8", "live-staging")
    told.staged()
    told.runs(0)
    world.is_fine("second 11", "live-running")
    told.judges(0)
    told.say(Log(cloud=CLOUD, text="<img src=x onerror=document.title='evil'>"))
    told.runs(1, slow=True)
    world.is_fine("Silent", "live-slow")
    world.page.press("Stop…")
    world.is_fine("Keep running", "live-stop")
    world.page.press("Keep running")
    told.judges(1, "fail")
    told.say(PointSeen(cloud=CLOUD, point=POINTS[2], status="not_run", reason="A smaller one broke."))
    told.say(Problem(cloud=CLOUD, sentence="The API answered 503 to a request."))
    world.shows("/", "Now", "overview-running")
    world.page.go(f"{world.ui.base}/sessions/0a0b0c0d")
    told.say(Stopping(cloud=CLOUD))
    world.is_fine("Stopping", "live-stopping")
    told.say(Teardown(cloud=CLOUD, done=7, total=30))
    world.is_fine("7 of 30", "live-removing")
    told.say(Teardown(cloud=CLOUD, done=30, total=30), SessionEnded(exit_code=1))
    told.end()
    world.is_fine("See that point", "live-ended-failed")
    assert "evil" not in world.page.driver.title


@pytest.mark.parametrize("how", ["passed", "leaked", "crashed", "kept"])
def test_how_a_session_can_end(world: World, how: str) -> None:
    if how in ("passed", "leaked"):  # the others are told of where there is no record, too
        run([judged()], run="aaaa0001", exit_code=0).write(world.ui.reports)
    told = world.session("0a0b0c0e", "0a0b0c0f")
    told.staged()
    told.runs(0)
    told.judges(0)
    text = {
        "passed": "Exit code",
        "leaked": "Left on the cloud",
        "crashed": "process is gone",
        "kept": "stays",
    }[how]
    if how == "kept":
        kept_run(world.folder / "state")
    if how == "leaked":
        told.say(Leaked(cloud=CLOUD, resources=("server kb-1",)))
    if how != "crashed":
        told.say(Teardown(cloud=CLOUD, done=9, total=9), SessionEnded(exit_code=12 if how == "leaked" else 0))
    told.end()
    world.shows("/sessions/0a0b0c0e", text, f"live-ended-{how}")
    first = {"crashed": "ended without a word", "kept": "stays on", "leaked": "Left on west-1"}.get(
        how, "Recent runs"
    )
    world.shows("/", first, f"overview-{how}")


def test_what_is_asked_for_and_what_is_refused(world: World) -> None:
    world.shows("/scenarios", "can be run", "scenarios")
    world.shows("/scenarios/http-east-west", "http-east-west", "scenario")
    world.shows("/scenarios/wrong", "wrong", "scenario-wrong")
    world.shows("/write?from=http-east-west", "Save", "write-http")
    world.shows("/write?from=storage-standard", "Save", "write-storage")
    world.shows("/new", "Choose a scenario", "new-empty")
    world.shows("/new?scenario=demo-http", "Uses 5 servers", "new")
    world.shows(f"/new?scenario=http-east-west&cloud={CLOUD}&mode=stage", "leaves them there", "new-stage")
    world.session("0a0b0c0d", "bbbb0001").staged()
    world.shows(f"/new?scenario=demo-http&cloud={CLOUD}", "is loaded", "new-busy")
    world.shows("/new?scenario=gone", "is not here", "new-gone")
    world.shows("/clouds", CLOUD, "clouds")
    world.shows(f"/clouds/{CLOUD}", "127.0.0.1:9", "cloud-unreachable")


def test_who_may_not(world: World) -> None:
    world.page.driver.execute_script("localStorage.clear()")
    world.shows("/", "kb ui", "without-token")
    world.page.go(world.ui.address)
    world.page.until(lambda: "No runs yet" in world.page.text)
    told = world.session("0a0b0c0d", "bbbb0001")
    told.staged()
    told.runs(0)
    world.shows("/sessions/0a0b0c0d", "last heard", "live-silent")
    world.ui.end()
    world.is_fine("Not heard", "live-not-heard")


def test_a_page_whose_server_is_gone_says_that_it_is_of_before(world: World) -> None:
    run([judged()], run="aaaa0001", exit_code=0).write(world.ui.reports)
    world.shows("/", "Recent runs", "overview-one")
    world.ui.end()
    world.is_fine("What stands here is of before", "overview-not-heard")


def test_a_tab_with_an_old_token_says_so_and_goes_on_with_that_of_another_tab(world: World) -> None:
    run([judged()], run="aaaa0001", exit_code=0).write(world.ui.reports)
    world.shows("/", "Recent runs", "overview-one")
    own = world.page.driver.execute_script("return localStorage.getItem('kb-token')")
    world.page.driver.execute_script("localStorage.setItem('kb-token', 'x'.repeat(43))")
    world.is_fine("open the address that kb ui prints", "overview-old-token")
    assert "`" not in world.page.text
    first = world.page.driver.current_window_handle
    world.page.driver.switch_to.new_window("tab")
    world.page.go(world.ui.base)
    world.page.until(lambda: "token" in world.page.text, "what to do without one")
    world.page.driver.execute_script("localStorage.setItem('kb-token', arguments[0])", own)
    world.page.driver.close()
    world.page.driver.switch_to.window(first)
    world.page.until(lambda: "of before" not in world.page.text, "the new token's answer")


@pytest.mark.parametrize(
    ("path", "field", "asked"),
    [("/new?scenario=demo-http", "#o-image", "/clouds"), ("/runs", "input[type=search]", "/runs?limit=50")],
)
def test_what_is_typed_stays_while_a_page_is_drawn_anew(
    world: World, path: str, field: str, asked: str
) -> None:
    """Every few seconds, for what it asks the server meanwhile."""
    run([judged()], run="aaaa0001", exit_code=0).write(world.ui.reports)
    world.page.go(world.ui.base + path)
    world.page.until(lambda: bool(world.page.driver.find_elements(By.CSS_SELECTOR, field)), field)
    count = "return performance.getEntriesByType('resource')"
    count += ".filter((one) => one.name.endsWith(arguments[0])).length"
    before = world.page.driver.execute_script(count, asked)
    typed = world.page.driver.find_element(By.CSS_SELECTOR, field)
    typed.send_keys("some-name")
    world.page.until(lambda: world.page.driver.execute_script(count, asked) >= before + 2, "two more answers")
    assert typed.get_attribute("value") == "some-name"
