"""The short form of the campaign: one run each of a few classes that have little in common."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaign.__main__ import campaign, table
from tests.campaign.faults import FAULTS

FULL = "record's disk full"
SHORT = (
    "SIGINT twice",
    "SIGKILL of the group, xdist",
    "SIGKILL of all, reaper too",
    "a call: 503",
    "generator's agent killed",
    *([FULL] if os.geteuid() == 0 else []),
)


@pytest.mark.nightly
def test_nothing_leaks_and_nothing_lies(tmp_path: Path) -> None:
    planned = [fault for name in SHORT for fault in FAULTS if fault.name == name]
    assert len(planned) == len(SHORT)
    ran = campaign(seed=1, indices=range(len(planned)), planned=planned, parallel=2, folder=tmp_path)
    assert [(each.fault.name, each.leaks, each.wrong) for each in ran if each.leaks or each.wrong] == []
    assert len(ran) == len(SHORT), table(ran)


@pytest.mark.root_only("small file systems of one's own")
def test_a_full_disk_is_among_them() -> None:
    assert FULL in SHORT
