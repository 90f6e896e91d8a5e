"""Who may do what, and how users prove who they are, as clients of the cloud meet it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from keystoneauth1 import loading
from keystoneauth1.exceptions import Unauthorized
from keystoneauth1.session import Session

from kb_tests.localcloud.control import Running
from kb_tests.localcloud.keystone.totp import passcode
from tests.functional.localcloud.conftest import Tenant, connect
from tests.waiting import PATIENCE

Json = dict[str, Any]

KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def entry(running: Running, folder: Path, **values: Any) -> Running:
    """A clouds.yaml of its own with one entry."""
    path = folder / "clouds.yaml"
    auth = {"auth_url": f"{running.url}/identity", **values.pop("auth")}
    path.write_text(json.dumps({"clouds": {"own": {"auth": auth, "region_name": "RegionOne", **values}}}))
    return replace(running, clouds_yaml=path, cloud="own")


def sign_in(running: Running, kind: str, **given: Any) -> Session:
    loader: Any = loading.get_plugin_loader(kind)
    return Session(loader.load_from_options(auth_url=f"{running.url}/identity", **given))


# Application credentials


@pytest.mark.parametrize("unrestricted", [False, True], ids=["restricted", "unrestricted"])
def test_an_application_credential_signs_in_to_its_project_and_to_no_other(
    null_cloud: Running, admin: Any, tmp_path: Path, unrestricted: bool
) -> None:
    made = admin.identity.create_application_credential(
        admin.current_user_id, name=f"own-{unrestricted}", unrestricted=unrestricted
    )
    auth = {"application_credential_id": made.id, "application_credential_secret": made.secret}
    other = connect(entry(null_cloud, tmp_path, auth=auth, auth_type="v3applicationcredential"))
    assert other.current_project_id == admin.current_project_id
    assert len(list(other.identity.projects())) >= 2, "it has its maker's roles"

    token = other.session.get_token()
    service = admin.identity.find_project("service")
    admin.identity.assign_project_role_to_user(
        service, admin.current_user_id, admin.identity.find_role("admin")
    )
    with pytest.raises(Unauthorized, match="Application credentials cannot request a scope"):
        sign_in(
            null_cloud,
            "v3applicationcredential",
            project_id=service.id,
            application_credential_id=made.id,
            application_credential_secret=made.secret,
        ).get_token()
    answer = rescope(null_cloud, token, service.id)
    assert answer.status_code == 403
    assert "application credential token to create a scoped token" in answer.json()["error"]["message"]

    more = other.identity.post(
        f"/users/{admin.current_user_id}/application_credentials",
        json={"application_credential": {"name": f"more-{unrestricted}"}},
    )
    assert more.status_code == (201 if unrestricted else 403)
    admin.identity.delete_application_credential(admin.current_user_id, made)
    url = f"{null_cloud.url}/networking/v2.0/networks"
    assert requests.get(url, headers={"X-Auth-Token": token}, timeout=PATIENCE).status_code == 401
    for each in list(admin.identity.application_credentials(admin.current_user_id)):
        admin.identity.delete_application_credential(admin.current_user_id, each)
    other.close()


def rescope(running: Running, token: str, project_id: str) -> Any:
    body: Json = {
        "auth": {
            "identity": {"methods": ["token"], "token": {"id": token}},
            "scope": {"project": {"id": project_id}},
        }
    }
    return requests.post(f"{running.url}/identity/v3/auth/tokens", json=body, timeout=PATIENCE)


def test_an_application_credential_has_the_roles_it_was_given(
    null_cloud: Running, admin: Any, tmp_path: Path
) -> None:
    made = admin.identity.create_application_credential(
        admin.current_user_id, name="less", roles=[{"name": "member"}]
    )
    auth = {"application_credential_id": made.id, "application_credential_secret": made.secret}
    less = connect(entry(null_cloud, tmp_path, auth=auth, auth_type="v3applicationcredential"))
    access = less.session.auth.get_access(less.session)
    assert sorted(access.role_names) == ["member", "reader"]
    assert less.identity.get("/projects").status_code == 403
    admin.identity.delete_application_credential(admin.current_user_id, made)
    less.close()


# Other ways to sign in


def test_a_token_and_a_passcode_sign_in(null_cloud: Running, admin: Any, tenant: Tenant) -> None:
    project = {"project_id": tenant.id}
    token = tenant.connection.session.get_token()
    assert sign_in(null_cloud, "v3token", token=token, **project).get_project_id() == tenant.id
    credential = admin.identity.create_credential(type="totp", blob=KEY, user_id=tenant.user_id)
    now = passcode(KEY, time.time())
    who = {"user_id": tenant.user_id, **project}
    assert sign_in(null_cloud, "v3totp", passcode=now, **who).get_project_id() == tenant.id
    wrong = passcode(KEY, time.time() - 3600)
    with pytest.raises(Unauthorized):
        sign_in(null_cloud, "v3totp", passcode=wrong, **who).get_token()
    admin.identity.delete_credential(credential)


def test_a_user_may_have_to_prove_it_in_two_ways(null_cloud: Running, admin: Any, tenant: Tenant) -> None:
    credential = admin.identity.create_credential(type="totp", blob=KEY, user_id=tenant.user_id)
    admin.identity.patch(
        f"/users/{tenant.user_id}",
        json={"user": {"options": {"multi_factor_auth_rules": [["password", "totp"]]}}},
    )
    who = {"user_id": tenant.user_id, "project_id": tenant.id}
    with pytest.raises(Unauthorized, match="Additional authentications steps required"):
        sign_in(null_cloud, "v3password", password="pw", **who).get_token()
    both = {"auth_methods": ["v3password", "v3totp"], "password": "pw"}
    session = sign_in(null_cloud, "v3multifactor", passcode=passcode(KEY, time.time()), **both, **who)
    assert session.get_project_id() == tenant.id
    admin.identity.delete_credential(credential)


def test_the_passcodes_are_those_of_the_rfc() -> None:
    """RFC 6238, appendix B: the last six of the eight digits."""
    assert passcode(KEY, 59) == "287082"
    assert passcode(KEY, 1111111109) == "081804"
    assert passcode(KEY, 20000000000) == "353130"


# Roles


CHANGES: list[tuple[str, str, Json]] = [
    ("network", "/networks", {"network": {"name": "n"}}),
    ("network", "/security-groups", {"security_group": {"name": "g"}}),
    ("compute", "/servers", {"server": {"name": "s"}}),
    ("block_storage", "/volumes", {"volume": {"size": 1}}),
    ("image", "/images", {"name": "i", "disk_format": "raw", "container_format": "bare"}),
]


@pytest.mark.parametrize(("service", "path", "body"), CHANGES, ids=[path for _, path, _ in CHANGES])
def test_readers_change_nothing_where_policies_are_secure(
    admin: Any,
    tenant: Tenant,
    choose: Callable[..., None],
    service: str,
    path: str,
    body: Any,
) -> None:
    swap(admin, tenant, "member", "reader")
    proxy = getattr(tenant.connection, service)
    assert proxy.post(path, json=body).status_code != 403
    choose(policies="secure")
    refused = proxy.post(path, json=body)
    assert refused.status_code == 403
    assert proxy.get(path).status_code == 200
    assert tenant.connection.compute.create_keypair(name=f"own-{service}").name == f"own-{service}"
    tenant.connection.compute.delete_keypair(f"own-{service}")
    swap(admin, tenant, "reader", "manager")
    assert proxy.post(path, json=body).status_code != 403


def swap(admin: Any, tenant: Tenant, old: str, new: str) -> None:
    admin.identity.unassign_project_role_from_user(tenant.id, tenant.user_id, admin.identity.find_role(old))
    admin.identity.assign_project_role_to_user(tenant.id, tenant.user_id, admin.identity.find_role(new))


def test_a_role_called_admin_is_none_to_services_that_say_so(
    admin: Any, tenant: Tenant, choose: Callable[..., None]
) -> None:
    swap(admin, tenant, "member", "admin")
    compute, identity = tenant.connection.compute, tenant.connection.identity
    assert compute.get("/servers?all_tenants=1").status_code == 200
    choose(admins="keystone")
    assert compute.get("/servers?all_tenants=1").status_code == 403
    assert compute.get("/os-quota-sets/" + "0" * 32).status_code == 403
    assert tenant.connection.network.get("/quotas/" + "0" * 32).status_code == 403
    assert identity.get("/projects").status_code == 200
    assert admin.compute.get("/servers?all_tenants=1").status_code == 200, "the cloud's own administrator is"
    choose(admins="none")
    assert identity.get("/projects").status_code == 403
    assert admin.identity.get("/projects").status_code == 200


def test_a_domains_manager_has_projects_and_users_of_that_domain_alone(
    null_cloud: Running, admin: Any, choose: Callable[..., None]
) -> None:
    choose(policies="secure")
    domain = admin.identity.create_domain(name="managed")
    user = admin.identity.create_user(name="boss", password="pw", domain_id=domain.id)
    admin.identity.assign_domain_role_to_user(domain, user, admin.identity.find_role("manager"))
    session = sign_in(null_cloud, "v3password", user_id=user.id, password="pw", domain_id=domain.id)

    def boss(method: str, path: str, body: Json | None = None) -> Any:
        where = {"service_type": "identity", "region_name": "RegionOne"}
        return session.request(f"/v3{path}", method, json=body, endpoint_filter=where, raise_exc=False)

    project = boss("POST", "/projects", {"project": {"name": "theirs", "domain_id": domain.id}})
    made = {"name": "somebody", "password": "pw", "domain_id": domain.id}
    somebody = boss("POST", "/users", {"user": made}).json()["user"]["id"]
    own = f"/projects/{project.json()['project']['id']}"
    roles = {role.name: role.id for role in admin.identity.roles()}
    assert boss("PUT", f"{own}/users/{somebody}/roles/{roles['member']}").status_code == 204
    assert boss("PUT", f"{own}/users/{somebody}/roles/{roles['admin']}").status_code == 403
    assert [each["name"] for each in boss("GET", "/projects").json()["projects"]] == ["theirs"]
    assert sorted(each["name"] for each in boss("GET", "/users").json()["users"]) == ["boss", "somebody"]
    for path, body in (
        ("/projects", {"project": {"name": "x", "domain_id": "default"}}),
        ("/users", {"user": {"name": "x", "domain_id": "default"}}),
        ("/domains", {"domain": {"name": "x"}}),
    ):
        assert boss("POST", path, body).status_code == 403
    assert boss("DELETE", f"/users/{admin.current_user_id}").status_code == 403
    assert boss("DELETE", f"/users/{somebody}").status_code == 204
    assert boss("DELETE", own).status_code == 204
    admin.identity.delete_user(user)
    admin.identity.update_domain(domain, is_enabled=False)
    admin.identity.delete_domain(domain)


def test_a_user_of_several_projects_sees_them_and_what_is_in_each_alone(
    null_cloud: Running, admin: Any, tenant: Tenant
) -> None:
    second = admin.identity.create_project(name="second", domain_id="default")
    admin.identity.assign_project_role_to_user(second, tenant.user_id, admin.identity.find_role("member"))
    there = connect(null_cloud, user_id=tenant.user_id, password="pw", project_id=second.id)
    seen = there.identity.get("/auth/projects").json()["projects"]
    assert {each["id"] for each in seen} == {tenant.id, second.id}
    network = there.network.create_network(name="second's")
    assert tenant.connection.network.find_network("second's") is None
    assert tenant.connection.network.delete(f"/networks/{network.id}").status_code == 404
    assert rescope(null_cloud, there.session.get_token(), tenant.id).status_code == 201
    there.network.delete_network(network)
    there.close()
    admin.identity.delete_project(second)
