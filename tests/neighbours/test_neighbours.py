"""Beside every neighbour, serial and on two workers: record, JUnit and exit code are true."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import control
from kb_tests.localcloud.control import Running
from tests.functional.session.suite import Ended, Suite
from tests.neighbours.first_attempt import STATE
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
NEIGHBOURS = (
    "pytest-cov",
    "pytest-flakefinder",
    "pytest-randomly",
    "pytest-repeat",
    "pytest-rerunfailures",
    "pytest-timeout",
)
MODES = {"serial": (), "two-workers": ("-n", "2")}


class Case(StrEnum):
    """What the session is about."""

    KEPT = "an SLA that each of two points keeps"
    BROKEN = "an SLA that no run keeps"
    BAD_AT_FIRST = "an SLA that the first run breaks, and each further one would keep"
    LATE_BOOT = "servers that do not boot at the first attempt"
    LONG = "a point of 20 s"


@dataclass(frozen=True)
class Row:
    """A neighbour at work, and what is true afterwards."""

    neighbour: str
    options: str
    case: Case
    code: int
    """The exit code of the session."""

    runs: tuple[str, ...]
    """What the record says of every run of a point, in its order: the outcome, else the status."""

    tests: int
    """Test cases of the JUnit file."""

    red: int = 0
    """Those of them that failed; an attempt that is repeated has failed, whatever comes after it."""

    stagings: int = 1
    """How often servers were made."""


FLAKES = "--flake-finder --flake-runs 2"
RERUNS = "--reruns 2"
ROWS = (
    Row("pytest-xdist", "-x", Case.BROKEN, 1, ("fail",), tests=1, red=1),
    Row("pytest-xdist", "--maxfail 1", Case.BROKEN, 1, ("fail",), tests=1, red=1),
    Row("pytest-cov", "--cov .", Case.KEPT, 0, ("pass", "pass"), tests=2),
    Row("pytest-randomly", "-p no:cacheprovider", Case.KEPT, 0, ("pass", "pass"), tests=2),
    Row("pytest-timeout", "--timeout 300", Case.KEPT, 0, ("pass", "pass"), tests=2),
    Row("pytest-timeout", "--timeout 5 -o timeout_func_only=1", Case.LONG, 11, ("error",), tests=1, red=1),
    Row("pytest-repeat", "--count 2", Case.KEPT, 0, ("pass",) * 4, tests=4),
    Row("pytest-repeat", "--count 2", Case.BROKEN, 1, ("fail", "fail"), tests=2, red=2),
    Row("pytest-repeat", "--count 2", Case.BAD_AT_FIRST, 1, ("fail", "pass"), tests=2, red=1),
    Row("pytest-flakefinder", FLAKES, Case.KEPT, 0, ("pass",) * 4, tests=4),
    Row("pytest-flakefinder", FLAKES, Case.BROKEN, 1, ("fail", "fail"), tests=2, red=2),
    Row("pytest-flakefinder", FLAKES, Case.BAD_AT_FIRST, 1, ("fail", "pass"), tests=2, red=1),
    Row("pytest-rerunfailures", RERUNS, Case.KEPT, 0, ("pass", "pass"), tests=2),
    Row("pytest-rerunfailures", RERUNS, Case.BROKEN, 1, ("fail",) * 3, tests=3, red=3),
    Row("pytest-rerunfailures", RERUNS, Case.BAD_AT_FIRST, 1, ("fail", "pass", "pass"), tests=3, red=3),
    Row("pytest-rerunfailures", RERUNS, Case.LATE_BOOT, 0, ("error", "error", "pass"), 3, red=2, stagings=3),
)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture(scope="module")
def running(state: Path) -> Iterator[Running]:
    yield control.up(state, parent_pid=os.getpid())
    control.down(state)


@pytest.fixture
def suite(running: Running, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Suite]:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(STATE, str(state))
    suite = Suite(running, tmp_path)
    yield suite
    suite.admin.clear_faults()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.neighbour}-{row.case.name.lower()}")
def test_a_session_beside_it_is_true(suite: Suite, row: Row, mode: str) -> None:
    arguments = [*MODES[mode], *row.options.split(), *alone(row.neighbour), "--junitxml=junit.xml"]
    ended = suite.run(f"--kb-scenario={prepared(suite, row.case)}", *arguments, *extras(row.case))
    assert complaints(suite, row, ended) == [], ended.output
    eventually(lambda: suite.left() == [], what=suite.left)


def alone(neighbour: str) -> list[str]:
    """Options by which no other neighbour is loaded."""
    others = [name for name in NEIGHBOURS if name != neighbour]
    return [
        word
        for other in others
        for point in distribution(other).entry_points
        if point.group == "pytest11"
        for word in ("-p", f"no:{point.name}")
    ]


def prepared(suite: Suite, case: Case) -> str:
    """The scenario of a case, on a cloud that is as the case has it."""
    match case:
        case Case.KEPT:
            return suite.scenario(rates="[50, 60]", duration="5s", sla="{errors: 50%}")
        case Case.BROKEN:
            return suite.broken()
        case Case.BAD_AT_FIRST:
            return suite.scenario(rates="[50]", duration="4s", sla="{achieved: 80%}")
        case Case.LATE_BOOT:
            suite.admin.add_fault("boot-error", server="server-1", times=4)
            return suite.scenario(duration="5s")
        case Case.LONG:
            return suite.scenario(duration="20s")


def extras(case: Case) -> list[str]:
    """More options of a case."""
    return ["-p", "tests.neighbours.first_attempt"] if case is Case.BAD_AT_FIRST else []


def complaints(suite: Suite, row: Row, ended: Ended) -> list[str]:
    """What is not true of a session that is over."""
    found: list[str] = []

    def expect(what: str, told: object, true: object) -> None:
        if told != true:
            found.append(f"{what}: {told} is told, {true} is true")

    expect("exit code", ended.code, row.code)
    expect("exit code in the record", ended.record["exit_code"], row.code)
    expect("runs in the record", tuple(map(outcome_of, ended.record["points"])), row.runs)
    expect("stagings", suite.stagings(), row.stagings)
    cases = ET.parse(suite.folder / "junit.xml").getroot().findall(".//testcase")
    expect("test cases in JUnit", len(cases), row.tests)
    expect("red test cases in JUnit", sum(map(is_red, cases)), row.red)
    for case in cases:
        names = [each.get("name") for each in case.findall(".//property")]
        expect(f"properties of {case.get('name')} that stand twice", twice(names), set())
    for name in {str(case.get("name")) for case in cases}:
        runs = {outcome_of(point) for point in ended.record["points"] if point["test"].endswith(f"::{name}")}
        told = any(is_red(case) for case in cases if case.get("name") == name)
        expect(f"whether {name} is red in JUnit", told, runs != {"pass"})
    expect("order of rates", rates(cases), sorted(rates(cases)))
    found += [f"{word} in the output" for word in ("Traceback", "INTERNALERROR") if word in ended.output]
    return found


def outcome_of(point: Any) -> str:
    """What became of a run of a point."""
    return str(point["verdict"]["outcome"] if point["verdict"] else point["status"])


def is_red(case: ET.Element) -> bool:
    """Whether a test case failed, or its set-up did."""
    return case.find("failure") is not None or case.find("error") is not None


def twice(names: list[str | None]) -> set[str | None]:
    """What stands more than once."""
    return {name for name in names if names.count(name) > 1}


def rates(cases: list[ET.Element]) -> list[str]:
    """Each rate, in the order in which they were first tried."""
    found = [str(case.get("name")).partition("-rate-")[2][:2] for case in cases]
    return list(dict.fromkeys(found))
