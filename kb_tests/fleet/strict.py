"""How what comes over the wire is checked: field by field, nothing unknown, nothing left out.

What an agent tells under the same name as a measurement and a record have it is declared once, in a dataclass
(`fleet/http/told.py`, `fleet/storage/told.py`). The message on the wire and the measurement inherit from it.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class OnWire(NamedTuple):
    """Beside the type of a dataclass' field: what an agent may send for it. The bounds are of one agent's
    message; a measurement adds up many of them, and a record keeps what older suites wrote.
    """

    type: Any


class Strict(BaseModel):
    """A part of a message. Its fields from a dataclass are held to their `OnWire`, and have to be there,
    even if they have a default, which is for older records.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if is_dataclass(cls):
            hints = get_type_hints(cls, include_extras=True)
            for field in fields(cls):
                cls.model_fields[field.name] = FieldInfo.from_annotation(_on_wire(hints[field.name]))
            cls.model_rebuild(force=True)


def _on_wire(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        return next(one.type for one in get_args(hint) if isinstance(one, OnWire))
    if hint is bool:
        return hint
    raise TypeError(f"{hint} does not say what an agent may send: annotate it with OnWire")
