"""What an operator of a cloud can choose, and clients have to cope with: `NAME=VALUE`, at the start
(`kb localcloud up --set`) or while it runs (`kb localcloud set`, `AdminClient.set`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kb_tests.localcloud import units


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


class Policies(StrEnum):
    """Which rules of the services say who may do what."""

    LEGACY = "legacy"
    """Any role of a project may do what is not an administrator's."""
    SECURE = "secure"
    """As current releases have it: readers only read (and have key pairs), members and managers change what
    is their project's, and the manager of a domain its projects, users and their roles.
    """


class Quota(StrEnum):
    """Who limits what a project has of Nova's: its `[quota] driver`."""

    OWN = "own"
    """Nova's own quotas."""
    UNIFIED = "unified"
    """Keystone's limits: a change of Nova's quotas is answered with 200 and those, and changes nothing."""


class Shown(StrEnum):
    """Whether an API that is optional is there."""

    ON = "on"
    OFF = "off"


class VolumeZones(StrEnum):
    """Which availability zones Cinder has."""

    ONE = "one"
    """One, `nova`, whose volumes every server takes."""
    NOVAS = "novas"
    """Those of Nova: no server takes a volume of another zone than its own (`cross_az_attach` is off)."""


class BackEnd(StrEnum):
    """Whether Cinder's back end is there."""

    UP = "up"
    DOWN = "down"
    """Its service is down: new volumes end in ERROR."""


SERVICES = ("keystone", "nova", "neutron", "glance", "cinder")


@dataclass(frozen=True)
class Services:
    """Some services, written with commas between them, or `none`."""

    names: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Services:
        """The services of a text; raises ValueError where one does not exist."""
        names = frozenset() if text == "none" else frozenset(text.split(","))
        if not names <= set(SERVICES):
            raise ValueError(text)
        return cls(names)

    def __str__(self) -> str:
        return ",".join(name for name in SERVICES if name in self.names) or "none"


@dataclass(frozen=True)
class LinkRate:
    """What the link of a new server carries at the most on its way out: 50Mbit, or `none` that limits it."""

    bits: int | None = None

    @classmethod
    def parse(cls, text: str) -> LinkRate:
        """The rate of a text; raises ValueError for one that is none, or carries nothing."""
        if text == "none":
            return cls()
        bits = units.bits(text)
        if bits <= 0:
            raise ValueError(text)
        return cls(bits)

    def __str__(self) -> str:
        return "none" if self.bits is None else units.rate(self.bits)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Those of one cloud. In `NAME=VALUE` a name is written with `-` for `_`."""

    routers: Routers = Routers.PLAIN
    policies: Policies = Policies.LEGACY
    admins: Services = Services(frozenset(SERVICES))
    """The services that take the role `admin` for an administrator's; to the others that is `cloud_admin`."""

    quota: Quota = Quota.OWN
    quota_details: Shown = Shown.ON
    """Neutron's `/quotas/{project}/details`; where it is off, that is 404."""

    volume_zones: VolumeZones = VolumeZones.ONE
    volume_back_end: BackEnd = BackEnd.UP
    link_rate: LinkRate = LinkRate()

    def changed(self, values: Mapping[str, str]) -> Settings:
        """These with other values for some names.

        Raises:
            ValueError: a name or a value that does not exist; one sentence says which do.

        """
        made: dict[str, object] = {}
        for name, value in values.items():
            kind = _KINDS.get(name)
            if kind is None:
                raise ValueError(f"There is no setting {name}: there are {', '.join(sorted(_KINDS))}.")
            try:
                made[name.replace("-", "_")] = kind.parse(value)
            except ValueError:
                raise ValueError(f"The setting {name} is {kind.choices}, not {value!r}.") from None
        return replace(self, **made)  # type: ignore[arg-type]

    def shown(self) -> dict[str, str]:
        """All of them, by name."""
        return {name: str(getattr(self, name.replace("-", "_"))) for name in _KINDS}

    def admin_role(self, service: str) -> str:
        """The role of whom a service takes for an administrator."""
        return "admin" if service not in SERVICES or service in self.admins.names else CLOUD_ADMIN


CLOUD_ADMIN = "cloud_admin"


@dataclass(frozen=True)
class _Kind:
    parse: Callable[[str], object]
    choices: str


def _one_of(kind: type[StrEnum]) -> _Kind:
    return _Kind(kind, f"one of {', '.join(kind)}")


_KINDS = {
    "routers": _one_of(Routers),
    "policies": _one_of(Policies),
    "quota": _one_of(Quota),
    "quota-details": _one_of(Shown),
    "volume-zones": _one_of(VolumeZones),
    "volume-back-end": _one_of(BackEnd),
    "link-rate": _Kind(LinkRate.parse, "a rate such as 50Mbit, or none"),
    "admins": _Kind(Services.parse, f"some of {','.join(SERVICES)}, or none"),
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
