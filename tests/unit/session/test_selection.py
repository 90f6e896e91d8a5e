from __future__ import annotations

import pytest

from kb_tests.errors import ScenarioError
from kb_tests.session.selection import Selection


def test_the_testing_cloud_belongs_to_every_target() -> None:
    selection = Selection.read(["north"], ["http-east-west"], "south")
    assert [(target.cloud, target.testing_cloud) for target in selection.targets] == [("north", "south")]
    assert selection.testing_cloud == "south"
    assert Selection.read(["north"], ["http-east-west"]).testing_cloud == ""


@pytest.mark.parametrize("clouds", [[], ["south"], ["north", "west"]])
def test_a_testing_cloud_loads_one_other_cloud(clouds: list[str]) -> None:
    with pytest.raises(ScenarioError, match="one, and another one than itself"):
        Selection.read(clouds, ["http-east-west"], "south")


def test_a_testing_cloud_takes_no_storage_scenario() -> None:
    with pytest.raises(ScenarioError, match="storage-1gb has no traffic generators"):
        Selection.read(["north"], ["storage-1gb"], "south")
