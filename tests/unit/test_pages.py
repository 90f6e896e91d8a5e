"""Every fenced block of every page is held to what it says, and what is no command can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kb_tests.scenario.load import load
from tests.readme.blocks import CANNOT, ELSEWHERE, READ, ROOT, Block, blocks

PARTS = {"tests/fresh.py": "fresh", "tests/openstack/__main__.py": "openstack"}
"""Of what holds a block and is no test: the part of a night that runs it."""


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.name)
def test_something_holds_it(block: Block) -> None:
    assert (ROOT / block.held_by).is_file(), block.text
    assert block.held_by in PARTS or Path(block.held_by).name.startswith("test_")


def test_what_a_night_holds_is_a_part_of_it() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{part}:" in makefile for part in ("readme", *PARTS.values()))


def test_nothing_is_left_out_that_no_page_says() -> None:
    text = "".join(block.text for block in blocks())
    assert [what for what in (*CANNOT, *ELSEWHERE) if what not in text] == []


@pytest.mark.parametrize(
    "block", [block for block in blocks() if block.held_by == READ], ids=lambda block: block.name
)
def test_a_scenario_can_be_read_and_so_can_a_part_of_one(block: Block, tmp_path: Path) -> None:
    """A part is one of the page's first scenario."""
    whole, part = _scenarios(block.page)[0], yaml.safe_load(block.text)
    data = part if "kind" in part else {**whole, **part}
    path = tmp_path / "page.yaml"
    path.write_text(yaml.safe_dump(data))
    assert load(path)


def _scenarios(page: str) -> list[dict[str, Any]]:
    found = (
        yaml.safe_load(block.text) for block in blocks() if block.page == page and block.language == "yaml"
    )
    return [data for data in found if "kind" in data]
