"""A fault of servers or volumes as it is asked for: checked, and noted when it is done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from kb_tests.localcloud.api.call import Call, Json, text
from kb_tests.localcloud.api.errors import bad_request, not_implemented
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.driver import FaultyDriver
from kb_tests.localcloud.harm.state import DIRECTIONS, Harm

_ABOUT_ALL = frozenset({"seconds", "direction"})
_SHARE, _MILLISECONDS = (0.0, 1.0), (0.0, 60_000.0)
_BOUNDS = {
    "rate": (1e3, 1e12),
    **dict.fromkeys(("loss", "share", "lost", "changed"), _SHARE),
    **dict.fromkeys(("milliseconds", "fsync"), _MILLISECONDS),
}


@dataclass(frozen=True)
class Asked:
    """What is to be done. `values` are those of its kind alone, `seconds` is 0 for no end."""

    cloud: Cloud
    driver: FaultyDriver
    kind: str
    values: dict[str, float]
    seconds: float
    directions: tuple[str, ...]

    def begin(self, harm: Harm) -> None:
        """Note that it is in effect, and see to its end."""
        self.cloud.harms.add(harm)
        if self.seconds:
            harm.until = time.monotonic() + self.seconds
            self.cloud.spawn(self.cloud.harms.end_in_time(harm))

    def whole(self, name: str) -> int | None:
        """A value as an integer, None where it was not given."""
        return int(self.values[name]) if name in self.values else None


def parse(call: Call, given: Json, kinds: Mapping[str, frozenset[str]], addressed: frozenset[str]) -> Asked:
    """What `given` asks for: one of `kinds`, with the names that it takes; `addressed` say of what.

    Raises:
        ApiError: 400, an unknown kind or name, or a value that makes no sense; 501, the driver harms nothing.

    """
    driver = call.cloud.driver
    if not isinstance(driver, FaultyDriver):
        raise not_implemented(f"The driver {driver.name} cannot harm what it runs.")
    kind = text(given, "kind")
    if kind not in kinds:
        raise bad_request(f"The kind of this fault is one of {', '.join(kinds)}, not {kind}.")
    unknown = sorted(set(given) - kinds[kind] - addressed - {"kind"})
    if unknown:
        takes = ", ".join(sorted(kinds[kind])) or "nothing more"
        raise bad_request(f"{kind} has no {', '.join(unknown)}: it takes {takes}.")
    direction = given.get("direction") or "both"
    if direction not in ("both", *DIRECTIONS):
        raise bad_request(f"direction must be in, out or both, not {direction!r}.")
    return Asked(
        cloud=call.cloud,
        driver=driver,
        kind=kind,
        values={name: _number(name, given[name]) for name in (kinds[kind] - _ABOUT_ALL) & set(given)},
        seconds=_number("seconds", given.get("seconds", 0)),
        directions=DIRECTIONS if direction == "both" else (direction,),
    )


def _number(name: str, value: object) -> float:
    least, most = _BOUNDS.get(name, (0.0, 1e15))
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise bad_request(f"{name} must be a number of {least:g} to {most:g}, not {value!r}.")
    return value
