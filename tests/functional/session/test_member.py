"""Whoever is no admin loads a cloud from one project, with what is there."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.cloud.connect import connect
from kb_tests.localcloud.control import Running
from tests.functional.cloud.member import member
from tests.functional.session.suite import Suite


@pytest.fixture
def as_member(running: Running, tmp_path: Path) -> Iterator[Path]:
    with warnings.catch_warnings(action="ignore"):
        cloud = connect(running.cloud, running.clouds_yaml)
        with member(cloud, tmp_path) as clouds_yaml:
            yield clouds_yaml
        cloud.close()


def test_a_member_comes_to_a_verdict(suite: Suite, as_member: Path) -> None:
    ended = suite.run("--kb-scenario", suite.scenario(duration="5s"), clouds_yaml=as_member)
    assert ended.code == 0, ended.output
    assert set(ended.statuses().values()) == {"pass"}
    assert suite.left() == []
    kinds = {path.rpartition("/")[2] for path in suite.created()}
    assert "servers" in kinds
    assert not kinds & {"projects", "users", "flavors"}


def test_a_member_cannot_have_several_tenants(suite: Suite, as_member: Path) -> None:
    path = Path(suite.scenario())
    path.write_text(path.read_text().replace("{flavor:", "{tenants: 2, flavor:"))
    ended = suite.run("--kb-scenario", str(path), clouds_yaml=as_member)
    assert ended.code == 11
    assert "Use an admin's credentials, or one tenant with as many routers." in ended.output
    assert suite.created() == []
