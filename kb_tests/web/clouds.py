"""The names of clouds in clouds.yaml, found where openstacksdk looks, without loading that."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from kb_tests.web.shapes.clouds import CloudList, CloudRow

LARGEST = 1 << 20
EMBEDDED = CloudRow(name="", embedded=True)


def places() -> list[Path]:
    """Where clouds.yaml may be, the first one that is there counts."""
    if named := os.environ.get("OS_CLIENT_CONFIG_FILE"):
        return [Path(named)]
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folders = (Path.cwd(), config / "openstack", Path("/etc/xdg/openstack"), Path("/etc/openstack"))
    return [folder / f"clouds.{ending}" for folder in folders for ending in ("yaml", "yml")]


def listed() -> CloudList:
    """The embedded cloud, and those of the file, by name; of the file nothing else is told."""
    searched = places()
    path = next((place for place in searched if place.is_file()), None)
    names: list[str] = []
    fault = ""
    if path is not None:
        try:
            with path.open("rb") as file:
                found = yaml.safe_load(file.read(LARGEST))
            clouds = found.get("clouds") if isinstance(found, dict) else None
            names = sorted(str(name) for name in clouds) if isinstance(clouds, dict) else []
            fault = "" if names else f"{path} names no cloud."
        except (OSError, ValueError, yaml.YAMLError, RecursionError):
            fault = f"{path} cannot be read as YAML."
    shown = [path] if path else [place for place in searched if place.suffix == ".yaml"]
    return CloudList(
        clouds=(EMBEDDED, *(CloudRow(name=name) for name in names)),
        searched=tuple(map(str, shown)),
        fault=fault,
    )
