"""Every long block of a page works as it stands there, in a fresh clone and from a wheel in an empty folder.

Two clouds are in clouds.yaml. `make readme` runs it as whoever calls it; root also as an ordinary user.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kb_tests.localcloud import control
from tests.readme.blocks import LONG, ROOT, Block, blocks

HERE = [block for block in blocks() if block.is_shell and block.held_by == LONG and block.commands]
SECONDS = 1800.0

_LIMIT = re.compile(r"< 0\.0\d+")
"""What tests of one's own ask of a cloud; the local one is only as fast as this machine has time for it."""

LIGHT = (
    "http-east-west:load.rate=[50]",
    "http-east-west:load.connections=20",
    "http-east-west:load.duration=20s",
    "http-east-west:sla.latency={p99: 2s}",
    "http-east-west:sla.errors=5%",
    "demo-http:sla.latency={p99: 2s}",
    "demo-http:sla.errors=5%",
    "storage-standard:topology.volume.size=2GiB",
)
"""Set by PYTEST_ADDOPTS, for the same reason: a page is held to its commands, not to this machine's speed."""

_FROM_WHEEL = (
    ("pip install -e .", "pip install {wheel}"),
    ("pytest kb_tests ", "pytest --pyargs kb_tests "),
)
"""What is typed otherwise without a checkout, as the README says."""


@dataclass(frozen=True)
class Place:
    """A folder in which blocks are typed, and what its wheel is; None in a clone."""

    folder: Path
    wheel: Path | None

    def typed(self, text: str) -> str:
        """A block's commands as somebody types them there."""
        for checkout, without in _FROM_WHEEL if self.wheel else ():
            text = text.replace(checkout, without.format(wheel=self.wheel))
        return text


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose clouds.yaml has the clouds `mycloud` and `other`."""
    home, mine, other = (tmp_path_factory.mktemp(name) for name in ("home", "mycloud", "other"))
    control.up(other, name="other", parent_pid=os.getpid())
    running = control.up(mine, name="mycloud", beside=other, parent_pid=os.getpid())
    folder = home / ".config" / "openstack"
    folder.mkdir(parents=True)
    shutil.copy(running.clouds_yaml, folder)
    yield home
    control.down(mine)
    control.down(other)


@pytest.fixture(scope="module", params=["clone", "wheel"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A fresh clone, or an empty folder; in both the suite is installed in .venv."""
    top = tmp_path_factory.mktemp(request.param)
    clone = top / "kb_tests"
    # Who runs this may not own the checkout, which git asks about.
    trusting = os.environ | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    cloning = ["git", "clone", "-q", f"--upload-pack={_upload_pack(top)}", str(ROOT), str(clone)]
    subprocess.run(cloning, env=trusting, check=True)
    folder = clone if request.param == "clone" else top / "empty"
    folder.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    pip = folder / ".venv/bin/pip"
    if request.param == "clone":
        subprocess.run([pip, "install", "-q", "-e", clone], check=True)
        return Place(clone, None)
    subprocess.run([pip, "wheel", "-q", "--no-deps", "-w", top, clone], check=True)
    (wheel,) = top.glob("*.whl")
    subprocess.run([pip, "install", "-q", wheel], check=True)
    shutil.rmtree(clone)  # nothing of a checkout is at hand
    return Place(folder, wheel)


def _upload_pack(folder: Path) -> Path:
    """git's, with the environment's configuration, of which `git clone` hands nothing on."""
    script = folder / "upload-pack"
    script.write_text('#!/bin/sh\nexec git -c safe.directory="*" upload-pack "$@"\n')
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("block", HERE, ids=lambda block: block.name)
def test_a_block_works_as_it_is_typed(block: Block, place: Place, home: Path, tmp_path: Path) -> None:
    environment = {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{place.folder}/.venv/bin:{os.environ['PATH']}",
        "PYTEST_ADDOPTS": " ".join(
            f"--kb-set '{setting}'" for setting in LIGHT if setting.partition(":")[0] in block.text
        ),
        "TMPDIR": str(tmp_path),
    }
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    for shown in blocks():
        if shown.page == block.page and shown.language == "python" and shown.held_by == LONG:
            (place.folder / "test_mine.py").write_text(_LIMIT.sub("< 2", shown.text))
    text = place.typed(block.commands.replace("/tmp/", f"{tmp_path}/"))
    done = subprocess.run(
        ["bash", "-e"],
        input=text,
        cwd=place.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    for state in tmp_path.glob("*/clouds.yaml"):
        control.down(state.parent)
    assert done.returncode == 0, f"{text}\n{done.stdout}"
