"""Which server this is: its Nova name and id."""

from __future__ import annotations

import os
import time

from . import json_text, tcp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

METADATA = ("169.254.169.254", 80)
_PATH = "/openstack/latest/meta_data.json"
_CONFIG_DRIVES = ("/run/config-2", "/mnt/config", "/media/configdrive", "/config-2", "/mnt")
_CLOUD_INIT = ("/run/cloud-init/instance-data-sensitive.json", "/run/cloud-init/instance-data.json")
_LIMIT = 1 << 20
_TRIES = 5
_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")


class Identity:
    """`uuid` is "" when only the host name is known."""

    __slots__ = ("name", "uuid")

    def __init__(self, name: str, uuid: str) -> None:
        self.name = name
        self.uuid = uuid


def find(tries: int = _TRIES, pause: float = 1.0) -> Identity:
    """Ask the metadata service, then a mounted config drive or cloud-init's copy, then the host name.

    The service comes first: files may be those of a machine whose root this server shares.
    """
    for attempt in range(tries):
        if attempt:
            time.sleep(pause)
        identity = parse(_fetch(METADATA, timeout=2.0))
        if identity:
            return identity
    for path in _files():
        try:
            with open(path, "rb") as file:
                identity = parse(file.read(_LIMIT))
        except OSError:
            continue
        if identity:
            return identity
    return Identity(tcp.gethostname(), "")


def parse(raw: bytes) -> Identity | None:
    """The identity in a meta_data.json, or in cloud-init's instance data, if there is one."""
    try:
        data = json_text.loads(raw)
        if isinstance(data.get("ds"), dict):
            data = data["ds"]["meta_data"]
        name, uuid = data["name"], data["uuid"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not (isinstance(name, str) and isinstance(uuid, str) and 0 < len(name) <= 128 and len(uuid) <= 64):
        return None
    return Identity(name, uuid) if _ALLOWED.issuperset(name) else None


def _files() -> Iterator[str]:
    for folder in _CONFIG_DRIVES:
        yield os.path.join(folder, _PATH.lstrip("/"))
    yield from _CLOUD_INIT


def _fetch(address: tuple[str, int], timeout: float) -> bytes:
    """The body of a plain HTTP answer, b"" for anything but 200; urllib would double our memory."""
    answer = b""
    try:
        with tcp.connect(address, timeout) as connection:
            connection.sendall(f"GET {_PATH} HTTP/1.0\r\nHost: {address[0]}\r\n\r\n".encode())
            while len(answer) < _LIMIT:
                chunk = connection.recv(65_536)
                if not chunk:
                    break
                answer += chunk
    except OSError:
        return b""
    head, _, body = answer.partition(b"\r\n\r\n")
    return body if head.split(b" ", 2)[1:2] == [b"200"] else b""
