from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kb_tests.cloud.kind import Resource
from kb_tests.cloud.kinds import KINDS, LAST_TO_GO
from kb_tests.cloud.mark import Mark

MARK = Mark("01234567", 1_800_000_000)
OTHER = Mark("89abcdef", 1_800_000_000)


def found(kind: str, name: str, mark: object) -> Any:
    """An object as openstacksdk gives it, with the mark where the kind's POST put it."""
    attributes: dict[str, Any] = {
        "id": "id1",
        "name": name,
        "description": None,
        "metadata": {},
        "properties": {},
        "public_key": "ssh-ed25519 AAAA me@here",
        "floating_ip_address": "192.0.2.1",
        "project_id": "p1",
        "user_id": "u1",
    }
    if mark is not None:
        for key, value in KINDS[kind].carry(mark).items():  # type: ignore[arg-type]
            if kind == "image":
                attributes["properties"] = {key: value}
            elif kind == "keypair":
                attributes[key] = f"{attributes[key]} {value}"
            else:
                attributes[key] = value
    return SimpleNamespace(**attributes)


@pytest.mark.parametrize("kind", list(KINDS))
def test_ours_by_name_and_mark(kind: str) -> None:
    resource = KINDS[kind].resource(found(kind, "kb-01234567-x", MARK))
    assert isinstance(resource, Resource)
    assert (resource.kind, resource.id, resource.run_id) == (kind, "id1", "01234567")
    assert resource.lease_until == MARK.lease_until
    assert resource.owner == ("u1" if kind == "keypair" else "")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].named])
@pytest.mark.parametrize(
    ("name", "mark"),
    [("kb-01234567-x", None), ("kb-01234567-x", OTHER), ("x", MARK), ("", MARK), ("kb-node", MARK)],
)
def test_not_ours(kind: str, name: str, mark: Mark | None) -> None:
    assert KINDS[kind].resource(found(kind, name, mark)) is None


def test_a_floating_ip_without_mark_is_not_ours() -> None:
    assert KINDS["floating_ip"].resource(found("floating_ip", "", None)) is None


def test_removal_follows_use() -> None:
    def before(first: str, then: str) -> bool:
        return KINDS[first].phase < KINDS[then].phase

    assert before("server", "volume")
    assert before("server", "port")
    assert before("floating_ip", "router")
    assert before("router", "network")
    assert before("port", "network")
    assert before("network", "security_group")
    assert before("keypair", "user")
    assert before("user", "project")
    assert {kind for kind, row in KINDS.items() if row.phase >= LAST_TO_GO} == {"user", "project"}


@pytest.mark.parametrize(
    ("status", "task", "going"),
    [
        ("ACTIVE", "deleting", True),
        ("ERROR", "deleting", True),
        ("DELETED", None, True),  # for a moment, before Nova lists it no more
        ("ACTIVE", None, False),
        ("ERROR", None, False),
        ("BUILD", "spawning", False),
    ],
)
def test_a_server_on_its_way_out_is_not_asked_again(status: str, task: str | None, going: bool) -> None:
    slow = KINDS["server"].slow
    assert slow is not None
    assert slow.going(SimpleNamespace(status=status, task=task)) is going
