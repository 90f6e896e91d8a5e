"""A mistake of usage ends a session before anything is staged, is said once, and exits 4."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.functional.session.suite import Ended, Suite

SPREAD = pytest.mark.parametrize(
    "spread", [[], pytest.param(["-n", "2"], marks=pytest.mark.nightly)], ids=["serial", "spread"]
)
OWN_TESTS = """\
def test_checkout_holds(kb_http):
    kb_http.run(rate=50, duration="1s")
def test_that_it_holds_again(kb_http):
    kb_http.run(rate=50, duration="1s")
"""


def assert_refused(suite: Suite, ended: Ended, sentence: str) -> None:
    """Said once, with exit code 4; nothing was made, and no record tells of a run."""
    assert ended.code == 4, ended.output
    assert ended.output.count(sentence) == 1, ended.output
    assert "Traceback" not in ended.output
    assert "Warning" not in ended.output
    assert ended.records == {}
    assert suite.created() == []
    assert suite.left() == []


def clouds_of(suite: Suite, **entries: tuple[str, str]) -> Path:
    """A clouds.yaml that has the local cloud's entry, and further ones like it with a pattern replaced."""
    content = json.loads(suite.running.clouds_yaml.read_text())
    plain = json.dumps(content["clouds"][suite.running.cloud])
    for name, (old, new) in entries.items():
        content["clouds"][name] = json.loads(re.sub(old, new, plain))
    path = suite.folder / "clouds.yaml"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kb-cloud", "nowhere"], "Cloud 'nowhere' is unknown"),
        (["--html", "/proc/report.html"], "No HTML report can be written to /proc/report.html"),
        *(
            pytest.param(arguments, sentence, marks=pytest.mark.nightly)
            for arguments, sentence in (
                (["--kb-image", "nothing"], "has no image 'nothing'"),
                (["--junitxml", "/proc/junit.xml"], "No JUnit file can be written to /proc/junit.xml"),
                (["--kb-reuse", "a run"], "'a run' is no run id"),
            )
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_said_once_however_many_points_there_are(
    suite: Suite, arguments: list[str], sentence: str
) -> None:
    scenario = f"--kb-scenario={suite.scenario(rates='[10, 20, 30]')}"
    assert_refused(suite, suite.run(scenario, *arguments), sentence)


@SPREAD
def test_a_mistake_in_the_last_scenario_shows_before_the_first_is_staged(
    suite: Suite, spread: list[str]
) -> None:
    last = Path(suite.scenario("last"))
    last.write_text(last.read_text().replace("topology: {", "topology: {placement: {servers: [moon]}, "))
    ended = suite.run(f"--kb-scenario={suite.scenario()}", f"--kb-scenario={last}", *spread)
    assert_refused(suite, ended, "has no moon to place servers in")


def test_a_mistake_of_the_other_cloud_shows_before_the_first_is_loaded(suite: Suite) -> None:
    clouds_yaml = clouds_of(suite, other=(r'"password": "[^"]*"', '"password": "wrong"'))
    clouds = ("--kb-cloud", suite.running.cloud, "--kb-cloud", "other")
    own = suite.folder / "test_own.py"
    own.write_text(OWN_TESTS)
    ended = suite.run(*clouds, f"--kb-scenario={suite.scenario()}", clouds_yaml=clouds_yaml, tests=own)
    assert_refused(suite, ended, "Cloud 'other' does not accept the credentials")


def test_a_mistake_of_the_other_side_shows_before_the_first_is_staged(suite: Suite) -> None:
    """The image that a variant names is that of B alone, and A would be staged for nothing."""
    pairs = ("--kb-pairs=3", "--kb-variant=image=kb-node,nothing")
    ended = suite.run(f"--kb-scenario={suite.scenario()}", *pairs)
    assert_refused(suite, ended, "has no image 'nothing'")


def test_the_embedded_cloud_is_no_exception(suite: Suite) -> None:
    embedded = ("--kb-cloud", "", f"--kb-scenario={suite.scenario(rates='[10, 20]')}")
    ended = suite.run(*embedded, "--kb-image=nothing")
    assert_refused(suite, ended, "has no image 'nothing'")
