from __future__ import annotations

import ast
import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kb_tests.agent import main
from kb_tests.cloud.topology import Role
from kb_tests.errors import FleetError
from kb_tests.fleet import boot, bundle
from kb_tests.fleet.secrets import Secrets

SECRETS = Secrets.generate()
AGENTS = [Role.SERVER, Role.CLIENT, Role.STORAGE]


def script(role: Role) -> str:
    return boot.user_data(role, "c0ffee00", "10.0.0.5", SECRETS)


@pytest.mark.parametrize("role", Role)
def test_user_data_is_a_shell_script_that_nova_takes(role: Role) -> None:
    text = script(role)
    assert text.startswith("#!/bin/sh\n")
    assert len(base64.b64encode(text.encode())) <= 65_535
    assert not re.search(r"@[a-z_]+@", text), "a place was left open"
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("role", AGENTS)
def test_an_agents_script_holds_the_agents_password_and_no_other_secret(role: Role) -> None:
    text = script(role)
    assert SECRETS.agent_password in text
    assert SECRETS.controller_password not in text
    assert "PRIVATE KEY" not in text


def test_the_proxys_script_holds_no_password_and_not_our_private_key() -> None:
    text = script(Role.PROXY)
    assert SECRETS.agent_password not in text
    assert SECRETS.controller_password not in text
    assert SECRETS.host.private.strip() in text
    assert SECRETS.client.private.strip() not in text
    assert 'restrict,port-forwarding,permitopen="10.0.0.5:6379" ssh-ed25519 ' in text


def unpack(role: Role, folder: Path) -> None:
    """Run what the script gives to python3 in `folder`."""
    program = script(role).split("python3 -IS - <<'KB_END'")[1].partition("\n")[2].partition("\nKB_END")[0]
    python = [sys.executable, "-IS", "-"]
    subprocess.run(python, input=program, text=True, cwd=folder, check=True)


@pytest.mark.parametrize("role", AGENTS)
def test_the_script_unpacks_to_the_agent_all_of_it_compiled(tmp_path: Path, role: Role) -> None:
    unpack(role, tmp_path)
    files = {
        str(path.relative_to(tmp_path / "agent")): path.read_bytes()
        for path in (tmp_path / "agent").rglob("*.py")
    }
    assert files == bundle.sources(role)
    compiled = [path for path in tmp_path.rglob("*.pyc") if path.stat().st_size > 100]
    assert len(compiled) == len(files)


def test_the_script_writes_the_agents_configuration_whatever_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"run": "c0ffee00", "password": "\"' \\ \n KB_END $x `y`", "host": "@bundle@"}
    monkeypatch.setattr(boot, "agent_config", lambda *_: wanted)
    unpack(Role.CLIENT, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == wanted


@pytest.mark.parametrize("role", AGENTS)
def test_a_bundle_has_all_that_its_role_imports_and_no_engine(tmp_path: Path, role: Role) -> None:
    bundle.write(role, tmp_path)
    entries = ", ".join(f"kb_agent.{entry}" for entry in bundle.ENTRIES[role])
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {entries}"
    subprocess.run([sys.executable, "-IS", "-c", program], check=True)
    names = set(bundle.sources(role))
    compiled = {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert compiled == {Path(name).stem for name in names} - {"__main__"}
    assert ("kb_agent/nginx.py" in names) == (role is Role.SERVER)
    assert not [name for name in names if name.startswith(("kb_agent/http/", "kb_agent/storage/"))]


@pytest.mark.parametrize("role", AGENTS)
@pytest.mark.parametrize("name", bundle.ENGINES)
def test_an_agent_of_any_role_can_carry_any_engine(tmp_path: Path, role: Role, name: str) -> None:
    bundle.write(role, tmp_path)
    bundle.lay_down(bundle.engine(name), tmp_path)
    entries = ", ".join(f"kb_agent.{entry}" for entry in bundle.ENGINES[name])
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {entries}"
    subprocess.run([sys.executable, "-IS", "-c", program], check=True)


def test_every_engine_is_named_by_its_digest_in_user_data() -> None:
    config = boot.agent_config(Role.STORAGE, "c0ffee00", "10.0.0.5", SECRETS)
    packed = bundle.engines()
    assert config["engines"] == {name: hashlib.sha256(one).hexdigest() for name, one in packed.items()}
    assert {*packed} >= {"http", "storage"}
    assert packed == bundle.engines()


def test_agents_can_read_engines_and_not_replace_them() -> None:
    agent = boot.acl("c0ffee00", SECRETS).splitlines()[2].split()
    assert [key for key in agent if "engine" in key] == ["%R~kb:c0ffee00:engine:*"]
    assert [key for key in agent if key.startswith("%W")] == ["%W~kb:c0ffee00:reports"]


def test_what_a_role_imports_late_is_among_its_entries() -> None:
    tree = ast.parse(Path(main.__file__).read_text())
    late = {
        node.module or alias.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert late <= {entry for entries in bundle.ENTRIES.values() for entry in entries}


def test_the_bundle_is_the_same_each_time() -> None:
    assert bundle.packed(Role.CLIENT) == bundle.packed(Role.CLIENT)


def test_user_data_over_novas_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "packed", lambda role: b"x" * boot.MAX_USER_DATA)
    with pytest.raises(FleetError, match="Nova takes 49149"):
        script(Role.CLIENT)


def test_the_acl_leaves_nobody_else_in() -> None:
    lines = boot.acl("c0ffee00", SECRETS).splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["user", "default", "off"],
        ["user", "controller", "on"],
        ["user", "agent", "on"],
    ]
    assert all("-@all" in line and "nopass" not in line for line in lines)
    assert "%W~kb:c0ffee00:reports" in lines[2].split()
