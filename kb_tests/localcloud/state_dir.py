"""The files of one local cloud."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLOUD_NAME = "kb-local"
REGION = "RegionOne"
"""The first region, as OpenStack calls it where nobody says otherwise."""


@dataclass(frozen=True)
class StateDir:
    """`ready` is there while the cloud serves; `clouds_yaml` holds a password and is of mode 0600."""

    folder: Path

    @property
    def clouds_yaml(self) -> Path:
        """For OS_CLIENT_CONFIG_FILE."""
        return self.folder / "clouds.yaml"

    @property
    def ready(self) -> Path:
        """Process, address and driver, as JSON."""
        return self.folder / "ready.json"

    @property
    def failure(self) -> Path:
        """Why the last start failed."""
        return self.folder / "failure"

    @property
    def lock(self) -> Path:
        """Held while the process lives."""
        return self.folder / "lock"

    @property
    def stay(self) -> Path:
        """Links to the files for whose sake it outlives who started it."""
        return self.folder / "stay"

    def stays(self, seconds: float) -> bool:
        """Whether such a file is there, and was written or touched within `seconds`."""
        with contextlib.suppress(OSError):
            for link in self.stay.iterdir():
                with contextlib.suppress(OSError):
                    if time.time() - link.stat().st_mtime < seconds:
                        return True
        return False

    @property
    def log(self) -> Path:
        """The process's output."""
        return self.folder / "localcloud.log"

    @property
    def requests(self) -> Path:
        """The request log, one JSON object a line; of the first region, if there are others."""
        return self.folder / "requests.jsonl"

    def requests_of(self, region: str) -> Path:
        """The request log of a region."""
        return self.requests if region == REGION else self.folder / f"requests-{region}.jsonl"

    def clouds(self) -> dict[str, Any]:
        """The entries of clouds.yaml; raises OSError where no cloud runs."""
        entries: dict[str, Any] = json.loads(self.clouds_yaml.read_text())["clouds"]
        return entries

    def write_clouds_yaml(
        self,
        name: str,
        auth_url: str,
        regions: tuple[str, ...],
        password: str,
        ssh_port: int,
        others: dict[str, Any],
    ) -> None:
        """A clouds.yaml for the administrator, with the entries of other clouds. JSON is YAML. The entry of
        each region but the first has the region's name behind its own.

        `ssh_port` is where port 22 of a floating IP is listened to; OpenStack clients pass over that key.
        """
        auth = {
            "auth_url": auth_url,
            "username": "admin",
            "password": password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
        names = (name, *(f"{name}-{region}" for region in regions[1:]))
        entries = {
            entry: {
                "auth": auth,
                "region_name": region,
                "identity_api_version": 3,
                "kb_ssh_port": ssh_port,
            }
            for entry, region in zip(names, regions, strict=True)
        }
        self._write(self.clouds_yaml, json.dumps({"clouds": others | entries}, indent=2) + "\n")

    def write_ready(self, facts: dict[str, Any]) -> None:
        """Say that the cloud serves."""
        self._write(self.ready, json.dumps(facts) + "\n")

    def _write(self, path: Path, content: str) -> None:
        temporary = path.with_name(path.name + ".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        temporary.replace(path)
