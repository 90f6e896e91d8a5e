"""Other users of the campaign's cloud: those with too little, and a stranger whose things look like ours."""

from __future__ import annotations

import copy
import secrets
from typing import Any

from openstack.connection import Connection


def make(connection: Connection, clouds: dict[str, Any]) -> dict[str, Any]:
    """Make them; returns clouds.yaml with the clouds `small`, `floatless` and `wrong` too.

    Every entry gives up on an unanswered call after five seconds.
    """
    admin = clouds["clouds"]["kb-local"]
    admin["api_timeout"] = 5
    wrong = copy.deepcopy(admin)
    wrong["auth"]["password"] = "wrong"
    clouds["clouds"]["wrong"] = wrong
    for name in ("small", "floatless"):
        password = secrets.token_hex(8)
        identity: Any = connection.identity
        project = identity.create_project(name=name, domain_id="default")
        user = identity.create_user(name=name, password=password, domain_id="default")
        identity.assign_project_role_to_user(project, user, identity.find_role("member"))
        entry = copy.deepcopy(admin)
        entry["auth"] |= {"username": name, "password": password, "project_name": name}
        clouds["clouds"][name] = entry
        if name == "small":
            connection.compute.update_quota_set(project.id, instances=2)
        if name == "floatless":
            connection.network.update_quota(project.id, floating_ips=0)
    list(connection.network.security_groups())  # each project's default group is made when first asked for
    connection.network.create_network(name="kb-00000000-client", description="not of any run")
    connection.compute.create_keypair(name="kb-00000000-key")
    return clouds
