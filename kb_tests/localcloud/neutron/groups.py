"""Security groups and their rules."""

from __future__ import annotations

from ipaddress import ip_network

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.neutron.common import (
    bulk,
    check_names,
    check_quota,
    common_view,
    entry,
    find,
    listing,
    missing,
    project_of,
    routes,
    string,
)
from kb_tests.localcloud.neutron.state import PARENT, GroupRule, SecurityGroup

_GROUP_ALLOWED = frozenset({"name", "description", "stateful"})
_RULE_ALLOWED = frozenset(
    {
        "security_group_id", "direction", "ethertype", "protocol", "port_range_min", "port_range_max",
        "remote_ip_prefix", "remote_group_id", "remote_address_group_id", "description",
    }
)  # fmt: skip

_PROTOCOLS = frozenset(
    {
        "ah", "dccp", "egp", "esp", "gre", "icmp", "icmpv6", "igmp", "ipip", "ipv6-encap", "ipv6-frag",
        "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "ipv6-route", "ospf", "pgm", "rsvp", "sctp", "tcp", "udp",
        "udplite", "vrrp",
    }
)  # fmt: skip
_WITH_PORTS = frozenset({"tcp", "udp", "sctp", "dccp", "udplite", "6", "17", "132", "33", "136"})
_ICMP = frozenset({"icmp", "icmpv6", "ipv6-icmp", "1", "58"})


def rule_view(rule: GroupRule) -> Json:
    """The rule's body."""
    shown = common_view(rule) | {
        "security_group_id": rule.group_id,
        "direction": rule.direction,
        "ethertype": rule.ethertype,
        "protocol": rule.protocol,
        "port_range_min": rule.port_min,
        "port_range_max": rule.port_max,
        "remote_ip_prefix": rule.remote_ip_prefix,
        "normalized_cidr": rule.remote_ip_prefix,
        "remote_group_id": rule.remote_group_id,
        "remote_address_group_id": None,
    }
    del shown["name"], shown["tags"]
    return shown


def group_view(group: SecurityGroup) -> Json:
    """The group's body, rules included."""
    return common_view(group) | {
        "stateful": group.stateful,
        "shared": False,
        "security_group_rules": [rule_view(rule) for rule in group.rules.values()],
    }


def default_group(cloud: Cloud, project_id: str) -> SecurityGroup:
    """The project's `default` group, made when it is first needed: by default everything out, members in."""
    for group in cloud.networking.groups.values():
        if group.project_id == project_id and group.name == "default":
            return group
    group = SecurityGroup(project_id=project_id, name="default", description="Default security group")
    _add_defaults(cloud, group)
    cloud.networking.groups[group.id] = group
    return group


def _add_defaults(cloud: Cloud, group: SecurityGroup) -> None:
    """What the templates say of a new group."""
    for template in cloud.networking.default_rules.values():
        if not (template.used_in_default_sg if group.name == "default" else template.used_in_non_default_sg):
            continue
        remote = group.id if template.remote_group_id == PARENT else template.remote_group_id
        rule = GroupRule(
            project_id=group.project_id,
            description=template.description,
            group_id=group.id,
            direction=template.direction,
            ethertype=template.ethertype,
            protocol=template.protocol,
            port_min=template.port_min,
            port_max=template.port_max,
            remote_ip_prefix=template.remote_ip_prefix,
            remote_group_id=remote,
        )
        group.rules[rule.id] = rule


def get(call: Call, identifier: str) -> SecurityGroup:
    """The group, if it is the caller's.

    Raises:
        ApiError: 404.

    """
    return find(call.cloud.networking.groups, "SecurityGroup", identifier, call)


@routes.add("GET", "/v2.0/security-groups")
async def list_groups(call: Call) -> Response:
    """The caller's; listing makes the `default` group of the project asked about, as Neutron does."""
    asked = call.query.get("project_id") or call.query.get("tenant_id") or call.caller.project_id
    if asked and call.caller.sees(asked):
        default_group(call.cloud, asked)
    groups = [g for g in call.cloud.networking.groups.values() if call.caller.sees(g.project_id)]
    return listing(call, "security_groups", (group_view(group) for group in groups))


@routes.add("GET", "/v2.0/security-groups/{id}")
async def show_group(call: Call) -> Response:
    """One group."""
    return reply({"security_group": group_view(get(call, call.params["id"]))})


@routes.add("POST", "/v2.0/security-groups")
async def create_group(call: Call) -> Response:
    """A group with the rules that every new one gets: by default everything out and nothing in."""
    several = bulk(call, "security_group")
    if several is not None:
        return reply({"security_groups": [group_view(_create(call, given)) for given in several]}, 201)
    return reply({"security_group": group_view(_create(call, entry(call, "security_group")))}, 201)


