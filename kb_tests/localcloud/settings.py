"""What an operator of a cloud can choose, and clients have to cope with: `NAME=VALUE`, at the start
(`kb localcloud up --set`) or while it runs (`kb localcloud set`, `AdminClient.set`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum


class Routers(StrEnum):
    """What a new router is, where its maker says nothing: Neutron's `l3_ha` and `router_distributed`."""

    PLAIN = "plain"
    """Neither."""
    HA = "ha"
    """On several hosts: an HA network of the project, and a port in it for each host."""
    DVR = "dvr"
    """On every host; a port of its own in each subnet for SNAT, where it has a gateway."""
    DVR_HA = "dvr-ha"
    """Both."""

    @property
    def ha(self) -> bool:
        """Whether routers are highly available."""
        return self in (Routers.HA, Routers.DVR_HA)

    @property
    def distributed(self) -> bool:
        """Whether routers are distributed."""
        return self in (Routers.DVR, Routers.DVR_HA)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Those of one cloud. In `NAME=VALUE` a name is written with `-` for `_`."""

    routers: Routers = Routers.PLAIN

    def changed(self, values: Mapping[str, str]) -> Settings:
        """These with other values for some names.

        Raises:
            ValueError: a name or a value that does not exist; one sentence says which do.

        """
        made: dict[str, StrEnum] = {}
        for name, value in values.items():
            kind = _KINDS.get(name)
            if kind is None:
                raise ValueError(f"There is no setting {name}: there are {', '.join(sorted(_KINDS))}.")
            try:
                made[name.replace("-", "_")] = kind(value)
            except ValueError:
                raise ValueError(f"The setting {name} is one of {', '.join(kind)}, not {value!r}.") from None
        return replace(self, **made)  # type: ignore[arg-type]

    def shown(self) -> dict[str, str]:
        """All of them, by name."""
        return {name: str(getattr(self, name.replace("-", "_"))) for name in _KINDS}


_KINDS: dict[str, type[StrEnum]] = {
    each.name.replace("_", "-"): type(each.default)  # type: ignore[misc]
    for each in fields(Settings)
}


def parse(words: Sequence[str]) -> dict[str, str]:
    """Names and values of `NAME=VALUE` words.

    Raises:
        ValueError: a word without `=`, or what `Settings.changed` finds wrong.

    """
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"A setting is given as NAME=VALUE, not {word!r}.")
        values[name] = value
    Settings().changed(values)
    return values
