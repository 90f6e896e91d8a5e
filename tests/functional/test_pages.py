"""The pages' short commands and programs work as they stand there, in any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme.blocks import SHORT, Block, blocks
from tests.waiting import PATIENCE

HERE = [block for block in blocks() if block.held_by == SHORT and (block.commands or not block.is_shell)]


@pytest.mark.parametrize("block", HERE, ids=lambda block: block.name)
def test_a_block_works_as_it_is_typed(block: Block, tmp_path: Path) -> None:
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    done = subprocess.run(
        ["bash", "-e"] if block.is_shell else [sys.executable, "-"],
        input=block.commands,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}"


def test_there_are_some() -> None:
    assert {block.is_shell for block in HERE} == {True, False}
