"""Sizes, durations, shares and rates with their units, as scenario files write them.

Everything is kept in SI base units: seconds, bytes, bytes per second, shares from 0 to 1.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_NUMBER = r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,9})?)"
_DURATION = re.compile(_NUMBER + r"\s*(?P<unit>us|µs|μs|ms|s|min|h)")
_SIZE = re.compile(_NUMBER + r"\s*(?P<unit>B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)")
_SHARE = re.compile(_NUMBER + r"\s*%")
_SECONDS = {"µs": 1e-6, "μs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
AUTO = "auto"
_BYTES = {"B": 1} | {
    f"{prefix}{suffix}": base**power
    for suffix, base in (("iB", 1024), ("B", 1000))
    for power, prefix in enumerate("KMGT", start=1)
}


def parse_duration(text: object) -> float:
    """Seconds of "250us", "10ms", "30s", "5min" or "1h"; raises ValueError."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("a duration with its unit is allowed here: 250us, 10ms, 30s, 5min, 1h")
    return float(match["number"]) * _SECONDS[match["unit"]]


def parse_warm_up(text: object) -> float | None:
    """None for "auto", else the seconds of a duration; raises ValueError."""
    try:
        return None if text == AUTO else parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{error}; or {AUTO}") from None


def parse_size(text: object) -> int:
    """Bytes of "0B", "4KiB", "2GiB" (powers of 1024) or "60MB" (powers of 1000); raises ValueError."""
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("a size with its unit is allowed here: 512B, 4KiB, 60MiB, 2GiB, 60MB")
    size = float(match["number"]) * _BYTES[match["unit"]]
    if size != int(size):
        raise ValueError("a size must come to whole bytes")
    return int(size)


def parse_share(text: object) -> float:
    """The share of "99%" as 0.99; raises ValueError unless it lies in 0 to 100 %."""
    match = _SHARE.fullmatch(text) if isinstance(text, str) else None
    if match is None or not 0 <= float(match["number"]) <= 100:
        raise ValueError("a percentage from 0% to 100% is allowed here, with its sign: 99.5%")
    return float(match["number"]) / 100


def counted(count: int, thing: str, things: str = "") -> str:
    """So many of a thing, for people: "1 run", "2,000 runs"; `things` where that is more than an s."""
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"


def format_duration(seconds: float) -> str:
    """A duration for people, three significant digits: "250µs", "10.4ms", "30s", "5min"."""
    if math.isnan(seconds):
        return "-"
    for unit, scale in (("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)):
        if abs(seconds) < 1000 * scale * 0.9995 or unit == "s":
            break
    return f"{seconds / scale:.3g}{unit}" if abs(seconds) < 600 else f"{seconds / 60:.4g}min"


def format_share(share: float) -> str:
    """A share in percent; what is not whole is never told as 100%, but with more digits: "99.996%"."""
    texts = (f"{share * 100:.{digits}g}%" for digits in range(4, 17))
    return next((text for text in texts if share == 1 or text != "100%"), "99.99%")


def format_size(size: float) -> str:
    """A size for people, in powers of 1024: "32KiB", "1.5GiB"."""
    unit = "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.4g}{unit}"


def exact_size(size: int) -> str:
    """A size for people with no digit lost, as short as can be: "32KiB", "60MB", "32769B"."""
    forms = [format_size(size), *(f"{size // scale}{unit}" for unit, scale in _BYTES.items())]
    return min((text for text in forms if _is(parse_size, text, size)), key=len, default=f"{size}B")


def exact_duration(seconds: float) -> str:
    """A duration for people with no digit lost: "250ms", "30s", "15min"."""
    forms = [format_duration(seconds) if seconds else "0s", _exact_duration(seconds)]
    return next((text for text in forms if _is(parse_duration, text, seconds)), f"{seconds:g}s")


def plain(text: str) -> str:
    """A size or a duration as files and records write it, as it is shortest: "32768B" is "32KiB"; any other
    text as it is.
    """
    if _SIZE.fullmatch(text):
        with contextlib.suppress(ValueError):  # no whole bytes
            return exact_size(parse_size(text))
    if _DURATION.fullmatch(text):
        return exact_duration(parse_duration(text))
    return text


_VERBATIM = frozenset({"run", "name", "description"})


def readable(settings: Any) -> Any:
    """A scenario's settings with every size and duration as people write it; the commands of hooks, names and
    descriptions are kept as they are.
    """
    match settings:
        case str():
            return plain(settings)
        case dict():
            return {key: value if key in _VERBATIM else readable(value) for key, value in settings.items()}
        case list():
            return [readable(value) for value in settings]
    return settings


def _is(parse: Callable[[object], float], text: str, value: float) -> bool:
    try:
        return parse(text) == value
    except ValueError:
        return False


def _exact_duration(seconds: float) -> str:
    return f"{_plain(seconds)}s"


def _exact_warm_up(seconds: float | None) -> str:
    return AUTO if seconds is None else _exact_duration(seconds)


def _exact_size(size: int) -> str:
    return f"{size}B"


def _exact_share(share: float) -> str:
    return f"{_plain(share * 100)}%"


def _plain(number: float) -> str:
    return f"{number:.9f}".rstrip("0").rstrip(".")


def _schema(pattern: re.Pattern[str], example: str) -> WithJsonSchema:
    plain = pattern.pattern.replace("?P<number>", "").replace("?P<unit>", "")
    return WithJsonSchema({"type": "string", "pattern": f"^{plain}$", "examples": [example]})


Duration = Annotated[
    float, BeforeValidator(parse_duration), PlainSerializer(_exact_duration), _schema(_DURATION, "30s")
]
WarmUp = Annotated[
    float | None,
    BeforeValidator(parse_warm_up),
    PlainSerializer(_exact_warm_up),
    _schema(re.compile(f"(?:{AUTO}|{_DURATION.pattern})"), "5s"),
]
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(_exact_size), _schema(_SIZE, "32KiB")]
Share = Annotated[
    float,
    BeforeValidator(parse_share),
    PlainSerializer(_exact_share),
    _schema(_SHARE, "99%"),
]
