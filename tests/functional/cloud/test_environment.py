"""The named entry of clouds.yaml alone says which cloud it is and who signs in, whatever the shell holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from tests.functional.cloud.conftest import Faults

PASSWORD = "for-this-test"
NOWHERE = "http://127.0.0.1:9"

OPENRC = {
    "OS_AUTH_URL": f"{NOWHERE}/v3",
    "OS_USERNAME": "somebody-else",
    "OS_PASSWORD": "of-somebody-else",
    "OS_PROJECT_NAME": "elsewhere",
    "OS_PROJECT_ID": "0" * 32,
    "OS_USER_DOMAIN_NAME": "their-domain",
    "OS_REGION_NAME": "Elsewhere",
    "OS_INTERFACE": "internal",
    "OS_IDENTITY_API_VERSION": "2",
}

ENVIRONMENTS = {
    "another cloud of the same file": {"OS_CLOUD": "zz"},
    "a cloud that no file has": {"OS_CLOUD": "nosuch"},
    "a name of its own for the shell's cloud": {"OS_CLOUD_NAME": "kb-local", **OPENRC},
    "an openrc": OPENRC,
    "an openrc of an application credential": {
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_AUTH_URL": f"{NOWHERE}/v3",
        "OS_APPLICATION_CREDENTIAL_ID": "some-id",
        "OS_APPLICATION_CREDENTIAL_SECRET": "some-secret",
    },
    "another region": {"OS_REGION_NAME": "Elsewhere"},
    "trust in nobody": {"OS_CACERT": "/nonexistent", "OS_INSECURE": "false"},
    "a proxy": {"http_proxy": NOWHERE, "https_proxy": NOWHERE},
    "a proxy in capitals": {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "ALL_PROXY": NOWHERE},
    "a proxy for all": {"all_proxy": "socks5://127.0.0.1:9"},
    "a proxy, not for localhost": {"http_proxy": NOWHERE, "no_proxy": "localhost"},
    "a host for metrics": {"STATSD_HOST": "127.0.0.1", "STATSD_PORT": "no number"},
}


@pytest.fixture(params=list(ENVIRONMENTS))
def shell(
    request: pytest.FixtureRequest, local: control.Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell in which another cloud is at work; clouds.yaml names it, too."""
    clouds = json.loads(local.clouds_yaml.read_text())
    clouds["clouds"]["zz"] = {
        "auth": {"auth_url": f"{NOWHERE}/v3", "username": "u", "password": "p", "project_name": "p"},
        "region_name": "Elsewhere",
    }
    (tmp_path / "clouds.yaml").write_text(json.dumps(clouds))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody-else password of-somebody-else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name, value in ENVIRONMENTS[request.param].items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def signed_in(local: control.Running, shell: None) -> Iterator[Cloud]:
    cloud = connect(local.cloud)
    yield cloud
    cloud.close()


@pytest.fixture
def newcomer(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """Ids of a new user and project."""
    identity = cloud.identity
    project = identity.create_project(name="its-own", domain_id=cloud.domain_id)
    user = identity.create_user(name="newcomer", domain_id=cloud.domain_id, password=PASSWORD)
    identity.assign_project_role_to_user(project, user, identity.find_role("member", ignore_missing=False))
    identity.assign_project_role_to_user(
        project, cloud.user_id, identity.find_role("admin", ignore_missing=False)
    )
    yield user.id, project.id
    identity.delete_user(user)
    identity.delete_project(project)


def test_it_is_the_named_cloud(signed_in: Cloud, cloud: Cloud, faults: Faults) -> None:
    sent: list[Any] = []

    def look(request: requests.PreparedRequest, _send: object) -> None:
        sent.append(request.headers)

    faults.inject(look)
    assert (signed_in.auth_url, signed_in.project_id) == (cloud.auth_url, cloud.project_id)
    assert [zone.name for zone in signed_in.connection.compute.availability_zones()] == ["nova"]
    assert sent
    assert not any("Authorization" in headers for headers in sent)


@pytest.mark.usefixtures("shell")
def test_so_is_one_of_a_file_that_is_given(local: control.Running) -> None:
    connect(local.cloud, local.clouds_yaml).close()


def test_so_are_users_and_projects_of_a_run(signed_in: Cloud, newcomer: tuple[str, str]) -> None:
    user_id, project_id = newcomer
    for connection in (signed_in.sign_in(user_id, PASSWORD, project_id), signed_in.in_project(project_id)):
        assert connection.session.get_project_id() == project_id
        assert list(connection.compute.servers()) == []
    assert signed_in.sign_in(user_id, PASSWORD, project_id).session.get_user_id() == user_id


@pytest.mark.usefixtures("shell")
def test_so_is_the_local_cloud_for_its_own_client(local: control.Running) -> None:
    assert AdminClient(local).faults() == []
