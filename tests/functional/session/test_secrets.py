"""After a full run, nothing that anybody may read holds its keys and passwords."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kb_tests.fleet.secrets import Secrets
from tests.functional.session.suite import Suite

ROOT = Path(__file__).parents[3]


def test_no_secret_is_where_others_may_look_and_what_is_kept_is_for_its_owner(suite: Suite) -> None:
    told = suite.folder / "told"
    private = suite.folder / "private"
    told.mkdir(mode=0o700)
    private.mkdir(mode=0o700)
    path = told / "secrets.json"
    log = suite.folder / "log"
    scenario = suite.scenario(duration="5s")
    command = suite.command(
        "--kb-cloud",
        suite.running.cloud,
        "--kb-scenario",
        scenario,
        "--html=r.html",
        "--junitxml=j.xml",
        "-vv",
    )
    command += ["-p", "tests.functional.session.knows_secrets"]
    environment = suite.environment() | {
        "KB_TEST_SECRETS": str(path),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(private),
        "PYTEST_DEBUG": "",
    }
    seen: set[bytes] = set()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=suite.folder, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        while process.poll() is None:
            seen.update(arguments_and_environments())
            time.sleep(0.1)
    assert process.returncode == 0, log.read_text()
    wanted = needles(Secrets.load(path), suite)
    assert len(wanted) == 5
    public = b"\0".join(seen)
    found = [name for name, secret in wanted.items() if secret in public]
    for file in readable(suite, told):
        content = b""
        with suppress(FileNotFoundError):  # the cloud removes what it needs no more
            content = file.read_bytes()
        found += [f"{name} in {file}" for name, secret in wanted.items() if secret in content]
    assert found == []
    assert any(b"agent/__main__.py" in text for text in seen)
    kept = [path for path in (suite.folder / "state").rglob("*") if path.is_file()]
    assert {"journal.jsonl", "reaper.log"} <= {path.name for path in kept}
    assert [path for path in kept if path.stat().st_mode & 0o077] == []
    assert [p for p in (suite.folder / "state" / "kb" / "runs").iterdir() if p.stat().st_mode & 0o077] == []


def needles(secrets: Secrets, suite: Suite) -> dict[str, bytes]:
    """A part of each secret that stands on one line wherever it is written."""
    admin = json.loads(suite.running.clouds_yaml.read_text())["clouds"][suite.running.cloud]["auth"][
        "password"
    ]
    return {
        "client key": secrets.client.private.splitlines()[2].encode(),
        "host key": secrets.host.private.splitlines()[2].encode(),
        "controller password": secrets.controller_password.encode(),
        "agent password": secrets.agent_password.encode(),
        "password of clouds.yaml": admin.encode(),
    }


def arguments_and_environments() -> Iterator[bytes]:
    """Of every process of the machine, those in the cloud's servers among them."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            for name in ("cmdline", "environ"):
                with suppress(OSError):
                    yield (entry / name).read_bytes()


def readable(suite: Suite, told: Path) -> Iterator[Path]:
    """Records, reports, logs, the journal, and what the cloud itself logs; but not clouds.yaml, which is
    the operator's own.
    """
    state = suite.running.clouds_yaml.parent
    for folder in (suite.folder, state):
        for path in folder.rglob("*"):
            if path.is_file() and told not in path.parents and path != suite.running.clouds_yaml:
                yield path
