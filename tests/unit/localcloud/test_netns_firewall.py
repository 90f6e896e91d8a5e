from __future__ import annotations

import pytest

from kb_tests.localcloud.driver import DriverError, Rule
from kb_tests.localcloud.netns import firewall


def incoming(*rules: Rule) -> list[str]:
    """The lines of the port's ingress chain that come from rules."""
    text = firewall.guard("p1", "fa:16:3e:00:00:01", "10.0.0.5", rules)
    prefix = "add rule bridge kb in-p1 "
    lines = [line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix)]
    assert lines[-1] == "drop"
    return [line for line in lines if line.endswith("goto passed_in")]


def rule(protocol: str | None = None, low: int | None = None, high: int | None = None, *remotes: str) -> Rule:
    return Rule("ingress", protocol, low, high, remotes)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (rule(), ""),
        (rule("any"), ""),
        (rule("tcp"), "ip protocol 6 "),
        (rule("TCP", 22, 22), "tcp dport 22 "),
        (rule("6", 80, 90), "tcp dport 80-90 "),
        (rule("udp", None, 53), "udp dport 1-53 "),
        (rule("udp", 1000, None), "udp dport 1000-65535 "),
        (rule("icmp", 8, 0), "icmp type 8 icmp code 0 "),
        (rule("icmp", 8), "icmp type 8 "),
        (rule("icmp"), "ip protocol 1 "),
        (rule("vrrp"), "ip protocol 112 "),
        (rule("tcp", 1, 2, "0.0.0.0/0"), "tcp dport 1-2 "),
        (rule(None, None, None, "10.1.2.3/8"), "ip saddr { 10.0.0.0/8 } "),
        (rule(None, None, None, "10.0.0.2/32", "fd00::/8"), "ip saddr { 10.0.0.2/32 } "),
    ],
)
def test_a_rule_becomes_one_condition(given: Rule, line: str) -> None:
    assert incoming(given) == [f"{line}goto passed_in"]


@pytest.mark.parametrize(
    "given", [rule(None, None, None, "fd00::/8"), rule("ipv6-icmp"), rule("icmpv6", 128)]
)
def test_what_is_of_ipv6_alone_lets_nothing_of_ipv4_in(given: Rule) -> None:
    assert incoming(given) == []


def test_directions_are_kept_apart() -> None:
    assert incoming(Rule("egress", None, None, None, ())) == []
    text = firewall.guard(
        "p1", "fa:16:3e:00:00:01", "10.0.0.5", (Rule("egress", "tcp", 5, 5, ("10.0.0.0/8",)),)
    )
    assert "out-p1 ip daddr { 10.0.0.0/8 } tcp dport 5 goto passed_out" in text


def test_equal_rules_are_said_once() -> None:
    assert len(incoming(rule("tcp", 1, 1), rule("tcp", 1, 1), rule("tcp", 2, 2))) == 2


@pytest.mark.parametrize(
    "wrong", [rule("carrier-pigeon"), rule("256"), rule("-1"), rule("tcp", 1, 1, "10.0.0.0/8 accept; #")]
)
def test_nothing_unknown_gets_into_the_text(wrong: Rule) -> None:
    with pytest.raises(DriverError):
        firewall.guard("p1", "fa:16:3e:00:00:01", "10.0.0.5", (wrong,))


def test_unguard_names_what_guard_made() -> None:
    made = firewall.guard("p7", "fa:16:3e:00:00:01", "10.0.0.5", ())
    undone = firewall.unguard("p7")
    for name in ("out-p7", "in-p7"):
        assert f"add chain bridge kb {name}\n" in made
        assert f"delete chain bridge kb {name}\n" in undone
