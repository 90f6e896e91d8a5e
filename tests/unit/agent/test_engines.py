"""An engine comes over the control channel, and runs only if it is the one that user_data names."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kb_tests.agent import engines, main, protocol
from kb_tests.agent.clock import Reading
from kb_tests.agent.control import BrokenError
from kb_tests.agent.identity import Identity
from kb_tests.cloud.topology import Role
from kb_tests.fleet import bundle

PROGRAM = """
import base64, json, sys
told = json.load(sys.stdin)
sys.path.insert(0, told["folder"])
from kb_agent import engines
from kb_agent.control import BrokenError

class Control:
    run, asked = "c0ffee00", []
    def fetch(self, key):
        self.asked.append(key)
        if told["found"] is None:
            raise BrokenError
        return [base64.b64decode(one) for one in told["found"]]

control, out = Control(), {}
for _ in range(2):
    try:
        out["module"] = engines.load(told["name"], told["digests"], control).__name__
        out["file"] = sys.modules[out["module"]].__file__
    except (engines.EngineError, BrokenError) as error:
        out["error"] = type(error).__name__ + ": " + str(error)
    out["hashlib"] = "hashlib" in sys.modules
print(json.dumps(out | {"asked": control.asked}))
"""


def load(folder: Path, name: str, found: list[bytes] | None, role: Role = Role.CLIENT) -> dict[str, Any]:
    """What an agent of `role` in `folder` makes of the entries `found`, asked twice."""
    bundle.write(role, folder)
    told = {
        "folder": str(folder),
        "name": name,
        "digests": {one: bundle.digest(packed) for one, packed in bundle.engines().items()},
        "found": None if found is None else [base64.b64encode(one).decode() for one in found],
    }
    ran = subprocess.run(
        [sys.executable, "-IS", "-c", PROGRAM],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


@pytest.mark.parametrize("role", [Role.CLIENT, Role.STORAGE, Role.SERVER])
@pytest.mark.parametrize("name", ["http", "storage"])
def test_an_engine_is_fetched_once_and_runs_compiled(tmp_path: Path, name: str, role: Role) -> None:
    packed = bundle.engines()[name]
    found = load(tmp_path, name, [b"something older", packed], role)
    assert found["module"] == f"kb_agent.{name}.engine"
    assert found["asked"] == [f"kb:c0ffee00:engine:{hashlib.sha256(packed).hexdigest()}"]
    assert not found["hashlib"] or name == "storage", "what checks and compiles it has ended"
    assert list((tmp_path / "kb_agent" / name / "__pycache__").glob("engine.*.pyc"))
    assert load(tmp_path, name, None, role)["module"] == found["module"], "it is there after a restart"


@pytest.mark.parametrize("spoilt", ["other", "longer", "nothing"])
def test_what_has_another_digest_is_not_even_written(tmp_path: Path, spoilt: str) -> None:
    packed = bundle.engines()["http"]
    found = {"other": [bundle.engines()["storage"]], "longer": [packed + b"x"], "nothing": []}[spoilt]
    answer = load(tmp_path, "http", found)
    why = "none" if spoilt == "nothing" else "another one than this run's"
    assert answer["error"] == f"EngineError: the control server has {why} as engine 'http'"
    assert not (tmp_path / "kb_agent" / "http").exists()


def test_a_lost_connection_is_told_apart(tmp_path: Path) -> None:
    assert load(tmp_path, "http", None)["error"] == "BrokenError: "


def test_an_engine_that_user_data_does_not_name_is_not_asked_for(tmp_path: Path) -> None:
    answer = load(tmp_path, "../../etc", [])
    assert answer["asked"] == []
    assert answer["error"] == "EngineError: this agent knows no engine '../../etc'"


def test_a_mistake_inside_of_an_engine_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> None:
        raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")

    monkeypatch.setattr("builtins.__import__", broken)
    with pytest.raises(ModuleNotFoundError):
        engines.load("http", {}, None)  # type: ignore[arg-type]


class Control:
    """A connection that is there or not, and what was reported over it."""

    problem = ""
    reading = Reading(0.0, 0.001, 0.0)

    def __init__(self) -> None:
        self.connected = True
        self.told: list[tuple[str, str]] = []

    def connect(self) -> bool:
        was, self.connected = self.connected, True
        return not was

    def report(self, kind: str, body: dict[str, Any]) -> None:
        self.told.append((kind, body.get("id", "")))

    def filenos(self) -> list[int]:
        return []

    def timeout(self) -> float:
        return 0.0

    def expire(self) -> None:
        pass

    mtu = 1500


@pytest.mark.parametrize(
    "command",
    [
        {"kind": "enroll", "id": "c1", "index": 0, "target": "192.0.2.1"},
        {"kind": "engine", "id": "c1", "clients": 1, "engine": "http", "options": {}},
    ],
)
def test_a_connection_that_is_lost_meanwhile_only_delays(
    command: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"run": "c0ffee00", "host": "192.0.2.9", "port": 1, "user": "u", "password": "p"}
    config |= {"role": "client", "folder": str(tmp_path), "listen": "80"}
    monkeypatch.setattr(main, "_versions", lambda _role: {})
    agent = main.Agent(main.Config(json.dumps(config).encode()), Identity("a", ""))
    control: Any = Control()
    agent._control, agent._index = control, 0

    def engine(_name: str) -> Any:
        if control.told == []:
            control.connected = False
            raise BrokenError
        return SimpleNamespace(
            Load=lambda *_: SimpleNamespace(
                prepare=lambda _deadline: None, seconds=1.0, fileno=lambda: -1, abort=lambda: None
            )
        )

    monkeypatch.setattr(agent, "_engine", engine)
    monkeypatch.setattr(agent, "_have", engine)
    agent._obey(protocol.encode(command))
    assert control.told == [], "neither ready nor failed"
    agent._turn()
    assert control.told == [("hello", ""), ("ready", "c1")]
    agent._turn()
    assert len(control.told) == 2


def test_the_module_that_tells_that_an_engine_is_there_is_laid_down_last() -> None:
    for name, packed in bundle.engines().items():
        rest, names = zlib.decompress(packed), []
        while rest:
            head, _, rest = rest.partition(b"\n")
            path, size = head.decode().split()
            names.append(path)
            rest = rest[int(size) :]
        assert names[-1] == f"kb_agent/{name}/engine.py"
