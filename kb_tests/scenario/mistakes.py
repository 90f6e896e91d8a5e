"""What is wrong with a scenario, or with what a test asks for, in one sentence a mistake."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Key = str | int

_PLAINLY = {
    "string_pattern_mismatch": "a character in it is not allowed here",
    "list_type": "a list is allowed here, as in [1, 2]",
    "model_type": "a mapping is allowed here, as in {key: value}",
    "dict_type": "a mapping is allowed here, as in {key: value}",
    "int_type": "a whole number is allowed here",
    "float_type": "a number is allowed here",
    "bool_type": "true or false is allowed here",
    "string_type": "a text is allowed here",
    "too_short": "one item at least is allowed here",
}
"""What is allowed, in place of pydantic's words for programmers and of regular expressions, by its types of
errors.
"""


def sentence(model: type[BaseModel], detail: ErrorDetails, place: tuple[Key, ...] | None = None) -> str:
    """One mistake that `model` found: key, what was found and what is allowed. `place` is where it stands for
    the reader, if not as in the model.
    """
    loc = tuple(detail["loc"])
    key = dotted(loc if place is None else place)
    if detail["type"] == "missing":
        return f"{key} is missing."
    if detail["type"] == "extra_forbidden":
        return f"{key} is unknown; {_allowed_keys(model, loc)}."
    message = detail["msg"].removeprefix("Value error, ")
    message = _PLAINLY.get(detail["type"], message)
    if detail["type"] == "value_error" and isinstance(detail["input"], Mapping | BaseModel):
        return f"{key}: {message}." if key else f"{message}."
    return f"{key}: found {found(detail['input'])}; {message[:1].lower()}{message[1:]}."


def dotted(place: tuple[Key, ...]) -> str:
    """A place in a file: "load.rate[0]"."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")


def found(value: object) -> str:
    """What stands there, not too long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _allowed_keys(model: type[BaseModel], place: tuple[Key, ...]) -> str:
    for key in place[:-1]:
        if isinstance(key, str):
            model = _section(_fields(model)[key].annotation)
    allowed = list(_fields(model))
    key, colon, _ = str(place[-1]).partition(":")
    if colon and key in allowed:
        return f"YAML takes a space after the colon of {key}"
    near = difflib.get_close_matches(str(place[-1]), allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}allowed here: {', '.join(allowed)}"


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Those of a model by their keys in a file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def knows(annotation: Any, place: tuple[Key, ...]) -> bool:
    """Whether a model, or a type of one of its fields, has such a place; an item of a list stands there by
    number or name.
    """
    if not place:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = _fields(annotation).get(str(place[0]))
        if field is None:
            return annotation.model_config.get("extra") == "allow"
        return knows(field.annotation, place[1:])
    inner = get_args(annotation)
    if get_origin(annotation) in (list, dict):
        return knows(inner[-1], place[1:])
    return any(knows(each, place) for each in inner)


def _section(annotation: Any) -> type[BaseModel]:
    """The section that a field holds: itself, one or none, or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(_section(inner) for inner in get_args(annotation) if inner is not type(None))
