"""The network namespace that the cloud lives in: no link to the outside, no default route."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.openstack.settings import OpenStackError, Settings

EXTERNAL_BRIDGE = "br-ex"
TUNNEL_ADDRESS = "10.199.0.1"
"""What the overlay networks' VXLAN devices are bound to."""

_SYSCTLS = {
    "net.bridge.bridge-nf-call-iptables": 1,  # security groups filter what crosses a bridge
    "net.bridge.bridge-nf-call-ip6tables": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
}


def create(settings: Settings) -> None:
    """Make the namespace with the external network's bridge, unless it is there."""
    name = settings.netns
    if not exists(name):
        _run("ip", "netns", "add", name)
    inside = ("ip", "-n", name)
    _run(*inside, "link", "set", "lo", "up")
    if not _has(name, EXTERNAL_BRIDGE):
        _run(*inside, "link", "add", EXTERNAL_BRIDGE, "type", "bridge")
        _run(*inside, "addr", "add", f"{settings.floating}.1/24", "dev", EXTERNAL_BRIDGE)
        _run(*inside, "link", "set", EXTERNAL_BRIDGE, "up")
    if not _has(name, "tunnel0"):
        _run(*inside, "link", "add", "tunnel0", "type", "veth", "peer", "name", "tunnel1")
        _run(*inside, "addr", "add", f"{TUNNEL_ADDRESS}/24", "dev", "tunnel0")
        for end in ("tunnel0", "tunnel1"):
            _run(*inside, "link", "set", end, "up")
    for key, value in _SYSCTLS.items():
        _run("ip", "netns", "exec", name, "sysctl", "-q", "-w", f"{key}={value}")
    # Out here a floating address is an error at once, and never a packet to somebody's default gateway.
    _run("ip", "route", "replace", "unreachable", f"{settings.floating}.0/24")
    if _run(*inside, "route", "show", "default"):
        raise OpenStackError(f"The network namespace {name} has a default route; it must have none.")


def delete(settings: Settings) -> None:
    """Remove the namespace, and the route that stands for it outside."""
    if exists(settings.netns):
        _run("ip", "netns", "del", settings.netns)
    route = ("ip", "route", "del", "unreachable", f"{settings.floating}.0/24")
    subprocess.run(route, stderr=subprocess.DEVNULL, check=False)


def exists(name: str) -> bool:
    """Whether there is a namespace of this name."""
    return Path("/run/netns", name).exists()


def _has(name: str, link: str) -> bool:
    command = ("ip", "netns", "exec", name, "test", "-e", f"/sys/class/net/{link}")
    return subprocess.run(command, check=False).returncode == 0


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OpenStackError(f"`{' '.join(command)}` failed: {done.stderr.strip()}.")
    return done.stdout
