"""`kb cleanup` by every entry after a run of every other one; `make test` has those that differ in kind."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from kb_tests.cloud.journal import Journal
from tests.functional.cloud.conftest import folder
from tests.functional.cloud.test_pairings import ENTRIES, Clouds, clean_by_two, clouds, crashed

__all__ = ["clouds", "crashed", "folder"]

pytestmark = [
    pytest.mark.filterwarnings("ignore::openstack.warnings.OpenStackDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"),
]


@pytest.mark.parametrize("journal_is_lost", [False, True], ids=["by the journal", "by marks alone"])
@pytest.mark.parametrize(("maker", "cleaner"), list(permutations(ENTRIES, 2)))
def test_what_each_entry_removes_and_leaves(
    clouds: Clouds,
    crashed: Callable[[str], Journal],
    tmp_path: Path,
    maker: str,
    cleaner: str,
    journal_is_lost: bool,
) -> None:
    clean_by_two(clouds, crashed, tmp_path, maker, cleaner, journal_is_lost=journal_is_lost)
