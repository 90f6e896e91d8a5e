"""What of a cloud outlives all its processes is removed by a shell that waits for the end of the driver's.

The shell stands outside of the cloud and is told beforehand what there will be: whichever processes are
killed, the end of its standard input starts it.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

# A group cannot be removed before the processes in it have ended, which they do now.
_SCRIPT = r"""
trap '' HUP INT TERM
told=
while read -r line; do
    told="$told$line
"
done
printf %s "$told" | while read -r what now before path; do
    case $what in
    value) test "$(cat "$path")" = "$now" && echo "$before" >"$path" ;;
    folder) rm -rf -- "$path" ;;
    group)
        tries=0
        while test -d "$path" -a $tries -lt 200; do
            rmdir "$path"/*/ "$path" || sleep 0.02
            tries=$((tries + 1))
        done ;;
    esac
done
"""
_STOP_TIMEOUT = 10.0


class Watcher:
    """The shell. What it was told of is removed in that order, at `stop` at the latest."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, groups: Sequence[str], folder: Path) -> None:
        """Have these control groups with those in them, and `folder` with all in it, removed at the end."""
        self._process = subprocess.Popen(
            ["sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )
        for group in groups:
            self._tell("group", group)
        self._tell("folder", folder)

    def put_back(self, file: Path, now: str, before: str) -> None:
        """Have `before` written to `file` at the end, if `now` is still what is in it."""
        self._tell("value", file, now, before)

    async def stop(self) -> None:
        """Have it all done, and wait for that."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await asyncio.to_thread(process.wait, _STOP_TIMEOUT)

    def _tell(self, what: str, path: Path | str, now: str = "-", before: str = "-") -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(f"{what} {now} {before} {path}\n".encode())
