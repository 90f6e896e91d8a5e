"""Whatever runs a test twice, renames, parametrizes or spreads it leaves a true record, JUnit and exit code.

Nothing is staged: see `unstaged`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import tests.functional.session.unstaged  # noqa: F401  # what pytester does not find it takes away again
from tests.functional.session.suite import AS_A_USER

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
SPREAD = pytest.mark.parametrize(
    "spread", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["serial", "spread"]
)

SCENARIO = """\
name: small
kind: http
topology: {flavor: {ram: 128MiB}}
load: {rate: %s, duration: 10s}
sla: {latency: {p99: 50ms}}
"""

RERUN = """
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    "As pytest-rerunfailures does: a failure that is tried again is logged as no failure."
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for last in (False, True):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = any(report.failed for report in reports)
        for report in reports:
            if report.failed and not last:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if not failed:
            break
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""

SWALLOW = """
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    "As flaky does: of a failure that is tried again nobody learns."
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""

AGAIN_INSIDE = """
import functools, pytest
def pytest_collection_modifyitems(items):
    for item in items:
        def twice(function=item.obj, **given):
            try:
                function(**given)
            except BaseException:
                function(**given)
        item.obj = functools.wraps(item.obj)(twice)
"""

PARAMETRIZED = """
import pytest
@pytest.fixture(autouse=True, params=["a", "b"])
def variant(request):
    return request.param
"""

PREFIXED = """
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("before")
    metafunc.parametrize("before", ["x-1", "x-2"])
