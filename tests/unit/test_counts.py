"""No count of one stands before a plural: "1 runs"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from kb_tests.scenario.units import counted

PACKAGE = Path(__file__).parents[2] / "kb_tests"
NEVER_ONE = {
    "cloud/preflight.py: len(found) images",
    "cloud/signed_in.py: len(layout.tenants) tenants",
    "commands/culprits.py: len(records) runs",
    "localcloud/harm/api.py: len(found) servers",
    "localcloud/harm/api.py: len(found) volumes",
    "report/telling.py: len(labels) attempts",
}
"""Where what is said is said of several only."""


def test_one_is_one_thing_and_none_are_several() -> None:
    assert [counted(count, "run") for count in (0, 1, 2, 2000)] == ["0 runs", "1 run", "2 runs", "2,000 runs"]
    assert counted(1, "address", "addresses") == "1 address"
    assert counted(3, "address", "addresses") == "3 addresses"


def test_what_may_be_one_is_counted_as_such() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}: {said}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if "agent" not in path.parts
        for said in bare_counts(path.read_text())
    }
    assert found == NEVER_ONE


def test_the_search_for_them_finds_some() -> None:
    assert list(bare_counts('f"{len(x)} runs"')) == ["len(x) runs"]
    assert list(bare_counts('f"{n} of {len(x)} runs"')) == []
    assert list(bare_counts('f"{len(x)} runs" if len(x) > 1 else "a run"')) == []


def bare_counts(source: str) -> Iterator[str]:
    """Lengths that stand before a plural in a text, but for totals ("1 of 2 runs") and for what a condition
    chooses.
    """
    tree = ast.parse(source)
    chosen = {below for node in ast.walk(tree) if isinstance(node, ast.IfExp) for below in ast.walk(node)}
    for text in ast.walk(tree):
        if not isinstance(text, ast.JoinedStr) or text in chosen:
            continue
        for at, (value, after) in enumerate(zip(text.values, text.values[1:], strict=False)):
            before = text.values[at - 1] if at else None
            is_total = isinstance(before, ast.Constant) and str(before.value).endswith(" of ")
            word = re.match(r" (?:more )?[a-z]{3,}s\b(?<!ss)", str(getattr(after, "value", "")))
            if isinstance(value, ast.FormattedValue) and word and not is_total:
                expression = ast.unparse(value.value)
                if expression.startswith("len(") and "bytes" not in word[0]:
                    yield f"{expression}{word[0]}"
