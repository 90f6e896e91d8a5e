"""Security groups as nftables text, enforced at the bridges, where no server can change them.

Many kernels have no connection tracking for bridges (CONFIG_NF_CONNTRACK_BRIDGE), and a connection
table would be one more limit under load. State is therefore kept where it is cheap: of TCP only the
first packet of a connection (SYN without ACK) is judged, since without it no connection comes about;
UDP flows that a rule has let through are remembered for a while in both directions; of ICMP the
answers pass. A port sends only from its own MAC and IPv4 address, and IPv4 and ARP alone.

The chain's priority is the bridge family's "filter". It must not be 0: br_netfilter, where it is on,
takes packets out at 0 and skips other hooks of that priority when it puts them back.
"""

from __future__ import annotations

from ipaddress import ip_network

from kb_tests.localcloud.driver import DriverError, Rule

_ICMP_ANSWERS = "{ echo-reply, destination-unreachable, time-exceeded, parameter-problem }"
_KEY = "ifname . ipv4_addr . inet_service . inet_service"
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "sctp": 132, "dccp": 33, "gre": 47, "esp": 50, "ah": 51,
              "igmp": 2, "ospf": 89, "vrrp": 112, "udplite": 136, "pgm": 113, "rsvp": 46, "egp": 8,
              "ipip": 4}  # fmt: skip
_IPV6_ONLY = {"icmpv6", "ipv6-icmp", "ipv6-encap", "ipv6-frag", "ipv6-nonxt", "ipv6-opts", "ipv6-route"}

BASE = f"""\
table bridge kb {{
  set asked {{ type {_KEY}; flags dynamic,timeout; timeout 3m; size 262144; }}
  set answered {{ type {_KEY}; flags dynamic,timeout; timeout 3m; size 262144; }}
  map from_port {{ type ifname : verdict; }}
  map to_port {{ type ifname : verdict; }}
  chain passed_out {{
    ip protocol udp update @asked {{ iifname . ip daddr . udp dport . udp sport }}
  }}
  chain passed_in {{
    ip protocol udp update @answered {{ oifname . ip saddr . udp sport . udp dport }}
    accept
  }}
  chain forward {{
    type filter hook forward priority -200; policy accept;
    iifname vmap @from_port
    oifname vmap @to_port
  }}
}}
"""


def guard(port: str, mac: str, address: str, rules: tuple[Rule, ...]) -> str:
    """Text that makes the bridge port `port` pass what `rules` allow, whatever stood there before."""
    return _pass(port, _outgoing(mac, address, rules), _incoming(rules))


def shut(port: str) -> str:
    """Text that makes the bridge port `port` pass nothing, whatever stood there before."""
    return _pass(port, ["drop"], ["drop"])


def _pass(port: str, outgoing: list[str], incoming: list[str]) -> str:
    lines = [
        f"add chain bridge kb out-{port}",
        f"add chain bridge kb in-{port}",
        f"flush chain bridge kb out-{port}",
        f"flush chain bridge kb in-{port}",
        *(f"add rule bridge kb out-{port} {line}" for line in outgoing),
        *(f"add rule bridge kb in-{port} {line}" for line in incoming),
        f'add element bridge kb from_port {{ "{port}" : jump out-{port} }}',
        f'add element bridge kb to_port {{ "{port}" : jump in-{port} }}',
    ]
    return "\n".join(lines) + "\n"


def unguard(port: str) -> str:
    """Text that takes away what `guard` made."""
    return (
        f'delete element bridge kb from_port {{ "{port}" }}\n'
        f'delete element bridge kb to_port {{ "{port}" }}\n'
        f"delete chain bridge kb out-{port}\n"
        f"delete chain bridge kb in-{port}\n"
    )