"""


@dataclass(frozen=True)
class Ended:
    """A session that is over."""

    code: int
    output: str
    records: list[Any]
    junit: dict[str, Any]
    log: list[str]

    def runs(self) -> list[str]:
        """What became of every run of a point, in the record's order."""
        return [
            point["verdict"]["outcome"] if point["verdict"] else point["status"]
            for record in self.records
            for point in record["points"]
        ]

    def one_load_at_a_time(self) -> bool:
        """Whether each load of a cloud ended before the next one began."""
        clouds = {line.split(" ", 1)[1] for line in self.log if line.startswith("begin")}
        for cloud in clouds:
            seen = [line.split()[0] for line in self.log if line in (f"begin {cloud}", f"end {cloud}")]
            if seen != ["begin", "end"] * (len(seen) // 2):
                return False
        return bool(clouds)

    def stagings(self) -> list[str]:
        """The clouds that something was staged on, each staging once."""
        return sorted(line.split()[2] for line in self.log if line.startswith("staged"))


class Session:
    """Sessions in one folder: in this process, or spread over workers with processes of their own."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._capfd = capfd
        for name, value in {
            "PYTHONPATH": f"{ROOT}:{self.folder}",
            "KB_OUTCOMES": str(self.folder / "outcomes"),
            "KB_LOG": str(self.folder / "log"),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.chdir(folder)

    def run(
        self,
        *arguments: str,
        outcomes: Iterable[str] = (),
        neighbour: str = "",
        own: str = "",
        rates: str = "[50]",
        spread: bool = False,
    ) -> Ended:
        """A session of our tests, or of tests of one's `own`, beside a plugin `neighbour`."""
        (self.folder / "small.yaml").write_text(SCENARIO % rates)
        (self.folder / "outcomes").write_text("\n".join([*outcomes, ""]))
        (self.folder / "log").write_text("")
        command = (
            str(self._module("test_own", own) if own else ROOT / "kb_tests"),
            *("-p", "tests.functional.session.unstaged", "-p", self._module("neighbour", neighbour).stem),
            *("-p", "no:cacheprovider", "--rootdir", str(self.folder)),
            *("--kb-scenario", "small.yaml", "--junitxml", "junit.xml"),
            *(() if "--kb-cloud" in arguments else ("--kb-cloud", "one")),
            *(("-n", "2") if spread else ()),
            *arguments,
        )
        if spread:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *AS_A_USER, *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=180,
                check=False,
            )
            code, output = done.returncode, done.stdout
        else:
            code, output = int(pytest.main(list(command))), self._capfd.readouterr().out
        return Ended(code, output, self._records(), self._junit(), self._log())

    def _module(self, name: str, source: str) -> Path:
        """A module by a name of its own, since what this process has imported stays as it is."""
        path = self.folder / f"{name}_{zlib.crc32(f'{self.folder} {source}'.encode())}.py"
        path.write_text(source)
        return path

    def _records(self) -> list[Any]:
        paths = sorted((self.folder / "reports").glob("*.json"))
        records = [json.loads(path.read_text()) for path in paths]
        for path in paths:
            path.unlink()
        return sorted(records, key=lambda record: str(record["cloud"]))

    def _junit(self) -> dict[str, Any]:
        path = self.folder / "junit.xml"
        if not path.exists():
            return {}
        cases = {case.get("name", ""): case for case in ElementTree.parse(path).iter("testcase")}
        path.unlink()
        return cases

    def _log(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Session:
    return Session(tmp_path, monkeypatch, capfd)


def failed(case: Any) -> bool:
    return [child.tag for child in case if child.tag != "properties"] == ["failure"]


def properties(case: Any) -> list[tuple[str, str]]:
    return [(one.get("name"), one.get("value")) for one in case.iter("property")]


@pytest.mark.parametrize(
    ("neighbour", "spread"),
    [
        pytest.param(RERUN, False, id="rerun"),
        pytest.param(SWALLOW, False, id="swallow", marks=pytest.mark.nightly),
        pytest.param(AGAIN_INSIDE, False, id="inside", marks=pytest.mark.nightly),
        pytest.param(RERUN, True, id="rerun-spread", marks=pytest.mark.nightly),
    ],
)
def test_a_broken_sla_stays_broken_whoever_runs_the_test_again(
    session: Session, neighbour: str, spread: bool
) -> None:
    ended = session.run(neighbour=neighbour, outcomes=["fail", "pass"], spread=spread)
    assert ended.code == ended.records[0]["exit_code"] == 1, ended.output
    assert ended.runs() == ["fail", "pass"]
    assert [point["attempt"] for point in ended.records[0]["points"]] == [1, 2]
    (case,) = ended.junit.values()
    assert failed(case)
    names = [name for name, _ in properties(case)]
    assert len(names) == len(set(names)) > 0
    assert "1 point, 2 attempts: 1 pass, 1 fail" in ended.output


@pytest.mark.parametrize(
    ("outcomes", "runs", "code"),
    [
        (["inconclusive", "pass"], ["inconclusive", "pass"], 10),
        (["invalid", "pass"], ["invalid", "pass"], 11),
        (["inconclusive", "fail"], ["inconclusive", "fail"], 1),
    ],
    ids=lambda outcomes: "-".join(outcomes) if isinstance(outcomes, list) else None,
)
def test_what_one_attempt_found_is_true_whatever_the_next_one_finds(
    session: Session, outcomes: list[str], runs: list[str], code: int
) -> None:
    ended = session.run(neighbour=RERUN, outcomes=outcomes)
    assert ended.code == code, ended.output
    assert ended.runs() == runs
    (case,) = ended.junit.values()
    assert failed(case)


def test_every_look_at_a_point_is_in_the_record(session: Session) -> None:
    ended = session.run(
        "--kb-set", "load.max_duration=70s", outcomes=["inconclusive", "inconclusive", "pass"]
    )
    assert ended.code == 0, ended.output
    (point,) = ended.records[0]["points"]
    assert point["verdict"]["outcome"] == "pass"
    assert [look["verdict"]["outcome"] for look in point["earlier"]] == ["inconclusive", "inconclusive"]
    assert all(look["measurement"]["counts"]["due"] for look in point["earlier"])


def test_a_topology_that_is_staged_again_has_a_run_of_its_own(session: Session) -> None:
    ended = session.run(neighbour=RERUN, outcomes=["stage", "pass"])
    assert ended.code == 0, ended.output
    assert ended.runs() == ["error", "pass"]
    (case,) = ended.junit.values()
    assert not failed(case)
    first, second = ended.records[0]["points"]
    assert "cannot be staged" in first["reason"]
    assert second["run"] not in (None, ended.records[0]["run"])
    assert f"staged {second['run']} one" in ended.log
    assert ended.records[0]["problems"] == []
    assert f"It was staged again, after: {first['reason']}" in ended.records[0]["notes"]


@SPREAD
def test_what_a_command_line_sets_is_run_kept_and_shown(session: Session, spread: bool) -> None:
    """By the same values in all processes of a session."""
    arguments = (
        "--kb-set",
        "load.rate=[70, 80]",
        "--kb-set",
        "sla.latency.p99=40ms",
        "--html",
        "report.html",
    )
    ended = session.run(*arguments, spread=spread)
    assert ended.code == 0, ended.output
    (record,) = ended.records
    assert [point["point"]["rate"] for point in record["points"]] == [70, 80]
    (scenario,) = record["scenarios"]
    assert scenario["overrides"] == ["load.rate=[70, 80]", "sla.latency.p99=40ms"]
    assert scenario["settings"]["load"]["rate"] == [70, 80]
    assert "scenario small, with load.rate=[70, 80], sla.latency.p99=40ms" in ended.output
    assert "<code>load.rate=[70, 80]</code>" in (session.folder / "report.html").read_text()


def test_a_wrong_value_that_is_set_is_a_mistake_of_usage(session: Session) -> None:
    ended = session.run("--kb-set", "load.rat=[5]")
    assert (ended.code, ended.records) == (4, [])


@pytest.mark.parametrize(
    ("neighbour", "spread"),
    [
        pytest.param("", False, id="serial"),
        pytest.param(RERUN, False, id="rerun", marks=pytest.mark.nightly),
        pytest.param("", True, id="spread", marks=pytest.mark.nightly),
    ],
)
def test_a_mistake_is_one_of_usage_until_something_is_staged(
    session: Session, neighbour: str, spread: bool
) -> None:
    ended = session.run(neighbour=neighbour, outcomes=["mistake"], rates="[50, 60]", spread=spread)
    assert ended.code == 4, ended.output
    assert ended.output.count("There is no such image.") == 1
    assert (ended.records, ended.log) == ([], [])


def test_a_mistake_of_a_later_staging_is_one_of_the_infrastructure(session: Session) -> None:
    (session.folder / "other.yaml").write_text((SCENARIO % "[50]").replace("small", "other"))
    ended = session.run("--kb-scenario", "other.yaml", outcomes=["pass", "mistake"])
    assert ended.code == ended.records[0]["exit_code"] == 11, ended.output
    assert ended.runs() == ["pass", "error"]


def test_a_topology_that_cannot_be_staged_at_all_is_a_problem(session: Session) -> None:
    ended = session.run(neighbour=RERUN, outcomes=["stage", "stage"])
    assert ended.code == 11, ended.output
    assert ended.runs() == ["error", "error"]
    assert len(ended.records[0]["problems"]) == 2


@pytest.mark.parametrize(
    ("neighbour", "spread"),
    [
        pytest.param(PARAMETRIZED, False, id="behind"),
        pytest.param(PREFIXED, False, id="before", marks=pytest.mark.nightly),
        pytest.param(PARAMETRIZED, True, id="behind-spread", marks=pytest.mark.nightly),
    ],
)
def test_a_test_by_another_name_loads_the_same_cloud(session: Session, neighbour: str, spread: bool) -> None:
    ended = session.run(neighbour=neighbour, rates="[50, 60]", outcomes=["fail"], spread=spread)
    assert ended.code == 1, ended.output
    assert sorted(ended.runs()) == ["fail", "pass", "pass", "pass"]
    assert ended.stagings() == ["one"]
    assert ended.one_load_at_a_time()
    assert len({point["test"] for point in ended.records[0]["points"]}) == len(ended.junit) == 4


def test_a_test_that_was_not_run_is_not_forgotten_under_any_name(session: Session) -> None:
    ended = session.run("-x", neighbour=PARAMETRIZED, outcomes=["pass", "fail"], rates="[50, 60]")
    assert ended.code == 1, ended.output
    assert sorted(ended.runs()) == ["fail", "not_run", "not_run", "pass"]


@SPREAD
def test_clouds_with_names_that_pytest_escapes_are_loaded_by_one_worker_each(
    session: Session, spread: bool
) -> None:
    clouds = ("--kb-cloud", "nuage-d'été", "--kb-cloud", "雲")
    ended = session.run(*clouds, rates="[50, 60]", spread=spread)
    assert ended.code == 0, ended.output
    assert ended.stagings() == ["nuage-d'été", "雲"]
    assert ended.one_load_at_a_time()
    assert ended.runs() == ["pass"] * 4


@pytest.mark.parametrize(
    ("stop", "outcome", "code"),
    [
        pytest.param("-x", "fail", 1, id="x"),
        pytest.param("--maxfail=2", "invalid", 11, id="maxfail", marks=pytest.mark.nightly),
    ],
)
def test_a_run_that_stops_at_a_failure_says_of_what_also_when_it_is_spread(
    session: Session, stop: str, outcome: str, code: int
) -> None:
    ended = session.run(stop, rates="[50, 60, 70]", outcomes=[outcome] * 2, spread=True)
    assert ended.code == code, ended.output
    assert ended.runs()[-1] == "not_run"


OWN = """
import math
def test_checkout_holds(kb_http):
    measured = kb_http.run(rate=50%s)
    assert measured.latency.percentile(99) < %s
"""


def test_every_measurement_of_every_test_of_ones_own_is_kept(session: Session) -> None:
    one = OWN % ("", 1)
    two = one.replace("checkout", "sign_in").replace("measured = ", "kb_http.run(rate=60)\n    measured = ")
    ended = session.run(own=one + two)
    assert ended.code == 0, ended.output
    points = ended.records[0]["points"]
    assert [point["status"] for point in points] == ["measured"] * 3
    assert len({point["point"]["id"] for point in points}) == 3
    assert len({point["test"] for point in points}) == 2
    told = dict(properties(ended.junit["test_sign_in_holds[small]"]))
    assert [told["kb.point"], told["kb.2.point"]] == [point["point"]["id"] for point in points[1:]]


@pytest.mark.parametrize(
    ("asked", "limit", "outcome", "code", "status"),
    [
        ("", "1", "loses", 11, "invalid"),
        (", allow_invalid=True", "1", "loses", 0, "measured"),
        (", allow_invalid=True", "0", "loses", 1, "measured"),
        pytest.param("", "1", "lags", 0, "measured", marks=pytest.mark.nightly),
        pytest.param("", "0", "lags", 11, "measured", marks=pytest.mark.nightly),
        ("", "0", "pass", 1, "measured"),
    ],
)
def test_a_test_of_ones_own_passes_only_on_what_can_be_believed(
    session: Session, asked: str, limit: str, outcome: str, code: int, status: str
) -> None:
    ended = session.run(own=OWN % (asked, limit), outcomes=[outcome])
    assert ended.code == code, ended.output
    assert ended.runs() == [status]
    assert ("generators are missing" in ended.output) == (outcome == "loses")
    assert bool(ended.records[0]["failures"]) == (code == 1)
    assert bool(ended.records[0]["problems"]) == (code == 11 and status == "measured")


@pytest.mark.parametrize("neighbour", [RERUN, SWALLOW], ids=["rerun", "swallow"])
def test_a_test_of_ones_own_that_failed_once_stays_failed(session: Session, neighbour: str) -> None:
    limit = "(0 if 'own-1-' in measured.point.id else 1)"
    ended = session.run(own=OWN % ("", limit), neighbour=neighbour)
    assert ended.code == 1, ended.output
    assert ended.runs() == ["measured", "measured"]


def test_wrong_arguments_are_one_sentence_each(session: Session) -> None:
    ended = session.run(own="def test_it(kb_http):\n    kb_http.run(rate=-5, duration='0s')\n")
    assert ended.code == 1, ended.output
    assert re.search(r"kb_http\.run: rate: found -5; .* duration: found '0s'; ", ended.output)
    assert "Traceback" not in ended.output
    assert not any(line.startswith("begin") for line in ended.log)
