"""Rules of security groups: those that a run needs, and which of them a group has already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ANYWHERE = "0.0.0.0/0"

EGRESS: dict[str, Any] = {"direction": "egress", "ethertype": "IPv4"}
"""Everything out: agents talk to Redis, generators to servers, and servers get their packages. Most groups
have it from the start, but an operator may take that away.
"""


def meaning(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a rule lets pass, as Neutron writes it or openstacksdk: of two that mean the same Neutron refuses
    the second.
    """
    protocol, prefix = str(rule.get("protocol") or "").lower(), rule.get("remote_ip_prefix")
    names = ("port_range_min", "port_range_max", "remote_group_id", "remote_address_group_id")
    return (
        rule.get("direction"),
        rule.get("ethertype") or rule.get("ether_type"),
        "tcp" if protocol == "6" else protocol,
        "" if prefix in (None, ANYWHERE) else prefix,
        *(rule.get(name) for name in names),
    )


def ingress(port: int, cidr: str) -> dict[str, Any]:
    """A rule that lets one TCP port be reached from somewhere."""
    return {
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": "tcp",
        "port_range_min": port,
        "port_range_max": port,
        "remote_ip_prefix": cidr,
    }
