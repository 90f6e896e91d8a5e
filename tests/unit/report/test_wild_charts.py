"""Charts of whatever values: one alone, all the same, next to nothing, beyond all bounds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from kb_tests.report.charts import plot, strips, style
from kb_tests.report.charts.description import (
    Axis,
    Form,
    Lane,
    Limit,
    Plot,
    Rows,
    Series,
    StripRow,
    Strips,
)

# A chart takes 20 to 50 ms to draw, and hundreds of attempts to make a failing one simpler are no help.
FEW = settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))

EDGES = (0.0, 5e-324, 1e-300, 1e-15, 1e-9, 1e-6, 1.0, 3600.0, 1e5, 1e15, 1e300, 1.7e308, math.inf, math.nan)
values = st.sampled_from(EDGES) | st.floats(0)
series = st.tuples(values, values, st.integers(1, 3), st.booleans()).map(
    lambda drawn: tuple([drawn[0]] * drawn[2] if drawn[3] else [drawn[0], drawn[1]])
)


NUMBER = Axis("number")


def of(y: tuple[float, ...], x: float = 0.0, axis: Axis = NUMBER, form: Form = "number") -> Plot:
    """A plot of one series, its values a second apart from `x` on."""
    places = tuple(x + place for place in range(len(y)))
    one = Series("one", places, y, low=y, high=y)
    lane = Lane(axis, (one, replace(one, name="two", role="failed")), (Limit("limit", y[0]),))
    return Plot("a", "A chart", "", Axis(form), (lane,), Rows((), ()))


@FEW
@given(
    series,
    st.sampled_from([0.0, 1.0, 1e5]),
    st.sampled_from([form for form in get_args(Form) if form != "nines"]),
    st.booleans(),
)
@example((5e-324,), 0.0, "number", False)
@example((1e300, 1e300), 0.0, "number", False)
@example((1.7e308,), 0.0, "number", False)
@example((0.0, 0.0), 0.0, "number", False)
@example((7.0,), 0.0, "number", False)
@example((7.0,), 0.0, "time", True)
@example((1e-300,), 0.0, "time", True)
@example((100000.0, 1.7495233472400149e308), 0.0, "clock", False)
def test_a_plot_is_drawn_of_any_values(y: tuple[float, ...], x: float, form: Form, log: bool) -> None:
    axis = Axis(form, scale="log" if log else "linear")
    svg = plot.draw(of(y, x, axis))
    assert svg is None or "NaN" not in svg
    assert svg is not None or log or not any(value < style.FARTHEST for value in y)


@FEW
@given(values, st.sampled_from(["number", "time", "clock", "share"]))
@example(5e-324, "number")
@example(1e300, "number")
@example(1.7e308, "clock")
@example(1.7592e308, "number")
def test_a_plot_is_drawn_over_any_load(x: float, form: Form) -> None:
    if math.isfinite(x):
        assert plot.draw(of((1.0, 2.0), x, form=form))


@FEW
@given(series, st.sampled_from(["number", "time"]))
@example((5e-324, 5e-324), "number")
@example((1.7e308, 1.0), "number")
def test_strips_are_drawn_of_any_values(found: tuple[float, ...], form: Form) -> None:
    names = tuple(f"kb-1-client-{number}" for number in range(len(found)))
    row = StripRow("all", form, found, tuple(map(str, found)), far=(0,))
    assert strips.draw(Strips("a", "Strips", "", names, ("host",) * len(found), (row,), Rows((), ())))
