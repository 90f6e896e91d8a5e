"""What a record keeps of the runs that tell a server, its generator and the way between them apart."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from kb_tests.report.measured import Part, Text
from kb_tests.report.measurements import AnyMeasured


class RotatedRecord(Part):
    """A run of a point's load in which generator i loaded server i + `shift` of as many as there are, and
    `again` one in which each loaded its own, where that had to be known. `doubts` say why a run is not to be
    believed, which then is not there.
    """

    shift: Annotated[int, Field(ge=1)]
    started: AwareDatetime
    measurement: AnyMeasured | None = None
    again: AnyMeasured | None = None
    doubts: tuple[Text, ...] = ()
