"""Between us and the APIs: TLS, proxies, regions, interfaces. What fails there is said with its reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests.cloud.connect import connect
from kb_tests.cloud.doctor import examine
from kb_tests.cloud.findings import State
from kb_tests.cloud.options import StageOptions
from kb_tests.errors import CloudAccessError
from kb_tests.localcloud import control
from tests.functional.cloud.front import Authority, Front

OUTSIDE = "http://cloud.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def secure(local: control.Running, authority: Authority, tmp_path: Path) -> Iterator[Front]:
    with Front(local.url, authority.server(tmp_path)).serving() as front:
        yield front


class Entry:
    """Writes the local cloud's entry with other settings; `read` names its file."""

    def __init__(self, local: control.Running, folder: Path) -> None:
        self.name = local.cloud
        self._entry = json.loads(local.clouds_yaml.read_text())["clouds"][local.cloud]
        self._path = folder / "altered.yaml"

    def at(self, url: str, **settings: Any) -> Path:
        """With its Keystone at `url`."""
        entry = self._entry | settings
        entry["auth"] = entry["auth"] | {"auth_url": f"{url}/identity"}
        self._path.write_text(json.dumps({"clouds": {self.name: entry}}))
        return self._path

    def refused(self, url: str, **settings: Any) -> str:
        """The sentence by which a sign-in ends."""
        with pytest.raises(CloudAccessError) as error:
            connect(self.name, self.at(url, **settings))
        assert "\n" not in str(error.value)
        return str(error.value)


@pytest.fixture
def entry(local: control.Running, tmp_path: Path) -> Entry:
    return Entry(local, tmp_path)


@pytest.fixture(autouse=True)
def _no_trust_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def faults(entry: Entry, path: Path) -> list[str]:
    found = examine(entry.name, None, StageOptions(), path)
    return [f"{each.what}: {each.found}" for each in found if each.state is State.FAULT]


def works(entry: Entry, path: Path) -> None:
    """For doctor, and for another user's connection made of the first one."""
    assert faults(entry, path) == []
    cloud = connect(entry.name, path)
    other = cloud.in_project(cloud.project_id)
    assert list(other.compute.flavors())
    other.close()
    cloud.close()


def test_a_private_ca_is_trusted_where_clouds_yaml_names_it(
    secure: Front, authority: Authority, entry: Entry
) -> None:
    works(entry, entry.at(secure.url, cacert=str(authority.certificate)))
    assert len(secure.asked) > 10


def test_everybody_is_trusted_where_clouds_yaml_says_so(secure: Front, entry: Entry) -> None:
    works(entry, entry.at(secure.url, verify=False))
    found = examine(entry.name, None, StageOptions(), entry.at(secure.url, verify=False))
    (note,) = [each for each in found if each.what == "TLS"]
    assert note.state is State.NOTE


def test_why_tls_failed_is_said(
    secure: Front, authority: Authority, entry: Entry, local: control.Running, tmp_path: Path
) -> None:
    trusted = {"cacert": str(authority.certificate)}
    begin = f"Cloud 'kb-local' cannot be reached: SSL exception connecting to {secure.url}/identity: "
    assert entry.refused(secure.url) == (
        f"{begin}its certificate is not trusted: unable to get local issuer certificate. "
        "Name the file of its CA as cacert in clouds.yaml; verify: false trusts everybody."
    )
    elsewhere = secure.url.replace("127.0.0.1", "localhost")
    assert "certificate is not valid for 'localhost'" in entry.refused(elsewhere, **trusted)
    with Front(local.url, authority.server(tmp_path, days=-1)).serving() as old:
        assert "certificate has expired" in entry.refused(old.url, **trusted)
    assert "TLS failed: wrong version number" in entry.refused(local.url.replace("http:", "https:"))


