"""A fio that is none: `false_fio.py HOW`, which leaves a program to be called in its place.

It starts, answers the signals and prints what fio prints of a job of reads, and is wrong in one way.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

RATE = 100  # I/Os a second, of 4 KiB, each in a millisecond
NAME = 1003520  # of fio's bin in which a millisecond lies


class Job:
    """What was done so far, as `how` has it."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.begin = time.monotonic()
        self.asked = 0

    def done(self) -> int:
        """I/Os."""
        made = int((time.monotonic() - self.begin) * RATE)
        return {"no I/O": 0, "too many I/Os": 10 * made}.get(self.how, made)

    def document(self) -> dict[str, Any]:
        """What fio says of it."""
        self.asked += 1
        made = self.done()
        if self.how == "backwards" and self.asked > 2:
            made //= 2
        runtime = int((time.monotonic() - self.begin) * 1000)
        if self.how == "another clock":
            runtime //= 2
        timed = made + 50 if self.how == "more times than I/Os" else made
        bins = {str(NAME): timed} if timed else {}
        if self.how == "foreign bins":
            bins = {"1000": timed}
        counted: dict[str, Any] = {
            "io_bytes": made * 4096,
            "runtime": runtime,
            "lat_ns": {"N": timed, "bins": bins},
        }
        none: dict[str, Any] = {"io_bytes": 0, "runtime": 0, "lat_ns": {"N": 0}}
        read, write = (none, counted) if self.how == "writes" else (counted, none)
        job = {"jobname": "kb", "read": read, "write": write, "sync": {"lat_ns": {"N": 0}}, "total_err": 0}
        if self.how == "no numbers":
            job["read"] = json.loads(json.dumps(read).replace(str(made * 4096), "NaN"))
        jobs = [job, job] if self.how == "two jobs" else [job]
        return {"jobs": [] if self.how == "no job" else jobs}

    def tell(self) -> None:
        """Print it."""
        text = json.dumps(self.document(), indent=2)
        if self.how == "half of it":
            text = text[: len(text) // 2]
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def log(self, folder: Path) -> None:
        """Write the log of all I/Os."""
        if self.how == "no log":
            return
        lines = [f"{round(n * 1000 / RATE) + 1}, 1000000, 0, 4096, 0" for n in range(self.done())]
        if self.how == "a log of more I/Os":
            lines *= 2
        if self.how == "garbage in its log":
            lines[10:11] = ["garbage"]
        (folder / "fio_lat.1.log").write_text("".join(f"{line}\n" for line in lines))


def main(how: str, arguments: list[str]) -> None:
    """Be fio."""
    if how == "nothing":
        return
    option = next(word for word in arguments if word.startswith("--write_lat_log="))
    folder = Path(option.partition("=")[2]).parent
    job = Job(how)
    over = []
    signal.signal(signal.SIGUSR1, lambda *_: job.tell())
    signal.signal(signal.SIGINT, lambda *_: over.append(True))
    if how == "ends early":
        signal.signal(signal.SIGALRM, lambda *_: over.append(True))
        signal.alarm(2)
    if how == "chatters":
        while not over:
            sys.stderr.write("x" * 65536)
    while not over or how == "never ends":
        time.sleep(0.01)
    job.tell()
    job.log(folder)


if __name__ == "__main__":
    if len(sys.argv) == 3:  # the program's path, and how it is wrong
        path = Path(sys.argv[1])
        path.write_text(
            f"#!/bin/sh\nexec {sys.executable} {os.path.realpath(__file__)} '{sys.argv[2]}' -- \"$@\"\n"
        )
        path.chmod(0o700)
    else:
        main(sys.argv[1], sys.argv[3:])
