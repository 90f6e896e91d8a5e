"""Whoever is no admin loads a cloud from one project, with what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.session.suite import Suite


def test_a_member_comes_to_a_verdict(suite: Suite, as_member: Path) -> None:
    ended = suite.run("--kb-scenario", suite.scenario(duration="5s"), clouds_yaml=as_member)
    assert ended.code == 0, ended.output
    assert set(ended.statuses().values()) == {"pass"}
    assert suite.left() == []
    kinds = {path.rpartition("/")[2] for path in suite.created()}
    assert "servers" in kinds
    assert not kinds & {"projects", "users", "flavors"}


@pytest.mark.nightly  # test_doctor.py shows what is said, and test_usage.py that a mistake exits 4
def test_a_member_cannot_have_several_tenants(suite: Suite, as_member: Path) -> None:
    path = Path(suite.scenario())
    path.write_text(path.read_text().replace("{flavor:", "{tenants: 2, flavor:"))
    ended = suite.run("--kb-scenario", str(path), clouds_yaml=as_member)
    assert ended.code == 4
    assert "Use an admin's credentials, or one tenant with as many routers." in ended.output
    assert suite.created() == []
