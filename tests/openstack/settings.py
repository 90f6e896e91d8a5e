"""Where the cloud keeps its files, and the names and addresses that it is known by."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""

DEFAULT_STATE = Path("/var/lib/kb-openstack")
CLOUD = "kb-openstack"
"""The cloud's name in its clouds.yaml, and its host's name."""

IMAGE = "kb-node"

PORTS = {
    "keystone": 5000,
    "nova-api": 8774,
    "cinder-api": 8776,
    "placement": 8778,
    "glance": 9292,
    "neutron-api": 9696,
}
"""Of the public APIs, by service."""

METADATA_PORT = 8775
"""Of Nova's metadata service: for Neutron's proxies only."""


class OpenStackError(Exception):
    """The cloud cannot be brought up or down: one sentence on what to do."""


class Virt(StrEnum):
    """How Nova runs servers: containers on this kernel, or emulated machines."""

    LXC = "lxc"
    QEMU = "qemu"


@dataclass(frozen=True)
class Settings:
    """One cloud.

    `address` is where the APIs listen, inside the namespace and, by the forwarder, outside of it, so that
    one catalog holds on both sides. `floating` is the first three octets of the floating addresses.
    """

    state: Path
    virt: Virt
    netns: str = "kb-openstack"
    address: str = "127.0.0.2"
    floating: str = "172.24.5"

    @property
    def etc(self) -> Path:
        """What the daemons see as /etc/SERVICE."""
        return self.state / "etc"

    @property
    def lib(self) -> Path:
        """What the daemons see as /var/lib/SERVICE."""
        return self.state / "lib"

    @property
    def log(self) -> Path:
        """One file a daemon, and one for each step of the set-up."""
        return self.state / "log"

    @property
    def run(self) -> Path:
        """Process ids, the lock, and marks of what is done once."""
        return self.state / "run"

    @property
    def exports(self) -> Path:
        """Where volumes are files."""
        return self.state / "volumes"

    @property
    def clouds_yaml(self) -> Path:
        """For the admin; with the password, and readable by root alone."""
        return self.state / "clouds.yaml"

    @property
    def password(self) -> str:
        """Of the admin, of the services, of database and queue."""
        return (self.state / "password").read_text()

    def url(self, service: str) -> str:
        """The root of an API."""
        return f"http://{self.address}:{PORTS[service]}"


def prepare(settings: Settings) -> None:
    """Make the state folder. A cloud keeps the kind of servers that it was made for: OpenStackError."""
    for folder in (settings.lib, settings.log / "box", settings.run / "pids", settings.exports):
        folder.mkdir(parents=True, exist_ok=True)
    # The daemons of database and queue are no root, and have files below.
    settings.state.chmod(0o711)
    chosen = made_for(settings.state)
    if chosen not in (None, settings.virt):
        raise OpenStackError(
            f"The cloud in {settings.state} was made for {chosen} servers; "
            f"`python -m tests.openstack down --purge` makes room for one with {settings.virt}."
        )
    (settings.state / "virt").write_text(settings.virt)
    password = settings.state / "password"
    if not password.exists():
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))


def made_for(state: Path) -> Virt | None:
    """The kind of servers of the cloud in this folder; None if there is no cloud."""
    try:
        return Virt((state / "virt").read_text())
    except FileNotFoundError:
        return None
