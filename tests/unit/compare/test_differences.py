"""What has to agree and does not is seen whatever its form, and said in units that people read."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest

from kb_tests.compare.comparison import compare
from kb_tests.compare.differences import Difference
from kb_tests.errors import CompareError
from kb_tests.report.record import RunRecord
from kb_tests.report.view import view
from kb_tests.scenario.http import HttpPoint
from kb_tests.scenario.storage import StoragePoint
from tests.unit.compare.build import run


def with_settings(name: str, seed: int, settings: dict[str, Any], **asked: Any) -> RunRecord:
    made = run(name, seed=seed)
    (point,) = made.points
    (scenario,) = made.scenarios
    return made.model_copy(
        update={
            "points": [point.model_copy(update={"point": replace(point.point, **asked)})],
            "scenarios": [scenario.model_copy(update={"settings": settings})],
        }
    )


def found(a: dict[str, Any], b: dict[str, Any], **asked: Any) -> list[Difference]:
    sides = (("a", [with_settings("0000000a", 1, a)]), ("b", [with_settings("0000000b", 2, b, **asked)]))
    return list(compare(*sides, anyway=True).differences)


def test_sizes_and_times_are_said_with_their_units() -> None:
    told = found({}, {}, page_size=65536, warm_up=0.25, timeout=300.0, keep_alive=False, connections=5000)
    assert {one.name.split(" (")[0]: (one.a, one.b) for one in told} == {
        "load page_size": ("32KiB", "64KiB"),
        "load warm_up": ("5s", "250ms"),
        "load timeout": ("5s", "300s"),
        "load keep_alive": ("yes", "no"),
        "load connections": ("1,000", "5,000"),
    }


@pytest.mark.parametrize("kind", [HttpPoint, StoragePoint])
def test_every_figure_of_a_point_has_its_unit_or_is_a_count(kind: type[HttpPoint | StoragePoint]) -> None:
    counts = {"clients", "rate", "connections", "iodepth", "numjobs", "reads"}
    hints = get_type_hints(kind)
    numbers = {one.name for one in fields(kind) if hints[one.name] in (int, float)}
    assert numbers - counts == set(kind.units)


def test_settings_are_said_as_people_write_them() -> None:
    a = {"topology": {"flavor": {"ram": "2147483648B"}}, "load": {"page_size": "32768B", "warm_up": "0.25s"}}
    b = {"topology": {"flavor": {"ram": "4GiB"}}, "load": {"page_size": "32769B", "warm_up": "900s"}}
    told = {one.name.split(" (")[0]: (one.a, one.b) for one in found(a, b)}
    assert told == {
        "topology.flavor.ram": ("2GiB", "4GiB"),
        "load.page_size": ("32KiB", "32769B"),
        "load.warm_up": ("250ms", "15min"),
    }
    assert found({"topology": {"ram": "2147483648B"}}, {"topology": {"ram": "2GiB"}}) == []
    html = view(with_settings("0000000a", 1, a)).scenarios[0].settings
    assert "ram: 2GiB" in html
    assert "32768" not in html


RAW = {"target": "volume", "file_system": None, "volume": {"size": "1073741824B", "type": None}}


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (RAW | {"file_system": "ext4"}, "topology.file_system"),
        (RAW | {"volume": {"size": "1GiB", "type": "fast"}}, "topology.volume.type"),
        (RAW | {"placement": {"servers": [{"zone": "a"}]}}, ""),
        ({"target": "volume", "volume": {"size": "1GiB", "type": None}}, ""),
        ({}, ""),
    ],
)
def test_what_one_side_leaves_out_and_the_other_says_has_to_agree(other: dict[str, Any], name: str) -> None:
    """A raw device is no file system, and the default volume type is not the fast one; a key that an older
    suite did not know is no difference.
    """
    for a, b in ((RAW, other), (other, RAW)):
        refused = [one for one in found({"topology": a}, {"topology": b}) if one.refused]
        assert [one.name.split(" (")[0] for one in refused] == ([name] if name else [])
        if name:
            sides = [
                ("x", [with_settings(f"0000000{at}", at, {"topology": one})]) for at, one in enumerate((a, b))
            ]
            with pytest.raises(CompareError, match=rf"{name} .*none"):
                compare(*sides)


def test_a_part_that_one_side_has_is_told_by_what_it_says() -> None:
    a, b = {"sla": {"baseline": None}}, {"sla": {"baseline": {"max_slower": "90%"}}}
    (told,) = found(a, b)
    assert (told.name, told.a, told.b) == ("sla.baseline.max_slower (http-east-west)", "none", "90%")


def test_parts_of_a_list_are_compared_one_by_one() -> None:
    def profiles(depth: int) -> dict[str, Any]:
        return {"load": {"profiles": [{"name": "random read", "block_size": "4096B", "iodepth": depth}]}}

    (told,) = found(profiles(4), profiles(8))
    assert (told.name, told.a, told.b) == ("load.profiles.random read.iodepth (http-east-west)", "4", "8")


def test_what_has_to_agree_has_to_agree_within_a_side_too() -> None:
    """Three small pages and a large one against one small page and three large ones: the same values."""

    def side(first: int, sizes: list[int]) -> list[RunRecord]:
        return [
            with_settings(f"{first + at:08x}", first + at, {}, page_size=size)
            for at, size in enumerate(sizes)
        ]

    a, b = side(1, [1024, 1024, 1024, 65536]), side(9, [1024, 65536, 65536, 65536])
    with pytest.raises(CompareError, match=r"load page_size .*, within a side: 1KiB, 64KiB against"):
        compare(("a", a), ("b", b))
    assert compare(("a", a), ("b", b), anyway=True).differences[0].refused
    compare(("a", a[:3]), ("b", side(20, [1024, 1024, 1024])))


def test_what_is_done_to_the_cloud_meanwhile_has_to_agree() -> None:
    """A run in which a router failed over is no baseline of one in which none did, or the reverse."""
    hook = {"at": "15s", "run": ["fail-over", "{server}"], "timeout": "30s", "name": None}
    for a, b in (([], [hook]), ([hook], []), ([hook], [hook | {"at": "20s"}])):
        (told,) = found({"hooks": a}, {"hooks": b})
        assert (told.name, told.refused) == ("hooks (http-east-west)", True)
    assert (told.a, told.b) == ("fail-over {server} at 15s", "fail-over {server} at 20s")
    assert found({"hooks": [hook]}, {"hooks": [hook]}) == found({}, {"hooks": [hook]}) == []


def test_a_load_from_another_cloud_has_to_be_held_against_such_a_one() -> None:
    within, far = with_settings("0000000a", 1, {}), with_settings("0000000b", 2, {})
    far = far.model_copy(update={"testing_cloud": "far-1"})
    with pytest.raises(CompareError, match="load from: the cloud itself against another cloud"):
        compare(("a", [within]), ("b", [far]))


def test_a_side_of_several_clouds_is_told_though_the_other_has_as_many() -> None:
    def side(first: int) -> list[RunRecord]:
        made = [with_settings(f"{first + at:08x}", first + at, {}) for at in range(2)]
        return [run.model_copy(update={"cloud": f"west-{at}"}) for at, run in enumerate(made)]

    (told,) = compare(("a", side(1)), ("b", side(9))).differences
    assert (told.name, told.a, told.refused) == ("cloud, within a side", "west-0, west-1", False)
