"""Options that several commands have, each of one name, meaning and wording."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from kb_tests.scenario.units import parse_duration, parse_share


def add_reports(
    parser: argparse.ArgumentParser,
    text: str = "folder in which ids and tags are looked up",
    *,
    inner: bool = False,
) -> None:
    """`--reports`: the folder of the records. The `inner` parser of a command that has it, too, decides
    nothing where it is not given.
    """
    default = argparse.SUPPRESS if inner else Path("reports")
    parser.add_argument(
        "--reports", type=Path, default=default, metavar="DIR", help=f"{text} (default: reports)"
    )


OF_PYTEST = "folder of the records, as --kb-reports of pytest"
"""What `--reports` is to commands that show all runs."""


def share(text: str) -> float:
    """A share between 0 and 100 %, neither of them."""
    found = _read(parse_share, text)
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError("more than 0% and less than 100% is allowed here")
    return found


def share_within(low: float, high: float) -> Callable[[str], float]:
    """A share from `low` to `high`."""

    def read(text: str) -> float:
        found = _read(parse_share, text)
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(f"{low * 100:g}% to {high * 100:g}% is allowed here")
        return found

    return read


def count_from(least: int) -> Callable[[str], int]:
    """A whole number of `least` or more."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"a whole number from {least} on is allowed here")
        return int(text)

    return read


def above_zero(text: str) -> float:
    """A number above 0 that has an end."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError("a number above 0 is allowed here")
    return found


def name(text: str) -> str:
    """A name, which is not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("a name is allowed here")
    return text


def seconds(text: str) -> float:
    """A duration, in seconds."""
    return _read(parse_duration, text)


def _read(parse: Callable[[object], float], text: str) -> float:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