def _create(call: Call, given: Json) -> SecurityGroup:
    check_names(given, _GROUP_ALLOWED)
    project_id = project_of(call, given)
    default_group(call.cloud, project_id)
    name = string(given, "name")
    if name == "default":
        raise conflict("Default security group already exists.", "SecurityGroupDefaultAlreadyExists")
    check_quota(call, "security_group", project_id)
    group = SecurityGroup(project_id=project_id, name=name, description=string(given, "description"))
    _add_defaults(call.cloud, group)
    call.cloud.networking.groups[group.id] = group
    return group


@routes.add("PUT", "/v2.0/security-groups/{id}")
async def update_group(call: Call) -> Response:
    """Name and description."""
    group, given = get(call, call.params["id"]), entry(call, "security_group")
    check_names(given, _GROUP_ALLOWED)
    if group.name == "default" and given.get("name", "default") != "default":
        raise conflict("Updating default security group not allowed.", "SecurityGroupCannotUpdateDefault")
    group.name = string(given, "name", group.name)
    group.description = string(given, "description", group.description)
    group.touch()
    return reply({"security_group": group_view(group)})


@routes.add("DELETE", "/v2.0/security-groups/{id}")
async def delete_group(call: Call) -> Response:
    """A group that no port uses; the `default` one only by an administrator."""
    group, networking = get(call, call.params["id"]), call.cloud.networking
    if group.name == "default" and not call.caller.is_admin:
        raise conflict(
            "Insufficient rights for removing default security group.", "SecurityGroupCannotRemoveDefault"
        )
    if networking.ports_of_group.get(group.id):
        raise conflict(f"Security Group {group.id} in use.", "SecurityGroupInUse")
    for other in networking.groups.values():
        for rule in [rule for rule in other.rules.values() if rule.remote_group_id == group.id]:
            del other.rules[rule.id]
            call.cloud.dataplane.rules_changed(other.id)
    del networking.groups[group.id]
    networking.ports_of_group.pop(group.id, None)
    return reply(status=204)


@routes.add("GET", "/v2.0/security-group-rules")
async def list_rules(call: Call) -> Response:
    """The rules of the caller's groups."""
    if not call.caller.is_admin:
        default_group(call.cloud, call.caller.project_id)
    groups = [g for g in call.cloud.networking.groups.values() if call.caller.sees(g.project_id)]
    return listing(
        call, "security_group_rules", (rule_view(rule) for group in groups for rule in group.rules.values())
    )


def _find_rule(call: Call) -> tuple[SecurityGroup, GroupRule]:
    for group in call.cloud.networking.groups.values():
        rule = group.rules.get(call.params["id"])
        if rule is not None and call.caller.sees(group.project_id):
            return group, rule
    raise missing("SecurityGroupRule", call.params["id"])


@routes.add("GET", "/v2.0/security-group-rules/{id}")
async def show_rule(call: Call) -> Response:
    """One rule."""
    return reply({"security_group_rule": rule_view(_find_rule(call)[1])})


@routes.add("POST", "/v2.0/security-group-rules")
async def create_rule(call: Call) -> Response:
    """One, or several at once."""
    several = bulk(call, "security_group_rule")
    if several is not None:
        made = [rule_view(_create_rule(call, given)) for given in several]
        return reply({"security_group_rules": made}, 201)
    return reply(
        {"security_group_rule": rule_view(_create_rule(call, entry(call, "security_group_rule")))}, 201
    )


def _create_rule(call: Call, given: Json) -> GroupRule:
    check_names(given, _RULE_ALLOWED)
    group = get(call, str(given.get("security_group_id", "")))
    check_quota(call, "security_group_rule", group.project_id)
    rule = GroupRule(
        project_id=project_of(call, given) if given.get("project_id") else group.project_id,
        description=string(given, "description"),
        group_id=group.id,
        **rule_fields(call, given),
    )
    for other in group.rules.values():
        if _meaning(other) == _meaning(rule):
            raise conflict(
                f"Security group rule already exists. Rule id is {other.id}.", "SecurityGroupRuleExists"
            )
    group.rules[rule.id] = rule
    group.touch()
    call.cloud.dataplane.rules_changed(group.id)
    return rule


