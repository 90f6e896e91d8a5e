"""The rules that every new security group gets: templates, which administrators may change (since 2023.2)."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply, truth
from kb_tests.localcloud.api.errors import conflict
from kb_tests.localcloud.neutron import groups
from kb_tests.localcloud.neutron.common import bulk, check_names, entry, listing, missing, routes
from kb_tests.localcloud.neutron.state import DefaultRule

_PATH = "/v2.0/default-security-group-rules"

_ALLOWED = frozenset(
    {
        "direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix",
        "remote_group_id", "remote_address_group_id", "description", "used_in_default_sg",
        "used_in_non_default_sg",
    }
)  # fmt: skip


def _view(rule: DefaultRule) -> Json:
    return {
        "id": rule.id,
        "description": rule.description,
        "direction": rule.direction,
        "ethertype": rule.ethertype,
        "protocol": rule.protocol,
        "port_range_min": rule.port_min,
        "port_range_max": rule.port_max,
        "remote_ip_prefix": rule.remote_ip_prefix,
        "remote_group_id": rule.remote_group_id,
        "remote_address_group_id": None,
        "used_in_default_sg": rule.used_in_default_sg,
        "used_in_non_default_sg": rule.used_in_non_default_sg,
    }


@routes.add("GET", _PATH)
async def list_templates(call: Call) -> Response:
    """All of them."""
    rules = call.cloud.networking.default_rules.values()
    return listing(call, "default_security_group_rules", (_view(rule) for rule in rules))


def _find(call: Call) -> DefaultRule:
    found = call.cloud.networking.default_rules.get(call.params["id"])
    if found is None:
        raise missing("DefaultSecurityGroupRule", call.params["id"])
    return found


@routes.add("GET", _PATH + "/{id}")
async def show_template(call: Call) -> Response:
    """One of them."""
    return reply({"default_security_group_rule": _view(_find(call))})


@routes.add("POST", _PATH, admin="create_default_security_group_rule")
async def create_template(call: Call) -> Response:
    """One, or several at once; groups that are there stay as they are."""
    several = bulk(call, "default_security_group_rule")
    if several is not None:
        made = [_view(_create(call, given)) for given in several]
        return reply({"default_security_group_rules": made}, 201)
    given = entry(call, "default_security_group_rule")
    return reply({"default_security_group_rule": _view(_create(call, given))}, 201)


def _create(call: Call, given: Json) -> DefaultRule:
    check_names(given, _ALLOWED)
    rule = DefaultRule(
        **groups.rule_fields(call, given),
        description=str(given.get("description") or ""),
        used_in_default_sg=truth(given.get("used_in_default_sg")),
        used_in_non_default_sg=truth(given.get("used_in_non_default_sg"), True),
    )
    for other in call.cloud.networking.default_rules.values():
        if other.meaning == rule.meaning:
            raise conflict(
                f"Default security group rule already exists. Rule id is {other.id}.",
                "DefaultSecurityGroupRuleExists",
            )
    call.cloud.networking.default_rules[rule.id] = rule
    return rule


@routes.add("DELETE", _PATH + "/{id}", admin="delete_default_security_group_rule")
async def delete_template(call: Call) -> Response:
    """One less."""
    del call.cloud.networking.default_rules[_find(call).id]
    return reply(status=204)
