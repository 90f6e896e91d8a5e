"""Two sides, and what can be said of the one against the other: what `kb compare --json` prints."""

from __future__ import annotations

from pydantic import ConfigDict

from kb_tests.web.shapes.base import Shape


class SideShape(Shape):
    """One side: its name, its runs, and how many of when."""

    name: str
    told: str
    runs: tuple[str, ...]


class DifferenceShape(Shape):
    """A fact by which the sides differ; `refused`: it has to agree, and was compared all the same."""

    name: str
    a: str
    b: str
    refused: bool


class ComparedRow(Shape):
    """One figure of one point. `ratio` is B to A, `low` and `high` bound it; null where nothing does.

    `mark` is "worse", "better" or "no difference shown", `outcome` holds it against what B may have lost,
    `shown` is the smallest loss that would have been shown. What is told of them is for people.
    """

    point: str
    figure: str
    unit: str
    ratio: float | None
    low: float | None
    high: float | None
    less: bool
    mark: str
    outcome: str
    shown: float | None
    note: str
    counts: bool
    told_a: str
    told_b: str
    told_ratio: str
    told_bounds: str
    shows: str


class ComparisonShape(Shape):
    """B against A. `headline` is the first sentence, `basis_sentence` says what bounds are made of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    headline: str
    outcome: str
    basis: str
    basis_sentence: str
    max_slower: float
    confidence: float
    sides: tuple[SideShape, SideShape]
    differences: tuple[DifferenceShape, ...]
    rows: tuple[ComparedRow, ...]
    points: tuple[str, ...]
    left_out: tuple[str, ...]
    reasons: tuple[str, ...]
    smallest_sentence: str
