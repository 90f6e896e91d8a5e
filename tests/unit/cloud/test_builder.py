"""Creating one resource: when it is asked for again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest
from openstack import exceptions as sdk

from kb_tests.cloud import builder
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.patience import Patience
from kb_tests.errors import StagingError


class Conflict(sdk.ConflictException):
    """As openstacksdk raises it for a response."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.status_code = 409


QUOTA = "Quota exceeded for resources: ['port']."
SOON = Patience(first_wait=0.0)
CLOUD = cast("Cloud", SimpleNamespace(name="mycloud", connection=None, project_id="p1", patience=SOON))


@pytest.fixture
def create(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Ask for a port that is refused so many times; how often it was asked for."""

    def create(refusals: int, message: str) -> int:
        asked = 0

        def post(_connection: Any, _attributes: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked <= refusals:
                raise Conflict(message)
            return SimpleNamespace(id="port-1")

        port = dataclasses.replace(KINDS["port"], create=post)
        monkeypatch.setattr(builder, "KINDS", {"port": port})
        journal = Journal.start("mycloud", folder=tmp_path, now=1000.0)
        made = builder.Builder(CLOUD, journal, until=math.inf, stop=Event())
        try:
            assert made.create("port", "proxy").id == "port-1"
            assert [entry.id for entry in journal.entries()] == ["port-1"]
        except StagingError:
            assert journal.entries() == ()
            raise
        return asked

    return create


def test_a_quota_that_may_be_counted_twice_is_asked_again(create: Callable[..., int]) -> None:
    assert create(2, QUOTA) == 3


def test_a_quota_that_stays_exceeded_is_refused(create: Callable[..., int]) -> None:
    with pytest.raises(StagingError, match=r"refused port kb-\w+-proxy: 409 Quota exceeded for resources"):
        create(3, QUOTA)


def test_another_conflict_is_refused_at_once(create: Callable[..., int]) -> None:
    with pytest.raises(StagingError, match="409 The address is taken"):
        create(1, "The address is taken.")
