"""When two entries of clouds.yaml are the same region of the same cloud."""

from __future__ import annotations

import pytest

from kb_tests.cloud.account import Account

HERE = Account(
    "https://cloud.example:5000/v3", "north", "p1", "u1", admin=True, project_name="team", entry="a"
)


@pytest.mark.parametrize(
    "url",
    [
        "https://cloud.example:5000",
        "https://cloud.example:5000/",
        "https://cloud.example:5000/v3/",
        "https://Cloud.Example:5000/v2.0",
    ],
)
def test_a_url_has_several_spellings(url: str) -> None:
    assert HERE.is_at(Account(url, "north"))
    assert Account(url, "north").is_at(HERE)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://c.example/identity", "https://c.example:443/identity/v3", True),
        ("http://c.example/identity", "https://c.example/identity", False),
        ("http://c.example:5000", "http://c.example:5001", False),
        ("http://c.example/a", "http://c.example/b", False),
        ("http://[broken", "http://[broken", True),
        ("http://[broken", "http://c.example", False),
    ],
)
def test_which_urls_are_one_keystone(one: str, other: str, same: bool) -> None:
    assert Account(one, "r").is_at(Account(other, "r")) == same


def test_regions_of_one_keystone_are_two_places_and_projects_are_not() -> None:
    assert not HERE.is_at(Account(HERE.auth_url, "south"))
    assert HERE.is_at(Account(HERE.auth_url, "north", "p2", "u2"))


def test_an_old_journal_knows_no_region_and_goes_by_its_entry_where_there_are_several() -> None:
    old = Account(HERE.auth_url, entry="a")
    assert HERE.is_at(old)
    assert not Account(HERE.auth_url, "north", entry="b").is_at(old)
    assert Account(HERE.auth_url, "north", entry="b", alone=True).is_at(old)


def test_it_is_the_same_after_a_journal_had_it() -> None:
    again = Account.from_json(HERE.to_json(), "a")
    assert again == HERE
    assert str(again) == "region north of the cloud at https://cloud.example:5000/v3, project team"
    assert Account.from_json({"auth_url": "http://x", "region": None}, "").region == ""
