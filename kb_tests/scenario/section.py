"""What every part of a scenario file is: a model of pydantic without unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the file: no key that we do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
