"""What all shapes share."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

Figure = Annotated[
    float, PlainSerializer(lambda value: value if math.isfinite(value) else None, return_type=float | None)
]


class Shape(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)
