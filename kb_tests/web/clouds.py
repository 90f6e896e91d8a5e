"""The names of clouds in clouds.yaml, found where openstacksdk looks, without loading that."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from kb_tests.cloud.account import Account, places_of
from kb_tests.web.shapes.clouds import CloudList, CloudRow

LARGEST = 1 << 20
EMBEDDED = CloudRow(name="", embedded=True)
_REGION = re.compile(r"[A-Za-z0-9][\w.-]{0,62}")


def places() -> list[Path]:
    """Where clouds.yaml may be, the first one that is there counts."""
    if named := os.environ.get("OS_CLIENT_CONFIG_FILE"):
        return [Path(named)]
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folders = (Path.cwd(), config / "openstack", Path("/etc/xdg/openstack"), Path("/etc/openstack"))
    return [folder / f"clouds.{ending}" for folder in folders for ending in ("yaml", "yml")]


def listed() -> CloudList:
    """The embedded cloud, and those of the file: their names, and which of them are one cloud."""
    searched = places()
    path = next((place for place in searched if place.is_file()), None)
    found: Mapping[str, Any] = {}
    fault = ""
    if path is not None:
        try:
            found = _entries(path)
            fault = "" if found else f"{path} names no cloud."
        except (OSError, ValueError, yaml.YAMLError, RecursionError):
            fault = f"{path} cannot be read as YAML."
    shown = [path] if path else [place for place in searched if place.suffix == ".yaml"]
    each = {name: account for entry in found for name, account in _named(entry, found[entry])}
    same = places_of(each)
    return CloudList(
        clouds=(EMBEDDED, *(CloudRow(name=name, place=same[name]) for name in sorted(each))),
        searched=tuple(map(str, shown)),
        fault=fault,
    )


def is_known(name: str) -> bool:
    """Whether a run can be started on what is called so: the embedded cloud, an entry, or a region of one,
    which the catalog may have although clouds.yaml lists none.
    """
    rows = {row.name for row in listed().clouds}
    entry, colon, region = name.rpartition(":")
    return name in rows or bool(colon and entry and entry in rows and _REGION.fullmatch(region))


def _named(name: str, entry: Any) -> Iterator[tuple[str, Account | None]]:
    """What an entry's regions are called, NAME:REGION where it leaves open which one is meant."""
    regions, single = _regions(entry)
    if len(regions) < 2 or single in regions:
        yield name, _account(entry)
    if len(regions) > 1:
        yield from ((f"{name}:{region}", _account(entry, region)) for region in regions if region != single)


def _regions(entry: Any) -> tuple[list[str], str]:
    """The regions that an entry lists, and the one that it names."""
    if not isinstance(entry, dict):
        return [], ""
    listed, single = entry.get("regions"), entry.get("region_name")
    found = listed or (single.split(",") if isinstance(single, str) else single)
    many = found if isinstance(found, list) else []
    names = [str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in many]
    return [name for name in names if name], single if isinstance(single, str) else ""


def are_one(names: Iterable[str]) -> Mapping[str, str]:
    """For each name the first of those that are the same region of the same cloud, which carries one load at
    a time. One that clouds.yaml does not have is its own, as is "", the embedded cloud.
    """
    path = next((place for place in places() if place.is_file()), None)
    entries: Mapping[str, Any] = {}
    with suppress(OSError, ValueError, yaml.YAMLError, RecursionError):  # the session will say so
        entries = _entries(path) if path else {}
    accounts = {}
    for name in names:
        entry, _, region = name.partition(":")
        accounts[name] = _account(entries.get(name, entries.get(entry)), region)
    return places_of(accounts)


def _entries(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        found = yaml.safe_load(file.read(LARGEST))
    clouds = found.get("clouds") if isinstance(found, dict) else None
    return {str(name): entry for name, entry in clouds.items()} if isinstance(clouds, dict) else {}


def _account(entry: Any, region: str = "") -> Account | None:
    """As far as an entry tells by itself. Of one whose address stands in a profile, that names the cloud."""
    if not isinstance(entry, dict):
        return None
    auth = entry.get("auth")
    address = auth.get("auth_url") if isinstance(auth, dict) else None
    where = address or entry.get("profile")
    return Account(str(where), region or str(entry.get("region_name") or "")) if where else None