def rule_fields(call: Call, given: Json) -> Json:
    """What a rule lets pass, for `GroupRule` and `DefaultRule`.

    Raises:
        ApiError: 400, it makes no sense; 404, there is no such remote group.

    """
    direction, ethertype = given.get("direction"), given.get("ethertype", "IPv4") or "IPv4"
    if direction not in ("ingress", "egress"):
        raise bad_request(
            f"Invalid input for direction. Reason: '{direction}' is not in ['ingress', 'egress'].",
            "HTTPBadRequest",
        )
    if str(ethertype).lower() not in ("ipv4", "ipv6"):
        raise bad_request(
            f"Security group rule for ethertype '{ethertype}' not supported. Allowed values are "
            "['IPv4', 'IPv6'].",
            "SecurityGroupRuleInvalidEtherType",
        )
    ethertype = "IPv4" if str(ethertype).lower() == "ipv4" else "IPv6"
    protocol = _protocol(given.get("protocol"))
    low, high = _ports(protocol, given)
    prefix, remote_group = given.get("remote_ip_prefix"), given.get("remote_group_id")
    if prefix and remote_group:
        raise bad_request(
            "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
            "SecurityGroupMultipleRemoteEntites",
        )
    return {
        "direction": str(direction),
        "ethertype": ethertype,
        "protocol": protocol,
        "port_min": low,
        "port_max": high,
        "remote_ip_prefix": _prefix(prefix, ethertype),
        "remote_group_id": PARENT if remote_group == PARENT else _remote_group(call, remote_group),
    }


def _protocol(given: object) -> str | None:
    if given in (None, "any", "", "0", 0):
        return None
    name = str(given).lower()
    if name.isdigit() and int(name) <= 255:
        return name
    if name not in _PROTOCOLS:
        raise bad_request(
            f"Security group rule protocol {given} not supported. Only protocol values "
            f"{sorted(_PROTOCOLS)} and integer representations [0 to 255] are supported.",
            "SecurityGroupRuleInvalidProtocol",
        )
    return name


def _ports(protocol: str | None, given: Json) -> tuple[int | None, int | None]:
    low, high = (_port(given.get(name), name) for name in ("port_range_min", "port_range_max"))
    if low is None and high is None:
        return None, None
    if protocol is None:
        raise bad_request(
            "Must also specify protocol if port range is given.", "SecurityGroupProtocolRequiredWithPorts"
        )
    if protocol in _ICMP:
        if low is None:
            raise bad_request(
                f"ICMP code (port-range-max) {high} is provided but ICMP type (port-range-min) is missing.",
                "SecurityGroupMissingIcmpType",
            )
        return low, high
    if protocol not in _WITH_PORTS or low is None or high is None or low > high or low < 1:
        raise bad_request(
            "For TCP/UDP protocols, port_range_min must be <= port_range_max", "SecurityGroupInvalidPortRange"
        )
    return low, high


def _port(given: object, name: str) -> int | None:
    if given in (None, ""):
        return None
    try:
        value = int(str(given))
    except ValueError:
        value = -1
    if not 0 <= value <= 65535:
        raise bad_request(f"Invalid value for port {given}", "SecurityGroupInvalidPortValue")
    del name
    return value


def _prefix(given: object, ethertype: str) -> str | None:
    if not given:
        return None
    try:
        network = ip_network(str(given), strict=False)
    except ValueError:
        raise bad_request(
            f"Invalid input for remote_ip_prefix. Reason: '{given}' is not a valid IP subnet.",
            "HTTPBadRequest",
        ) from None
    if (network.version == 4) != (ethertype == "IPv4"):
        raise bad_request(
            f"Conflicting value ethertype {ethertype} for CIDR {given}", "SecurityGroupRuleParameterConflict"
        )
    return str(network)


def _remote_group(call: Call, given: object) -> str | None:
    if not given:
        return None
    group = call.cloud.networking.groups.get(str(given))
    if group is None or not call.caller.sees(group.project_id):
        raise not_found(f"Security group {given} does not exist", "SecurityGroupNotFound")
    return group.id


def _meaning(rule: GroupRule) -> tuple[object, ...]:
    prefix = None if rule.remote_ip_prefix in ("0.0.0.0/0", "::/0") else rule.remote_ip_prefix
    return (
        rule.direction, rule.ethertype, rule.protocol, rule.port_min, rule.port_max, prefix,
        rule.remote_group_id,
    )  # fmt: skip


@routes.add("DELETE", "/v2.0/security-group-rules/{id}")
async def delete_rule(call: Call) -> Response:
    """One rule."""
    group, rule = _find_rule(call)
    del group.rules[rule.id]
    group.touch()
    call.cloud.dataplane.rules_changed(group.id)
    return reply(status=204)
