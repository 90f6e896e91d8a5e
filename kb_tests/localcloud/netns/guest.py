"""What a server is given to read: files of its first boot, config drive, metadata documents."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

from kb_tests.localcloud.driver import Nic, ServerSpec

USER_DATA_SCRIPT = "/var/lib/cloud/instance/user-data.txt"
"""Where a `#!` script given as user_data lies in the server."""


def is_script(user_data: bytes) -> bool:
    """Whether a server runs its user_data as a program."""
    return user_data.startswith(b"#!")


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
    if is_script(server.user_data):
        files[USER_DATA_SCRIPT] = (server.user_data, 0o700)
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


def ec2_documents(server: ServerSpec) -> dict[str, bytes]:
    """The basic documents below `latest/meta-data/`."""
    address = server.nics[0].address if server.nics else ""
    documents = {
        "hostname": server.hostname,
        "local-hostname": server.hostname,
        "instance-id": server.id,
        "local-ipv4": address,
    }
    return {name: text.encode() for name, text in documents.items()}


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
