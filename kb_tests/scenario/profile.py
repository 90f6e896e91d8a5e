"""What fio is asked for: one profile, in fio's own words, and whether what it writes can be verified."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from kb_tests.scenario.base import written_as
from kb_tests.scenario.section import Section
from kb_tests.scenario.units import Size

Mode = Literal["read", "write", "rw", "randread", "randwrite", "randrw"]
ProfileName = Annotated[
    str,
    *written_as(
        r"[a-z0-9]+([ -][a-z0-9]+)*",
        40,
        "a name of small letters, digits, and single spaces or hyphens between them, such as random mix",
    ),
]

SECTOR = 512
ONE_AT_A_TIME = ("psync", "pvsync", "pvsync2", "sync")
"""fio engines that ignore iodepth."""

SYNCS = ("fdatasync", "fsync")
"""Options by which every n-th write is followed by what makes it last; its time is the write's, too."""

EXTRA_OPTIONS = {
    "buffer_compress_percentage": r"[0-9]{1,3}",
    "dedupe_percentage": r"[0-9]{1,3}",
    "direct": r"[01]",
    "fdatasync": r"[0-9]{1,9}",
    "fsync": r"[0-9]{1,9}",
    "ioengine": r"libaio|io_uring|posixaio|psync|pvsync|pvsync2|sync",
    "iodepth_batch_complete_max": r"[0-9]{1,4}",
    "iodepth_batch_complete_min": r"[0-9]{1,4}",
    "iodepth_batch_submit": r"[0-9]{1,4}",
    "norandommap": r"[01]",
    "percentage_random": r"[0-9]{1,3}",
    "random_distribution": r"random|(zipf|pareto|normal):[0-9.:]{1,20}",
    "refill_buffers": r"[01]",
    "sync": r"0|1|none|sync|dsync",
}
"""fio options that a profile may add, with the form of their values (a regular expression): none of them
names a file or runs a program. Some let a load be easier than it looks; docs/storage.md says which.
"""


MOST_VERIFIED = 60_000
"""Writes of one job in a run that can be told apart afterwards: fio counts them modulo 65,536."""

MOST_LOGGED = 1_000_000
"""I/Os of one server in a run that fio keeps a line of each."""

OWN_CONTENT = ("buffer_compress_percentage", "dedupe_percentage")
"""Options that say what is written, which is another thing where it is verified."""


def syncs(extra: Iterable[tuple[str, str | int]]) -> int:
    """After how many writes a profile with these options syncs, at the least; 0 if it does not."""
    return min((number for name, value in extra if name in SYNCS and (number := int(value))), default=0)


class Profile(Section):
    """One fio job in fio's own words; rates are per server, and neither of them means as fast as it goes.

    A mixed mode's rate is the total; reads get `rwmixread` percent of it.
    """

    name: ProfileName
    mode: Mode
    block_size: Size = 4 << 10
    iodepth: Annotated[int, Field(ge=1, le=4096)] = 1
    numjobs: Annotated[int, Field(ge=1, le=64)] = 1
    rwmixread: Annotated[int, Field(ge=1, le=99)] | None = None
    rate_iops: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    rate: Size | None = None
    extra: dict[str, str | int] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name as it stands in a test's id."""
        return self.name.replace(" ", "-")

    @property
    def reads(self) -> float:
        """The share of reads: 0, 1, or what a mix says (half, if it says nothing)."""
        if self.mode in ("rw", "randrw"):
            return (50 if self.rwmixread is None else self.rwmixread) / 100
        return 1.0 if self.mode in ("read", "randread") else 0.0

    @property
    def rated(self) -> bool:
        """Whether it has a rate; without one it is a closed loop."""
        return self.rate is not None or self.rate_iops is not None

    @property
    def syncs(self) -> int:
        """After how many writes fio syncs, at the least; 0 if it does not."""
        return syncs(self.extra.items()) if self.reads < 1 else 0

    @field_validator("block_size")
    @classmethod
    def _sectors(cls, size: int) -> int:
        if not SECTOR <= size <= 16 << 20 or size % SECTOR:
            raise ValueError("a multiple of 512B up to 16MiB is allowed here")
        return size

    @field_validator("extra")
    @classmethod
    def _allowed(cls, extra: dict[str, str | int]) -> dict[str, str | int]:
        for option, value in extra.items():
            if option not in EXTRA_OPTIONS:
                raise ValueError(f"{option} is not allowed here; these are: {', '.join(EXTRA_OPTIONS)}")
            if isinstance(value, bool) or re.fullmatch(EXTRA_OPTIONS[option], str(value)) is None:
                raise ValueError(f"{option} takes values like {EXTRA_OPTIONS[option]}")
        return extra

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rwmixread is not None and self.mode not in ("rw", "randrw"):
            raise ValueError(f"rwmixread has no meaning for mode {self.mode}")
        if self.rate is not None and self.rate_iops is not None:
            raise ValueError("name rate or rate_iops, not both")
        if self.rate is not None and self.rate < self.block_size:
            raise ValueError("rate has to be one block a second at least")
        engine = self.extra.get("ioengine")
        if engine in ONE_AT_A_TIME and self.iodepth > 1:
            raise ValueError(f"ioengine {engine} makes one I/O at a time; use numjobs")
        if self.syncs and (self.iodepth > 1 or engine not in (None, *ONE_AT_A_TIME)):
            raise ValueError(
                "fsync and fdatasync need iodepth: 1 and an engine that makes one I/O at a time"
                f" ({', '.join(ONE_AT_A_TIME)}): with others fio times them wrong; use numjobs"
            )
        return self


def not_verifiable(profile: Profile, seconds: float) -> str:
    """Why what a profile writes in a run of so many seconds cannot be verified; "" if it can."""
    rate = profile.rate_iops or (profile.rate or 0) / profile.block_size
    if not rate:
        return "it has no rate, and only at a rate each write is logged"
    named = [name for name in OWN_CONTENT if name in profile.extra]
    if named:
        return f"{named[0]} says what is written, and verify writes content of its own"
    if rate * seconds * (2 if profile.syncs else 1) > MOST_LOGGED:
        return f"it makes over {MOST_LOGGED:,} I/Os in {seconds:g} s; lower the rate or the duration"
    if rate * (1 - profile.reads) * seconds / profile.numjobs > MOST_VERIFIED:
        return (
            f"one job makes over {MOST_VERIFIED:,} writes in {seconds:g} s, which fio does not tell apart;"
            " lower the rate or the duration, or raise numjobs"
        )
    return ""
