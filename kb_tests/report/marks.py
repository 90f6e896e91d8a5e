"""What a record keeps of what was done to the cloud during a point, and of what followed."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from kb_tests.measure.recovery import Recovery, Tolerance
from kb_tests.report.measured import Part
from kb_tests.scenario.units import format_duration

Text = Annotated[str, StringConstraints(max_length=8000)]


class HookRecord(Part):
    """A hook that was to begin `at` so many seconds of the window, and `began` then (None: it did not).

    It took `seconds`. `outcome` is "done" for exit code 0, "failed" for any other or where it could not be
    started, "timed_out", "cut_off" where the point was over before it, "not_started" where the load was.
    `output` is the end of what it said, or why it could not be started: text of a stranger.
    """

    name: str
    at: float
    began: float | None = None
    seconds: float | None = None
    outcome: Literal["done", "failed", "timed_out", "cut_off", "not_started"]
    exit_code: int | None = None
    output: Text = ""

    @property
    def last_line(self) -> str:
        """The last line of what it said, not too long; "" if it said nothing."""
        lines = self.output.strip().splitlines()
        return lines[-1][:300] if lines else ""

    @property
    def fault(self) -> str:
        """Why nobody knows what was done to the cloud; "" if it was done."""
        said = f": {self.last_line.rstrip('.')}" if self.last_line else ""
        match self.outcome:
            case "done":
                return ""
            case "failed":
                code = "" if self.exit_code is None else f" with exit code {self.exit_code}"
                return f"Hook {self.name!r} failed{code}{said}."
            case "timed_out":
                return f"Hook {self.name!r} took longer than its timeout, and was ended{said}."
            case "cut_off":
                return f"Hook {self.name!r} had not ended when the point did{said}."
            case "not_started":
                return f"Hook {self.name!r} was not started: the load was over before {self.at:g} s."


class RecoveryRecord(Part):
    """A `Recovery`; `tolerance_errors` and `tolerance_p99` are what a second may have and be good."""

    mark: Text
    kind: Literal["hook", "marker"]
    at: float
    watched: float
    seconds: float | None = None
    least: float = 0.0
    first: float | None = None
    off: float = 0.0
    bad: Annotated[int, Field(ge=0)] = 0
    p99: float | None = None
    tolerance_errors: float | None = None
    tolerance_p99: float | None = None
    slow: tuple[float, ...] = ()
    step: float = 1.0
    unknown: Text = ""

    @classmethod
    def of(cls, found: Recovery) -> Self:
        """The record of `found`."""
        tolerance = found.tolerance or Tolerance(math.nan, math.nan)
        plain = {name: getattr(found, name) for name in cls.model_fields if hasattr(found, name)}
        return cls(
            **plain | {"p99": _finite(found.p99)},
            tolerance_errors=_finite(tolerance.errors),
            tolerance_p99=_finite(tolerance.p99),
        )

    @property
    def named(self) -> str:
        """The mark for people."""
        return f"{self.kind} {self.mark!r}"

    @property
    def sentence(self) -> str:
        """What followed, for people."""
        at = f"{self.at:.1f} s"
        if self.unknown:
            return f"After {self.named} at {at} nothing can be told: {self.unknown}."
        if self.seconds is None and not self.off:
            return f"After {self.named} at {at} nothing was off for the {self.watched:.1f} s that were left."
        if self.seconds is None:
            off = f" (off for {self.off:g} s of them)" if self.off else ""
            return (
                f"After {self.named} at {at} it did not recover within {self.watched:.1f} s{off}{self._cost}."
            )
        if not self.off:
            return f"After {self.named} at {at} nothing was off{self._isolated}."
        took = format_duration(self.seconds)
        return (
            f"After {self.named} at {at} it took {took} to recover; {self.off:g} s were off, from"
            f" {self.first:.1f} s on{self._cost}{self._isolated}."
        )

    @property
    def _cost(self) -> str:
        slowest = f", a p99 of up to {format_duration(self.p99)}" if self.p99 is not None else ""
        return f": {self.bad:,} failed{slowest}" if self.off else ""

    @property
    def _isolated(self) -> str:
        if not self.slow:
            return ""
        named = ", ".join(f"{at:g} s" for at in self.slow[:3])
        return f"; not counted: isolated slow seconds ({named}{', ...' if len(self.slow) > 3 else ''})"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
