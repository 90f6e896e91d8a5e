"""What all parts of a record share: their base, encoded histograms, texts.

The way there and back loses nothing, except that the time blocks of a very large point are left out
(`MAX_BLOCKS`), which the record says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from kb_tests.errors import RecordError
from kb_tests.measure.histogram import Histogram

MAX_BLOCKS = 1000
"""Blocks that a point's record may hold (about 2 kB each): 100 agents for 100 s."""

Encoded = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]+$")]
Column = tuple[float, ...]
RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]


def _encodable(text: object) -> object:
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_encodable)]
"""A sentence for people; an undecodable byte of a file name in it must not cost us the record."""

B = TypeVar("B")


class Part(BaseModel):
    """A part of a record; a key that we do not know is an error, a number that is none is kept as text."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


def kept(blocks: Sequence[B], record: Callable[[B], Part]) -> dict[str, Any]:
    """The time blocks that a record keeps, or how many it leaves out."""
    if len(blocks) > MAX_BLOCKS:
        return {"blocks": (), "blocks_left_out": len(blocks)}
    return {"blocks": tuple(record(block) for block in blocks), "blocks_left_out": 0}


def decode(encoded: str) -> Histogram:
    """The histogram that a record holds as `encoded`; raises RecordError if it is none."""
    try:
        return Histogram.decode(encoded)
    except ValueError as error:
        raise RecordError(
            f"A histogram in the record cannot be read: {error}.",
            remedy="The file was changed after the run.",
        ) from error
