"""How much slower than a baseline a point may be."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from kb_tests.scenario.section import Section
from kb_tests.scenario.units import Share


def _some(share: float) -> float:
    if not 0 < share < 1:
        raise ValueError("more than 0% and less than 100% is allowed here")
    return share


class Baseline(Section):
    """A limit on every figure that is compared: percentiles of times may be larger by `max_slower`, rates
    smaller by as much. What the baseline is, the command line says: `--kb-baseline`. `without` are its points
    that the scenario has no longer, by their ids without its name: others that are gone are refused.
    """

    max_slower: Annotated[Share, AfterValidator(_some)] = 0.10
    without: list[str] = Field(default_factory=list)
