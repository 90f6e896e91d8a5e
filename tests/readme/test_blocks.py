"""Every long block of a page works as it stands there, in a fresh clone, with two clouds in clouds.yaml."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.localcloud import control
from tests.readme.blocks import LONG, ROOT, Block, blocks

HERE = [block for block in blocks() if block.is_shell and block.held_by == LONG and block.commands]
SECONDS = 1800.0

_LIMIT = re.compile(r"< 0\.0\d+")
"""What tests of one's own ask of a cloud; the local one is only as fast as this machine has time for it."""


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


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone, with the suite installed in its .venv."""
    clone = tmp_path_factory.mktemp("clone") / "kb_tests"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    subprocess.run([sys.executable, "-m", "venv", clone / ".venv"], check=True)
    subprocess.run([clone / ".venv/bin/pip", "install", "-q", "-e", clone], check=True)
    return clone


@pytest.mark.parametrize("block", HERE, ids=lambda block: block.name)
def test_a_block_works_as_it_is_typed(block: Block, clone: Path, home: Path, tmp_path: Path) -> None:
    environment = {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{clone}/.venv/bin:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
    }
    for shown in blocks():
        if shown.page == block.page and shown.language == "python" and shown.held_by == LONG:
            (clone / "test_mine.py").write_text(_LIMIT.sub("< 2", shown.text))
    text = block.commands.replace("my-image", "kb-node").replace("/tmp/", f"{tmp_path}/")
    done = subprocess.run(
        ["bash", "-e"],
        input=text,
        cwd=clone,
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
