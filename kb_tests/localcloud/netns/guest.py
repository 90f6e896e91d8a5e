"""What a server is given to read: files of its first boot, config drive, metadata documents."""

from __future__ import annotations

import json
import shlex
import zlib
from base64 import b64decode, b64encode
from ipaddress import IPv4Network
from typing import Any

import yaml

from kb_tests.localcloud.driver import DriverError, Nic, ServerSpec

_LARGEST_UNPACKED = 1 << 20

_ENCODINGS = {"": (False, False), "text/plain": (False, False), "b64": (True, False), "base64": (True, False)}
for _gzip in ("gz", "gzip"):
    _ENCODINGS |= {_gzip: (False, True), f"{_gzip}+b64": (True, True), f"{_gzip}+base64": (True, True)}
"""What cloud-config's write_files calls encodings: whether it is base64, and whether gzip is below."""

USER_DATA_SCRIPT = "/var/lib/cloud/instance/user-data.txt"
"""Where the script that user_data stands for lies in the server."""


def boot_script(user_data: bytes) -> bytes | None:
    """The program that a server runs once for its user_data: a `#!` script as it is, of a
    `#cloud-config` its write_files and runcmd, gzipped or not; None for anything else.

    Raises `DriverError` for a cloud-config that is none.
    """
    if user_data.startswith(b"\x1f\x8b"):
        user_data = _unpack(user_data)
    if user_data.startswith(b"#!"):
        return user_data
    if user_data.startswith(b"#cloud-config"):
        return _cloud_config_script(user_data)
    return None


def _unpack(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(packed, _LARGEST_UNPACKED)
    except zlib.error as error:
        raise DriverError(f"user_data looks like gzip and is not: {error}.") from None
    if not unpacker.eof:
        raise DriverError(f"user_data is cut off, or unpacks to more than {_LARGEST_UNPACKED} bytes.")
    return data


def _cloud_config_script(text: bytes) -> bytes:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DriverError(f"user_data is no valid cloud-config: {' '.join(str(error).split())}.") from None
    if not isinstance(config, dict):
        raise DriverError("user_data is no valid cloud-config: it is not a mapping.")
    lines = ["#!/bin/sh"]
    others = sorted(str(key) for key in config.keys() - {"write_files", "runcmd"})
    if others:
        lines.append(f"echo {shlex.quote('user_data: the local cloud passes over ' + ', '.join(others))}")
    try:
        for file in config.get("write_files") or ():
            lines += _write_file(file)
        for command in config.get("runcmd") or ():
            lines.append(command if isinstance(command, str) else shlex.join(map(str, command)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DriverError(f"user_data's write_files or runcmd is malformed: {error!r}.") from None
    return ("\n".join(lines) + "\n").encode()


def _write_file(file: dict[str, Any]) -> list[str]:
    """Shell lines that do what one entry of cloud-config's write_files asks."""
    path = shlex.quote(file["path"])
    content = file.get("content", "")
    content = content if isinstance(content, bytes) else content.encode()
    is_base64, is_gzip = _ENCODINGS[(file.get("encoding") or "").lower()]
    content = b64decode(content) if is_base64 else content
    unpack = " | gzip -d" if is_gzip else ""
    into = ">>" if file.get("append") else ">"
    mode = file.get("permissions", 0o644)
    mode = f"{mode:04o}" if isinstance(mode, int) else str(mode)  # YAML reads an unquoted 0600 as octal
    return [
        f"mkdir -p {shlex.quote(file['path'].rpartition('/')[0] or '/')}",
        f"base64 -d <<'END'{unpack} {into} {path}\n{b64encode(content).decode()}\nEND",
        f"chmod {shlex.quote(mode)} {path}",
        f"chown {shlex.quote(file.get('owner', 'root:root'))} {path}",
    ]


def first_files(server: ServerSpec) -> dict[str, tuple[bytes, int]]:
    """What is on a server's disk when it boots for the first time: path to (content, mode)."""
    name = server.hostname
    files = {
        "/etc/hostname": (f"{name}\n".encode(), 0o644),
        "/etc/hosts": (f"127.0.0.1 localhost\n127.0.1.1 {name}\n".encode(), 0o644),
        "/etc/machine-id": (server.id.replace("-", "").encode() + b"\n", 0o444),
    }
    if server.public_keys:
        keys = "".join(f"{key.strip()}\n" for key in server.public_keys)
        files["/root/.ssh/authorized_keys"] = (keys.encode(), 0o600)
    script = boot_script(server.user_data)
    if script is not None:
        files[USER_DATA_SCRIPT] = (script, 0o700)
    return files


def openstack_documents(server: ServerSpec) -> dict[str, bytes]:
    """The files below `openstack/latest/`, on the config drive and at 169.254.169.254."""
    documents = {
        "meta_data.json": json.dumps(server.meta_data).encode(),
        "network_data.json": json.dumps(network_data(server.nics)).encode(),
    }
    if server.user_data:
        documents["user_data"] = server.user_data
    return documents


def documents(server: ServerSpec) -> dict[str, bytes]:
    """All that the metadata service knows of a server: path to content."""
    openstack = {f"openstack/latest/{name}": content for name, content in openstack_documents(server).items()}
    return openstack | {f"latest/meta-data/{name}": content for name, content in _ec2(server).items()}


def _ec2(server: ServerSpec) -> dict[str, bytes]:
    address = server.nics[0].address if server.nics else ""
    texts = {
        "hostname": server.hostname,
        "local-hostname": server.hostname,
        "instance-id": server.id,
        "local-ipv4": address,
    }
    return {name: text.encode() for name, text in texts.items()}


def network_data(nics: tuple[Nic, ...]) -> dict[str, object]:
    """OpenStack's network_data.json of these ports."""
    links, networks = [], []
    for number, nic in enumerate(nics):
        subnet = IPv4Network((nic.address, nic.prefix), strict=False)
        routes = [*nic.routes, *([("0.0.0.0/0", nic.gateway)] if nic.gateway else [])]
        links.append(
            {
                "id": f"tap{number}",
                "vif_id": nic.port_id,
                "type": "bridge",
                "mtu": nic.mtu,
                "ethernet_mac_address": nic.mac,
            }
        )
        networks.append(
            {
                "id": f"network{number}",
                "type": "ipv4",
                "link": f"tap{number}",
                "ip_address": nic.address,
                "netmask": str(subnet.netmask),
                "network_id": nic.network_id,
                "routes": [_route(destination, gateway) for destination, gateway in routes],
            }
        )
    return {"links": links, "networks": networks, "services": []}


def _route(destination: str, gateway: str) -> dict[str, str]:
    network = IPv4Network(destination, strict=False)
    return {"network": str(network.network_address), "netmask": str(network.netmask), "gateway": gateway}
