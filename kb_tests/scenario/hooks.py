"""Hooks: what an operator has done to the cloud at a second of a point, such as failing a router over.

A hook is an argument list, never a line for a shell. Its arguments may hold placeholders, which are filled in
after the list is made: whatever stands for one stays within its argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from kb_tests.scenario.section import Section
from kb_tests.scenario.units import Duration, Share, format_duration

KEY = "hooks"
"""Where they stand in a scenario: what comes from a command line or over a network and has this key anywhere
is refused, since hooks run commands."""

BASELINE = 5.0
"""Seconds of load before the first mark, which say what the service is like when nothing is done to it."""

SUSTAINED = 5.0
"""Seconds that have to be good in a row before the service counts as recovered."""

LONGEST = 3600.0
"""Seconds that a hook may take at most."""

REPEATED = {
    "steady": "runs in rounds until they are alike",
    "capacity": "runs as many loads as it takes to find one",
}
"""Keys of `load` whose loads are repeated or compared, and why hooks have no place there: every kind of load
that runs a point more than once, or two of them side by side, belongs here."""

OF_SERVER = ("id", "name", "address", "host", "zone", "project", "router", "volume")
"""What `{server.…}` and `{client.…}` may name of a server; `{server}` is its id."""

OF_POINT = ("run", "cloud", "scenario", "point")

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SERVER = re.compile(r"(?P<role>server|client)(?P<number>[1-9][0-9]{0,4})?(?:\.(?P<what>[a-z]+))?")

Argument = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00]*$")]
HookName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Hook(Section):
    """A command that is run `at` so many seconds of the measured window, for `timeout` at most.

    It ends with the point, and all that it started. Where it fails, the point is not valid: nobody knows then
    what was done to the cloud.
    """

    at: Duration
    run: Annotated[list[Argument], Field(min_length=1, max_length=100)]
    timeout: Duration = 30.0
    name: HookName | None = None

    @property
    def title(self) -> str:
        """Its name, or that of its command."""
        return self.name or PurePath(self.run[0]).name or self.run[0]

    @field_validator("timeout")
    @classmethod
    def _bounded(cls, timeout: float) -> float:
        if not 0 < timeout <= LONGEST:
            raise ValueError(f"a timeout above 0s, and up to {format_duration(LONGEST)}, is allowed here")
        return timeout

    @model_validator(mode="after")
    def _readable(self) -> Hook:
        if not self.run[0] or "{" in self.run[0] or "}" in self.run[0]:
            raise ValueError("run begins with a command, which has no placeholder")
        for argument in self.run[1:]:
            for name in placeholders(argument):
                if name not in OF_POINT and not _names_server(name):
                    raise ValueError(
                        f"run holds {{{name}}}, which stands for nothing; there are"
                        f" {', '.join(f'{{{known}}}' for known in OF_POINT)}, {{server}}, {{client}}, and of"
                        f" these .{', .'.join(OF_SERVER)}, as in {{server2.name}}; a brace is written"
                        " {{ or }}"
                    )
        return self


class RecoveryLimit(Section):
    """How long after a hook or a marker the service may be off: `recovery: 15s`, or with what it means.

    A second is good where at most `errors` of the requests due in it failed, and the others' 99th
    percentile is at most `p99`. What is not named is taken from the seconds before the mark.
    """

    within: Duration
    p99: Duration | None = None
    errors: Share | None = None

    @model_validator(mode="after")
    def _positive(self) -> RecoveryLimit:
        if self.within <= 0 or (self.p99 is not None and self.p99 <= 0):
            raise ValueError("limits are above 0s")
        return self


def _short(value: object) -> object:
    return {"within": value} if isinstance(value, str) else value


Recovery = Annotated[RecoveryLimit, BeforeValidator(_short, json_schema_input_type=str | RecoveryLimit)]


def placeholders(argument: str) -> Iterator[str]:
    """The names between braces; ValueError for a brace that is alone."""
    for match in _TOKEN.finditer(argument):
        if match[1] is not None:
            yield match[1]
        elif match[0] in "{}":
            raise ValueError(f"run holds a {match[0]} that is alone; a brace is written {{{{ or }}}}")


def fill(argument: str, value_of: Callable[[str], str]) -> str:
    """`argument` with the values of its placeholders, and braces for doubled ones."""
    return _TOKEN.sub(lambda match: match[0][0] if match[1] is None else value_of(match[1]), argument)


def server_of(name: str) -> tuple[str, int, str] | None:
    """Role, number from 1, and what of the server that a placeholder names; None if it names none."""
    match = _SERVER.fullmatch(name)
    if match is None:
        return None
    return match["role"], int(match["number"] or 1), match["what"] or "id"


def _names_server(name: str) -> bool:
    found = server_of(name)
    return found is not None and found[2] in OF_SERVER


def check_hooks(
    hooks: Sequence[Hook],
    recovery: RecoveryLimit | None,
    load: Section,
    *,
    duration: float,
    max_duration: float | None,
    roles: Mapping[str, int],
) -> None:
    """Whether hooks and the limit on recovery fit a load; raises ValueError if not.

    `roles` says how many servers of each role a point has at the smallest scale.
    """
    if not hooks and recovery is None:
        return
    what = KEY if hooks else "sla.recovery"
    for key, why in REPEATED.items():
        if getattr(load, key, None):
            raise ValueError(f"{what} cannot stand beside load.{key}, which {why}; leave one of them out")
    if "warm_up" in type(load).model_fields and getattr(load, "warm_up", None) is None:
        raise ValueError(f"{what} cannot stand beside warm_up: auto, which moves the window; give a duration")
    if max_duration is not None and max_duration > duration:
        raise ValueError(
            f"{what} cannot stand beside max_duration: what is done to a cloud is done once, so that such a"
            " point is run once; make duration as long as it takes"
        )
    _check_times(hooks, recovery, duration)
    for hook in hooks:
        for name in (name for argument in hook.run[1:] for name in placeholders(argument)):
            role, number, _ = server_of(name) or ("", 0, "")
            if role and number > roles.get(role, 0):
                raise ValueError(
                    f"hook {hook.title} names {{{name}}}, and the smallest point has {roles.get(role, 0)} of"
                    f" role {role}"
                )


def _check_times(hooks: Sequence[Hook], recovery: RecoveryLimit | None, duration: float) -> None:
    titles = [hook.title for hook in hooks]
    if len(set(titles)) != len(titles):
        raise ValueError("each of the hooks needs a name of its own, which the report shows")
    for hook in hooks:
        if hook.at >= duration:
            raise ValueError(
                f"hook {hook.title} is at {format_duration(hook.at)}, and the window has"
                f" {format_duration(duration)}"
            )
    if recovery is None:
        return
    times = sorted(hook.at for hook in hooks) or [BASELINE]
    if times[0] < BASELINE:
        raise ValueError(
            f"sla.recovery needs {BASELINE:g}s before the first hook, which say what good is; it is at"
            f" {format_duration(times[0])}"
        )
    for at, until in zip(times, [*times[1:], duration], strict=True):
        if until - at < recovery.within + SUSTAINED:
            raise ValueError(
                f"sla.recovery could not be shown after {format_duration(at)}: until"
                f" {'the window ends' if until == duration else 'the next hook'} at {format_duration(until)}"
                f" there have to be {format_duration(recovery.within)} and {SUSTAINED:g}s that are good"
            )
