"""The record of what a server's kernel counted in a point's window."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kb_tests.fleet.signs import ServerSigns
from kb_tests.report.measured import Part


class SignsRecord(Part):
    """What `server` saw of itself over `seconds`: by figure its total, the most in one second, and that
    second of the window. Shares are seconds per second, the rest numbers.
    """

    server: str
    seconds: Annotated[float, Field(gt=0)]
    figures: dict[str, tuple[float, float, float]]

    @classmethod
    def of(cls, signs: ServerSigns) -> SignsRecord:
        """The record of `signs`."""
        return cls(server=signs.server, seconds=signs.seconds, figures=dict(signs.figures))

    def each_second(self, figure: str) -> float:
        """The mean of a figure a second."""
        return self.figures[figure][0] / self.seconds
