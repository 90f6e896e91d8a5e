"""Charts as the pages draw them: the descriptions that the report's pictures are made of, as they are.

A value that is not finite is null.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kb_tests.report.charts.description import Plot, Strips

ChartShape = Annotated[Plot | Strips, Field(discriminator="kind")]
