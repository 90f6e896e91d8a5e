"""What a person is told when a cloud cannot be used: one sentence, and nothing of their secrets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.errors import CloudAccessError
from kb_tests.localcloud import control

SECRET = "wrong-5f1c9"


@pytest.fixture
def altered(local: control.Running, tmp_path: Path) -> Callable[..., Path]:
    """The local cloud's clouds.yaml with some settings changed."""

    def alter(auth: dict[str, Any] | None = None, **settings: Any) -> Path:
        clouds = json.loads(local.clouds_yaml.read_text())
        entry = clouds["clouds"][local.cloud]
        entry.update(settings)
        entry["auth"] = {k: v for k, v in (entry["auth"] | (auth or {})).items() if v is not None}
        path = tmp_path / "clouds.yaml"
        path.write_text(json.dumps(clouds))
        return path

    return alter


def refused(name: str, path: Path | None) -> str:
    with pytest.raises(CloudAccessError) as error:
        connect(name, path)
    text = str(error.value)
    assert "\n" not in text
    assert SECRET not in text
    return text


def assert_right(cloud: Cloud, began: float, clock: Callable[[], float]) -> None:
    """The cloud's time is known to a few seconds, and to as many more as answers took since `began`."""
    now = clock()
    assert abs(cloud.now() - now) < 5 + (now - began)


def test_it_signs_in(local: control.Running) -> None:
    began = time.time()
    cloud = connect(local.cloud, local.clouds_yaml)
    assert cloud.auth_url == f"{local.url}/identity"
    assert 1 <= cloud.requests <= 2
    assert cloud.is_admin
    assert_right(cloud, began, time.time)
    cloud.close()


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_it_knows_the_clouds_time_whatever_becomes_of_this_machines(
    local: control.Running, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    """A lease that is renewed after the clock was set back must not have run out already, and calls go on."""
    began = time.time()
    cloud = connect(local.cloud, local.clouds_yaml)
    list(cloud.identity.projects())
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"a call waits for {seconds} s"))
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + jump)
    assert_right(cloud, began, right)
    list(cloud.identity.projects())
    assert_right(cloud, began, right)
    cloud.close()


def test_the_file_that_is_named_wins_over_the_environment(
    local: control.Running, altered: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(altered(auth={"password": SECRET})))
    assert connect(local.cloud, local.clouds_yaml).auth_url == f"{local.url}/identity"
    refused(local.cloud, None)


def test_ssh_may_be_behind_a_port_forward(local: control.Running, altered: Callable[..., Path]) -> None:
    cloud = connect(local.cloud, altered(kb_ssh_port=2222))
    assert cloud.ssh_port == 2222
    cloud.close()
    for wrong in ("ssh", 65536, -1):
        text = refused(local.cloud, altered(kb_ssh_port=wrong))
        assert text == f"Cloud 'kb-local' has kb_ssh_port '{wrong}' in clouds.yaml, which is no port."


def test_servers_may_come_from_elsewhere_than_their_router(
    local: control.Running, altered: Callable[..., Path]
) -> None:
    for given in ("198.51.100.0/24", ["198.51.100.0/24"]):
        cloud = connect(local.cloud, altered(kb_egress=given))
        assert cloud.egress == ("198.51.100.0/24",)
        cloud.close()
    text = refused(local.cloud, altered(kb_egress="198.51.100.7/24"))
    assert text.startswith("Cloud 'kb-local' has a kb_egress in clouds.yaml that is no CIDR: 198.51.100.7/24")


def test_an_unknown_name_lists_those_that_exist(local: control.Running, tmp_path: Path) -> None:
    text = refused("mycloud", local.clouds_yaml)
    assert text == f"Cloud 'mycloud' is unknown: {local.clouds_yaml} has {local.cloud}."
    assert refused("mycloud", tmp_path / "none.yaml") == (
        f"There is no file {tmp_path / 'none.yaml'} to look up cloud 'mycloud' in."
    )


def test_it_says_where_it_looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "absent" / "clouds.yaml"))
    assert str(tmp_path / "absent") in refused("mycloud", None)
    broken = tmp_path / "clouds.yaml"
    broken.write_text("clouds: [")
    assert refused("mycloud", broken) == (
        f"Cloud 'mycloud' cannot be looked up: {broken} is no YAML, see line 1."
    )


def test_wrong_credentials(local: control.Running, altered: Callable[..., Path]) -> None:
    text = refused(local.cloud, altered({"password": SECRET}))
    assert text.startswith(f"Cloud '{local.cloud}' does not accept the credentials: 401 ")


def test_an_api_that_is_down(local: control.Running, altered: Callable[..., Path]) -> None:
    with socket.socket() as taken:  # and nobody listens there
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v3"
        text = refused(local.cloud, altered({"auth_url": url}))
    assert text.startswith(f"Cloud '{local.cloud}' cannot be reached: ")
    assert "Connection refused" in text
    assert "HTTPConnection" not in text


def test_missing_services(local: control.Running, altered: Callable[..., Path]) -> None:
    text = refused(local.cloud, altered(region_name="Elsewhere"))
    assert "offers no compute and no network and no image service in region 'Elsewhere'" in text


def test_incomplete_entry(local: control.Running, altered: Callable[..., Path]) -> None:
    text = refused(local.cloud, altered({"username": None}))
    assert "clouds.yaml: username is missing under auth." in text
