"""A kind of load that is none of the suite's goes through every room by entries in their tables alone."""

from __future__ import annotations

from tests.functional.session.suite import Suite

SCENARIO = """\
name: toy
kind: connects
topology: {flavor: {ram: 128MiB}}
load: {rate: [20], duration: 3s}
sla: {p99: 900ms, failed: 50%}
"""
TEST = """\
def test_connects(kb_connects, kb_point):
    kb_connects.check_sla(kb_point)
"""


def test_a_kind_of_ones_own_is_staged_loaded_judged_and_reported(suite: Suite) -> None:
    scenario, test = suite.folder / "toy.yaml", suite.folder / "test_toy.py"
    scenario.write_text(SCENARIO)
    test.write_text(TEST)
    ended = suite.run(
        "-p",
        "tests.toy.plugin",
        f"--kb-scenario={scenario}",
        "--html=toy.html",
        "--junitxml=toy.xml",
        tests=test,
    )
    assert ended.code == 0, ended.output
    (point,) = ended.record["points"]
    assert point["verdict"]["outcome"] == "pass"
    assert len(point["measurement"]["took"]) + point["measurement"]["failed"] == 60
    assert "connects/s" in ended.output
    assert "toy-clients-1-rate-20" in (suite.folder / "toy.html").read_text()
    assert "kb.connects.failed" in (suite.folder / "toy.xml").read_text()
    assert suite.left() == []
