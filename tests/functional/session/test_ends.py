"""How sessions end: exit codes, sentences, records, and what is left."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.functional.session.suite import Suite
from tests.waiting import PATIENCE, eventually

OWN_TESTS = """\
def test_checkout_holds(kb_http):
    measured = kb_http.run(rate=50, duration="1s")
    assert measured.counts.completed == 50
    assert measured.latency.percentile(50) < 30
def test_checkout_takes_no_time(kb_http):
    assert kb_http.run(rate=60, duration="1s").latency.percentile(50) < 0
"""


def test_a_kept_sla_exits_0(suite: Suite) -> None:
    ended = suite.run(
        f"--kb-scenario={suite.scenario(duration='5s')}", "--junitxml=junit.xml", "--html=r.html"
    )
    assert ended.code == 0, ended.output
    assert ended.statuses() == {"small-clients-1-rate-50": "pass"}
    assert ended.record["exit_code"] == 0
    assert 'name="kb.outcome" value="pass"' in (suite.folder / "junit.xml").read_text()
    html = (suite.folder / "r.html").read_text()
    assert "<svg" in html
    assert not re.search(r'src="https?://|<link[^>]+https?://', html)
    assert suite.left() == []


def test_a_closed_loop_over_https_reaches_a_verdict_on_errors(suite: Suite) -> None:
    """It uses all the CPU that it gets, which spoils nothing that is judged."""
    scenario = Path(suite.scenario(rates="[0]", duration="5s", sla="{errors: 5%}"))
    scenario.write_text(scenario.read_text().replace("timeout: 30s", "timeout: 30s, tls: true"))
    ended = suite.run(f"--kb-scenario={scenario}")
    assert ended.code == 0, ended.output
    assert ended.statuses() == {"small-clients-1-rate-0": "pass"}
    assert "(closed loop)" in ended.output
    (point,) = ended.record["points"]
    assert point["point"]["tls"] is True
    assert [agent["tls"].split()[0] for agent in point["measurement"]["agents"]] == ["TLSv1.3"]


def test_a_broken_sla_exits_1_says_by_how_much_and_is_not_tried_at_a_larger_scale(suite: Suite) -> None:
    scenario = Path(suite.broken())
    rising = "timeout: 1s, clients: {start: 1, stop_at_failure: true}"
    text = scenario.read_text().replace("timeout: 1s", rising)
    scenario.write_text(text.replace("topology: {", "topology: {servers_per_network: 3, "))
    ended = suite.run(f"--kb-scenario={scenario}", "--junitxml=junit.xml", "-rs")
    assert ended.code == ended.record["exit_code"] == 1, ended.output
    assert ended.statuses() == {
        "small-clients-1-rate-5000": "fail",
        "small-clients-2-rate-5000": "past_stop_limit",
        "small-clients-3-rate-5000": "past_stop_limit",
    }
    reason = "It was left out, since small-clients-1-rate-5000 has broken the SLA at a smaller scale."
    assert [point["reason"] for point in ended.record["points"]] == ["", reason, reason]
    assert re.search(r"achieved rate \S+% is under its limit 50% by \S+", ended.output)
    assert "1 failed, 2 skipped" in ended.output
    assert reason in ended.output
    junit = (suite.folder / "junit.xml").read_text()
    assert (junit.count("<failure"), junit.count("<skipped")) == (1, 2)
    assert suite.left() == []


def test_a_sample_that_cannot_decide_exits_10(suite: Suite) -> None:
    """Where it is to pass by request, it does: see test_staging_once."""
    ended = suite.run(f"--kb-scenario={suite.scenario(sla='{errors: 0.1%}')}")
    assert ended.code == 10, ended.output
    assert ended.statuses() == {"small-clients-1-rate-50": "inconclusive"}


@pytest.mark.nightly  # without a cloud, test_again.py shows it
def test_a_point_that_was_not_run_never_exits_0(suite: Suite) -> None:
    ended = suite.run(f"--kb-scenario={suite.broken('[5000, 6000]')}", "-x")
    assert ended.code == 1, ended.output
    assert list(ended.statuses().values()) == ["fail", "not_run"]


def test_a_users_own_test_takes_the_fixtures(suite: Suite) -> None:
    own = suite.folder / "test_own.py"
    own.write_text(OWN_TESTS)
    ended = suite.run(f"--kb-scenario={suite.scenario()}", "-rA", tests=own)
    assert ended.code == 1, ended.output
    assert list(ended.statuses().values()) == ["measured"] * 2
    assert re.search(r"PASSED \S+::test_checkout_holds", ended.output)
    assert re.search(r"FAILED \S+::test_checkout_takes_no_time", ended.output)
    assert suite.stagings() == 1


def test_a_wrong_scenario_is_a_usage_error(suite: Suite) -> None:
    path = suite.folder / "wrong.yaml"
    path.write_text("name: wrong\nkind: http\nload: {rat: [5]}\nsla: {errors: 1%}\n")
    ended = suite.run("--kb-scenario=wrong.yaml")
    assert ended.code == 4
    assert "wrong.yaml:3: load.rat is unknown; did you mean rate?" in ended.output
    assert suite.created() == []


def test_a_cloud_that_is_down_is_no_mistake_of_usage(suite: Suite) -> None:
    clouds_yaml = suite.folder / "clouds.yaml"
    clouds_yaml.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", suite.running.clouds_yaml.read_text()))
    ended = suite.run(f"--kb-scenario={suite.scenario()}", clouds_yaml=clouds_yaml)
    assert ended.code == 11, ended.output
    assert "cannot be reached" in ended.output
    assert "Traceback" not in ended.output
    assert suite.created() == []


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "resources"),
        (signal.SIGTERM, "/300s"),
        pytest.param(signal.SIGTERM, "resources", marks=pytest.mark.nightly),
        pytest.param(signal.SIGINT, "/300s", marks=pytest.mark.nightly),
    ],
)
def test_a_cancelled_session_leaves_nothing(suite: Suite, number: signal.Signals, moment: str) -> None:
    log = suite.folder / "log"
    scenario = suite.scenario(duration="300s")
    with log.open("w") as output:
        process = subprocess.Popen(
            suite.command("--kb-cloud", suite.running.cloud, f"--kb-scenario={scenario}"),
            cwd=suite.folder,
            env=suite.environment(),
            stdout=output,
            stderr=output,
        )
    eventually(lambda: moment in log.read_text(), what=log.read_text)
    process.send_signal(number)
    assert process.wait(PATIENCE) == 2, log.read_text()
    assert suite.left() == [], log.read_text()
    (record,) = suite.take_records().values()
    assert record["points"][0]["status"] in ("not_run", "error")
    assert "Traceback" not in log.read_text()
