"""The guide to adding a kind of load shows the code that the tests run, all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.functional.session.test_toy_kind import TEST

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_the_guide_shows_the_toy_kind_as_it_is() -> None:
    shown = BLOCK.findall((ROOT / "docs/adding-a-kind.md").read_text())
    toy = [(ROOT / "tests/toy" / name).read_text() for name in ("engine.py", "kind.py", "plugin.py")]
    assert [line for block in shown for line in lines(block)] == [
        line for text in (*toy, TEST) for line in lines(text)
    ]


@pytest.mark.parametrize("name", ["engine.py", "kind.py"])
def test_the_toy_kind_stays_small(name: str) -> None:
    assert len(lines((ROOT / "tests/toy" / name).read_text())) < {"engine.py": 50, "kind.py": 250}[name]
