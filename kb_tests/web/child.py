"""`kb` in a process of its own, which loads what the UI spares: it is asked, answers, and is gone."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from kb_tests.report.printable import printable
from kb_tests.web.problems import Problem

PROGRAM = "import sys; from kb_tests.cli import main; sys.exit(main())"
LARGEST = 16 << 20
"""Bytes of an answer that are read."""


@dataclass(frozen=True)
class Answered:
    """What `kb` printed, and the code that it ended with."""

    code: int
    output: bytes
    complaint: str
    """The last line of its other output, for people."""

    def json(self) -> Any:
        """What was printed, as JSON; raises ValueError."""
        return json.loads(self.output)


def command(*arguments: str) -> list[str]:
    """The command line of `kb` with `arguments`; as that, it imports nothing from where it is started."""
    return [sys.executable, "-P", "-c", PROGRAM, *arguments]


_running: set[subprocess.Popen[bytes]] = set()
_ending = threading.Event()


def run(
    command: Sequence[str], *, timeout: float, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`subprocess.run` for a child that only looks: it ends with the UI, which waits for nobody.

    Raises TimeoutExpired.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, cwd=cwd) as process:
        _running.add(process)
        try:
            if _ending.is_set():
                process.kill()
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
        finally:
            _running.discard(process)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def end() -> None:
    """End those that run, and any that is begun from now on: the UI ends."""
    _ending.set()
    for process in tuple(_running):
        process.kill()


def ask(*arguments: str, seconds: float, folder: Path | None = None) -> Answered:
    """What `kb` answers; raises Problem where it does not within `seconds`."""
    try:
        done = run(command(*arguments), timeout=seconds, cwd=folder)
    except subprocess.TimeoutExpired as error:
        raise Problem(
            HTTPStatus.GATEWAY_TIMEOUT, f"`kb {arguments[0]}` took longer than {seconds:g} s."
        ) from error
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return Answered(
        done.returncode,
        done.stdout[:LARGEST],
        printable(lines[0].removeprefix("kb: ")) if lines else f"`kb {arguments[0]}` said nothing.",
    )
