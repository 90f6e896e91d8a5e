from __future__ import annotations

import base64
import gzip
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.localcloud.driver import DriverError, Nic, ServerSpec
from kb_tests.localcloud.netns import guest
from kb_tests.localcloud.netns.metadata import find


def spec(user_data: bytes = b"", keys: tuple[str, ...] = ()) -> ServerSpec:
    nic = Nic(
        "port", "net", "fa:16:3e:00:00:01", "10.0.0.5", 24, "10.0.0.1", (("10.9.0.0/16", "10.0.0.2"),), 1450
    )
    return ServerSpec("id-1", "name", "host", 1, 512, (nic,), user_data, {"uuid": "id-1"}, keys, "h")


def test_scripts_run_as_they_are_packed_or_not() -> None:
    script = b"#!/bin/sh\necho hello\n"
    assert guest.boot_script(script) == script
    assert guest.boot_script(gzip.compress(script)) == script
    assert guest.first_files(spec(script))[guest.USER_DATA_SCRIPT] == (script, 0o700)


@pytest.mark.parametrize("nothing", [b"", b"hello", b"Content-Type: multipart/mixed", b"#include http://x"])
def test_other_kinds_do_not_run(nothing: bytes) -> None:
    assert guest.boot_script(nothing) is None
    assert guest.USER_DATA_SCRIPT not in guest.first_files(spec(nothing))


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x1f\x8bnonsense",
        gzip.compress(b"#!/bin/sh\n" + b"x" * 100, mtime=0)[:-20],
        gzip.compress(b"#!/bin/sh\n" + b"x" * (2 << 20), mtime=0),
        b"#cloud-config\n][",
        b"#cloud-config\n- a list",
        b"#cloud-config\nwrite_files: [{content: x}]",
        b"#cloud-config\nwrite_files: [{path: /x, encoding: rot13}]",
        b"#cloud-config\nwrite_files: [{path: /x, encoding: b64+gz}]",
        b"#cloud-config\nruncmd: 5",
    ],
)
def test_wrong_user_data_is_one_sentence(wrong: bytes) -> None:
    with pytest.raises(DriverError, match="user_data"):
        guest.boot_script(wrong)


def test_cloud_config_becomes_a_script_that_does_it(tmp_path: Path) -> None:
    target = tmp_path / "a dir" / "it's"
    config = {
        "write_files": [
            {"path": str(target), "content": "one\n$HOME `id`\n", "permissions": "0640"},
            {"path": str(target), "content": "dHdvCg==", "encoding": "b64", "append": True},
        ],
        "runcmd": [["cp", str(target), str(tmp_path / "copy of it")], f"echo done > {tmp_path}/done"],
    }
    script = guest.boot_script(b"#cloud-config\n" + json.dumps(config).encode())
    assert script is not None
    (tmp_path / "script").write_bytes(script.replace(b"chown root:root", b"true"))
    subprocess.run(["sh", tmp_path / "script"], check=True)
    assert target.read_text() == "one\n$HOME `id`\ntwo\n"
    assert target.stat().st_mode & 0o777 == 0o644, "the second entry's default"
    assert (tmp_path / "copy of it").read_text() == target.read_text()
    assert (tmp_path / "done").read_text() == "done\n"


GZIPPED = base64.b64encode(gzip.compress(b"packed\n", mtime=0)).decode()


@pytest.mark.parametrize(
    ("entry", "content", "mode"),
    [
        ("content: plain", b"plain", 0o644),
        ("{content: aGVsbG8K, encoding: b64, permissions: '0600'}", b"hello\n", 0o600),
        ("{content: aGVsbG8K, encoding: Base64, permissions: 0755}", b"hello\n", 0o755),
        (f"{{content: {GZIPPED}, encoding: gz+b64, permissions: 0400}}", b"packed\n", 0o400),
        (f"{{content: {GZIPPED}, encoding: gzip+base64}}", b"packed\n", 0o644),
        (f"{{content: !!binary {GZIPPED}, encoding: gzip}}", b"packed\n", 0o644),
        ("{content: !!binary aGVsbG8K}", b"hello\n", 0o644),
        ("{content: x, encoding: ''}", b"x", 0o644),
    ],
)
def test_cloud_config_files_have_encodings_and_permissions(
    tmp_path: Path, entry: str, content: bytes, mode: int
) -> None:
    target = tmp_path / "file"
    config = f"#cloud-config\npackages: [nginx]\nwrite_files:\n- path: {target}\n"
    fields = entry.strip("{}").split(", ")
    script = guest.boot_script("".join((config, *(f"  {field}\n" for field in fields))).encode())
    assert script is not None
    (tmp_path / "script").write_bytes(script.replace(b"chown root:root", b"true"))
    done = subprocess.run(["sh", tmp_path / "script"], check=True, capture_output=True)
    assert done.stdout == b"user_data: the local cloud passes over packages\n"
    assert (target.read_bytes(), target.stat().st_mode & 0o7777) == (content, mode)


def test_documents() -> None:
    server = spec(b"#!x", ("ssh-ed25519 AAAA a\n", "ssh-rsa BBBB b"))
    files = guest.first_files(server)
    assert files["/root/.ssh/authorized_keys"] == (b"ssh-ed25519 AAAA a\nssh-rsa BBBB b\n", 0o600)
    assert files["/etc/hostname"][0] == b"host\n"
    documents = guest.documents(server)
    assert json.loads(documents["openstack/latest/meta_data.json"]) == {"uuid": "id-1"}
    network = json.loads(documents["openstack/latest/network_data.json"])
    assert network["links"][0]["ethernet_mac_address"] == "fa:16:3e:00:00:01"
    assert network["networks"][0]["netmask"] == "255.255.255.0"
    assert network["networks"][0]["routes"] == [
        {"network": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.2"},
        {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"},
    ]
    assert documents["latest/meta-data/local-ipv4"] == b"10.0.0.5"


def test_paths_of_the_metadata_service() -> None:
    documents = guest.documents(spec(b"#!x"))
    assert find(documents, "/") == b"latest/\nopenstack/"
    assert find(documents, "/openstack") == b"latest/"
    assert find(documents, "//openstack/latest/") == b"meta_data.json\nnetwork_data.json\nuser_data"
    assert find(documents, "/openstack/latest/user_data") == b"#!x"
    assert find(documents, "/openstack/lat") is None
    assert find(documents, "/../../etc/passwd") is None


@given(st.binary(max_size=300))
def test_any_user_data_is_run_refused_or_left_alone(user_data: bytes) -> None:
    for text in (user_data, b"#cloud-config\n" + user_data, b"\x1f\x8b" + user_data):
        try:
            script = guest.boot_script(text)
        except DriverError:
            continue
        assert script is None or script.startswith(b"#!")
