"""JSON by the C functions of the standard library, without the package `json` around them: that imports `re`
and with it a fifth of an idle agent's memory. Where an interpreter's functions are others, it is `json`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

Loads: TypeAlias = "Callable[[bytes], Any]"
Dumps: TypeAlias = "Callable[[Any], str]"

_SAMPLE = {"a": [1, 2.5, None, True, "b\u00e9"], "c": {}}
_WRITTEN = '{"a":[1,2.5,null,true,"b\\u00e9"],"c":{}}'


def _refuse(value: object) -> None:
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")


class _Options:
    """What the scanner asks of its `JSONDecoder`."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> float:
        raise ValueError(f"{name} is no JSON")


def _bare() -> tuple[Loads, Dumps]:
    """Raises anything where the interpreter has no such functions, or they do something else."""
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    scan: Any = make_scanner(_Options)  # type: ignore[arg-type]
    encode: Any = make_encoder(None, _refuse, encode_basestring_ascii, None, ":", ",", False, False, False)

    def loads(raw: bytes) -> Any:
        text = raw.decode().strip(" \t\r\n")
        try:
            value, end = scan(text, 0)
        except StopIteration:
            raise ValueError("this is no JSON") from None
        if end != len(text):
            raise ValueError("there is something behind the JSON")
        return value

    def dumps(value: Any) -> str:
        return "".join(encode(value, 0))

    if dumps(_SAMPLE) != _WRITTEN or loads(f" {_WRITTEN}\n".encode()) != _SAMPLE:
        raise ValueError("this interpreter's JSON is another")
    return loads, dumps


def _whole() -> tuple[Loads, Dumps]:
    import json

    def loads(raw: bytes) -> Any:
        return json.loads(raw, parse_constant=_Options.parse_constant)

    def dumps(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)

    return loads, dumps


try:
    loads, dumps = _bare()
except Exception:
    loads, dumps = _whole()
"""`loads` raises ValueError or RecursionError for what is no JSON, `dumps` ValueError, TypeError or
RecursionError for what JSON cannot say.
"""
