from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.localcloud.netns import mounts

GOOD = {"op": "mount", "device": "/dev/vdb", "target": "/srv", "kind": "ext4", "options": ["ro"]}


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The servers whose mount namespace was entered."""
    pids: list[int] = []

    def inside(pid: int, action: Callable[[], None]) -> None:
        del action
        pids.append(pid)

    monkeypatch.setattr(mounts, "inside", inside)
    return pids


def test_a_volume_is_mounted_in_the_server_that_asks(entered: list[int]) -> None:
    assert mounts.serve(5, json.dumps(GOOD).encode()) == "ok"
    assert entered == [5]


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": "/dev/vda"},
        {"device": "/dev/vdb/../sda"},
        {"device": "/dev/vdb\n"},
        {"device": 5},
        {"kind": "overlay"},
        {"kind": None},
        {"kind": ["ext4"]},
        {"options": ["suid"]},
        {"options": "ro"},
        {"target": "srv"},
        {"target": "/srv\0"},
        {"op": "umount", "target": "/proc/sys"},
        {"op": "umount"},
    ],
)
def test_nothing_else_is(entered: list[int], wrong: dict[str, object]) -> None:
    assert mounts.serve(1, json.dumps({**GOOD, **wrong}).encode()) != "ok"
    assert entered == []


@given(st.binary(max_size=200))
def test_any_request_gets_an_answer(request: bytes) -> None:
    assert mounts.serve(1, request) != "ok"