def loss(port: str, inwards: int, outwards: int, of: int) -> str:
    """Text that drops, at random, `inwards` of `of` packets that leave the bridge by `port` and `outwards` of
    those that come in there. Undone by `unguard` no more than by the port's end: an element without device is
    idle.
    """
    lines = [
        "add chain bridge kb loss { type filter hook forward priority -210; }",
        "flush chain bridge kb loss",
    ]
    for way, key, dropped in (("in", "oifname", inwards), ("out", "iifname", outwards)):
        chain, losses = f"loss-{way}-{port}", f"losses_{way}"
        lines += [
            f"add map bridge kb {losses} {{ type ifname : verdict; }}",
            f"add rule bridge kb loss {key} vmap @{losses}",
            f"add chain bridge kb {chain}",
            f"flush chain bridge kb {chain}",
            f'add element bridge kb {losses} {{ "{port}" : jump {chain} }}',
        ]
        if dropped:
            some = (
                f"numgen random mod {of:d} < {dropped:d} " if dropped < of else ""
            )  # nft refuses what is all
            lines.append(f"add rule bridge kb {chain} {some}drop")
    return "\n".join(lines) + "\n"


def _outgoing(mac: str, address: str, rules: tuple[Rule, ...]) -> list[str]:
    return [
        f"ether saddr != {mac} drop",
        f"arp saddr ip {address} return",
        "ether type != ip drop",
        f"ip saddr != {address} drop",
        "ip frag-off & 0x1fff != 0 return",
        "tcp flags & (syn | ack) != syn return",
        "iifname . ip daddr . udp dport . udp sport @answered return",
        f"icmp type {_ICMP_ANSWERS} return",
        *_matches(rules, "egress", "daddr", "goto passed_out"),
        "drop",
    ]


def _incoming(rules: tuple[Rule, ...]) -> list[str]:
    return [
        "ether type arp accept",
        "ether type != ip drop",
        "ip frag-off & 0x1fff != 0 accept",
        "tcp flags & (syn | ack) != syn accept",
        "oifname . ip saddr . udp sport . udp dport @asked accept",
        f"icmp type {_ICMP_ANSWERS} accept",
        *_matches(rules, "ingress", "saddr", "goto passed_in"),
        "drop",
    ]


def _matches(rules: tuple[Rule, ...], direction: str, end: str, verdict: str) -> list[str]:
    lines = []
    for rule in rules:
        protocol = rule.protocol.lower() if rule.protocol else None
        if rule.direction != direction or protocol in _IPV6_ONLY:
            continue
        conditions = _remotes(rule.remotes, end)
        if conditions is None:
            continue
        lines.append(" ".join([*conditions, *_what(rule, protocol), verdict]))
    return list(dict.fromkeys(lines))


def _remotes(remotes: tuple[str, ...], end: str) -> list[str] | None:
    """The condition on the far end; None when it can be none of IPv4."""
    if not remotes:
        return []
    networks = [network for network in map(_network, remotes) if network is not None]
    if not networks:
        return None
    if "0.0.0.0/0" in networks:
        return []
    return [f"ip {end} {{ {', '.join(sorted(set(networks)))} }}"]


def _network(text: str) -> str | None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise DriverError(f"The rule's remote {text!r} is no CIDR.") from None
    return str(network) if network.version == 4 else None


def _what(rule: Rule, protocol: str | None) -> list[str]:
    if protocol is None or protocol in ("any", "0"):
        return []
    number = int(protocol) if protocol.isdecimal() else _PROTOCOLS.get(protocol, -1)
    if not 0 < number < 256:
        raise DriverError(f"The rule's protocol {protocol!r} is unknown to this data plane.")
    low, high = rule.port_min, rule.port_max
    if number == 1 and low is not None:
        return [f"icmp type {low:d}", *([f"icmp code {high:d}"] if high is not None else [])]
    if number in (6, 17) and (low is not None or high is not None):
        first = 1 if low is None else low
        last = 65535 if high is None else high
        name = "tcp" if number == 6 else "udp"
        return [f"{name} dport {first:d}-{last:d}" if first != last else f"{name} dport {first:d}"]
    return [f"ip protocol {number}"]
