"""Sessions of one storage point, and what may happen to them meanwhile."""

from __future__ import annotations

import subprocess
import time
import warnings
from collections.abc import Callable
from typing import Any

from kb_tests.cloud.connect import connect
from tests.functional.session.suite import Ended, Suite

SCENARIO = """\
name: disk
kind: storage
topology: {{volume: {{size: 1GiB}}, file_size: 16MiB, flavor: {{ram: 128MiB}}}}
load:
  profiles:
    - {{name: {mode}, mode: {mode}, iodepth: 4, {rate}}}
  ramp: 2s
  duration: {duration}
sla: {sla}
"""
Harm = Callable[[Suite, str, str], object]


def scenario(
    suite: Suite,
    mode: str = "randread",
    rate: str = "rate_iops: 100",
    duration: str = "7s",
    sla: str = "{achieved: 80%, read_latency: {p50: 500ms}}",
) -> str:
    path = suite.folder / "disk.yaml"
    path.write_text(SCENARIO.format(mode=mode, rate=rate, duration=duration, sla=sla))
    return str(path)


def harmed(suite: Suite, path: str, harm: Harm) -> Ended:
    """A session; as soon as its load runs, `harm` gets the ids of its server and its volume."""

    def loaded() -> None:
        time.sleep(2)
        (volume,) = [one for one in volumes(suite) if one.attachments]
        harm(suite, volume.attachments[0]["server_id"], volume.id)

    return interfered(suite, path, "IOPS", loaded)


def interfered(suite: Suite, path: str, sign: str, interfere: Callable[[], None]) -> Ended:
    """A session; as soon as it has printed `sign`, something happens to it."""
    arguments = ("--kb-cloud", suite.running.cloud, "--kb-scenario", path)
    with subprocess.Popen(
        suite.command(*arguments),
        cwd=suite.folder,
        env=suite.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    ) as process:
        assert process.stdout is not None
        output = ""
        done = False
        while printed := process.stdout.read(4096):
            output += printed.decode()
            if not done and sign in output:
                done = True
                interfere()
    return Ended(process.returncode, output, suite.take_records())


def volumes(suite: Suite) -> list[Any]:
    with warnings.catch_warnings(action="ignore"):
        storage: Any = connect(suite.running.cloud, suite.running.clouds_yaml).connection.block_storage
        return list(storage.volumes(details=True, all_projects=True))


def make_faulty_type(suite: Suite) -> None:
    """A volume type, "faulty", whose volumes can do more wrong than others."""
    with warnings.catch_warnings(action="ignore"):
        storage: Any = connect(suite.running.cloud, suite.running.clouds_yaml).connection.block_storage
        if storage.find_type("faulty") is None:
            storage.create_type(name="faulty", extra_specs={"kb:faulty": "true"})


def checks(ended: Ended) -> dict[str, Any]:
    (point,) = ended.record["points"]
    return {check["name"]: check for check in point["verdict"]["checks"]}