def test_a_private_ca_is_no_noise_on_a_terminal(secure: Front, entry: Entry, tmp_path: Path) -> None:
    path = entry.at(secure.url, verify=False)
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from kb_tests.cli import main; exit(main())",
            "doctor",
            "--cloud",
            entry.name,
        ],
        env=os.environ | {"OS_CLIENT_CONFIG_FILE": str(path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.returncode == 0
    assert " FAULT " not in ended.stdout


def test_no_certificate_is_asked_for_where_there_is_no_tls(local: control.Running, entry: Entry) -> None:
    found = examine(entry.name, None, StageOptions(), entry.at(local.url, verify=False))
    assert "TLS" not in {each.what for each in found}


@pytest.fixture
def proxy(local: control.Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """One that a company's shells name, password and all."""
    with Front(local.url, shown=OUTSIDE).serving() as front:
        monkeypatch.setenv("http_proxy", front.url.replace("://", "://me:hunter2@"))
        monkeypatch.setenv("https_proxy", front.url.replace("://", "://me:hunter2@"))
        monkeypatch.delenv("no_proxy", raising=False)
        yield front


def test_a_cloud_elsewhere_is_reached_by_the_proxy_of_the_shell(proxy: Front, entry: Entry) -> None:
    works(entry, entry.at(OUTSIDE))
    assert all(path.startswith(OUTSIDE) for path in proxy.asked)


def test_this_machine_is_not(proxy: Front, entry: Entry, local: control.Running) -> None:
    works(entry, entry.at(local.url))
    works(entry, entry.at(local.url.replace("127.0.0.1", "localhost")))
    assert proxy.asked == []


@pytest.mark.parametrize("code", [403, 407, 502])
@pytest.mark.parametrize("url", [OUTSIDE, OUTSIDE.replace("http:", "https:")])
def test_a_proxy_that_is_in_the_way_is_named(proxy: Front, entry: Entry, url: str, code: int) -> None:
    proxy.answer = code
    text = entry.refused(url)
    assert f"by the proxy {proxy.url} of this shell's environment" in text
    assert str(code) in text
    assert "hunter2" not in text


def test_so_is_one_that_is_down(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:hunter2@127.0.0.1:9")
    text = entry.refused(OUTSIDE)
    assert "Connection refused, by the proxy http://127.0.0.1:9 of this shell's environment" in text
    assert "hunter2" not in text


def test_other_interfaces_and_other_endpoints(local: control.Running, entry: Entry) -> None:
    for interface in ("internal", "admin", "internalURL", ["admin", "public"]):
        works(entry, entry.at(local.url, interface=interface))
    overrides = {"network_endpoint_override": f"{local.url}/networking"}
    works(entry, entry.at(local.url, **overrides))
    wrong = {"network_endpoint_override": f"{local.url}/nowhere"}
    assert all("network" in fault.lower() for fault in faults(entry, entry.at(local.url, **wrong)))
    assert faults(entry, entry.at(local.url, **wrong))


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Running]:
    folder = tmp_path_factory.mktemp("regions")
    yield control.up(folder, driver="null", parent_pid=os.getpid(), regions=("RegionTwo",))
    control.down(folder)


def test_which_of_several_regions_is_used(regions: control.Running, tmp_path: Path) -> None:
    entry = Entry(regions, tmp_path)
    both = {"region_name": None, "regions": ["RegionOne", "RegionTwo"]}
    path = entry.at(regions.url, **both)
    for region, address in regions.regions.items():
        cloud = connect(f"{entry.name}:{region}", path)
        assert (cloud.region, cloud.name) == (region, f"{entry.name}:{region}")
        for connection in (cloud.connection, cloud.in_project(cloud.project_id)):
            assert str(connection.compute.get_endpoint()).startswith(address)
        cloud.close()
    assert "Name the one that is meant, such as kb-local:RegionOne." in entry.refused(regions.url, **both)
    assert entry.refused(regions.url, region_name=None) == (
        "Cloud 'kb-local' has the regions RegionOne, RegionTwo, and clouds.yaml names none. "
        "Give region_name there, or name the one that is meant, such as kb-local:RegionOne."
    )
