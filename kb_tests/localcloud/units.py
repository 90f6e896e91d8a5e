"""Rates and sizes as people write them: 50Mbit, 1.5Gbit, 10MiB."""

from __future__ import annotations

import re

_NUMBER = r"(\d+(?:\.\d+)?)\s*"
_BITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def bits(text: str) -> int:
    """Bits a second; ValueError for what is no rate."""
    found = re.fullmatch(_NUMBER + r"([kmg]?)(?:bits?(?:/s)?|bps)?", text.strip().lower())
    if found is None:
        raise ValueError(text)
    return round(float(found[1]) * _BITS[found[2]])


def size(text: str) -> int:
    """Bytes; ValueError for what is no size."""
    found = re.fullmatch(_NUMBER + r"((?:[kmg]|[kmgt]i)?)b?(?:/s)?", text.strip().lower())
    if found is None:
        raise ValueError(text)
    return round(float(found[1]) * _BYTES[found[2]])


def rate(value: float) -> str:
    """Bits a second as people read them."""
    for unit, factor in (("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 10**3)):
        if value >= factor:
            return f"{value / factor:g} {unit}"
    return f"{value:g} bit/s"
