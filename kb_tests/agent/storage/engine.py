"""What the agent drives: the preparation of a target, and one fio job on it."""

from __future__ import annotations

import shutil
import tempfile
import time
from typing import Any, Dict, List, Optional, Tuple

from ..worker_channel import Channel
from . import fill, run, target, verify
from .child import Child
from .options import AbsentError, Job, StorageError, Target
from .wait import Waiter

__all__ = ["Preparation", "StorageError", "StorageLoad"]

HOTPLUG = 60.0
"""Seconds that a volume may take to appear in the server."""

Event = Tuple[str, Dict[str, Any]]


class Preparation:
    """Finds the target, formats and mounts it where it has to be, and fills it: this may take minutes.

    `wire` is the target of `protocol`; a volume may take `hotplug` seconds to appear. Raises StorageError if
    the target makes no sense.
    """

    def __init__(self, wire: Dict[str, Any], hotplug: float = HOTPLUG) -> None:
        self._target = Target.of(wire)
        self._hotplug = hotplug
        self._child: Optional[Child] = None

    def start(self) -> None:
        """Begin; it goes on by itself."""
        wanted, hotplug = self._target, self._hotplug

        def work(channel: Channel) -> None:
            wait = Waiter(channel)

            def tell(written: int, seconds: float) -> None:
                channel.put({"filling": {"bytes": written, "seconds": seconds}})

            channel.put({"done": fill.fill(_found(wanted, wait, hotplug), wanted, wait, tell)._asdict()})

        self._child = Child(work)

    def fileno(self) -> int:
        """Readable when `events` has something."""
        return self._child.fileno() if self._child else -1

    def events(self) -> List[Event]:
        """("filling", {bytes, seconds}) while it goes on, at last ("disk", {path, bytes, seconds}) or
        ("failed", {"error": sentence}).
        """
        if self._child is None:
            return []
        events: List[Event] = []
        for message in self._child.messages():
            if "filling" in message:
                events.append(("filling", message["filling"]))
                continue
            if "failed" in message:
                events.append(("failed", {"error": message["failed"]}))
            else:
                done = message["done"]
                if done["raw"] and done["bytes"]:
                    fill.FILLED[done["raw"]] = max(done["bytes"], fill.FILLED.get(done["raw"], 0))
                events.append(("disk", {key: done[key] for key in ("path", "bytes", "seconds")}))
            self.abort()
        return events

    def abort(self) -> None:
        """End it at once; may be called at any time, and again."""
        child, self._child = self._child, None
        if child is not None:
            child.end()


def _found(wanted: Target, wait: Waiter, hotplug: float) -> target.Place:
    """A volume may be attached, as the cloud has it, before the kernel or udev is done with it."""
    deadline = time.monotonic() + hotplug
    while True:
        try:
            return target.find(wanted)
        except AbsentError:
            if time.monotonic() > deadline:
                raise
        wait.until(time.monotonic() + 0.5)


class StorageLoad:
    """One fio job on a target that was prepared before.

    `target` and `options` are the dicts of `protocol`. Raises StorageError if they make no sense.
    """

    def __init__(self, target: Dict[str, Any], options: Dict[str, Any]) -> None:
        self._target = Target.of(target)
        self._job = Job.of(options)
        self._child: Optional[Child] = None
        self._folder = ""

    def prepare(self, deadline: float) -> None:
        """Check that everything is there, and the target filled; until `deadline` of CLOCK_MONOTONIC.

        Raises StorageError, one sentence, if not.
        """
        self._folder = folder = tempfile.mkdtemp(prefix="kb-fio-")
        wanted, job = self._target, self._job
        header_at = verify.place(job.block_size)

        def work(channel: Channel) -> None:
            place = target.find(wanted)
            reason = fill.missing(place, wanted.size)
            if reason:
                raise StorageError(f"{place.path} is not filled: {reason}.")
            wait = Waiter(channel)
            fio = run.Run(job, place.path, wanted.size, folder, channel, wait, header_at)
            channel.put({"ready": 1})
            fio.run(wait.message()["start"])

        self._child = Child(work)
        message = self._child.wait(deadline)
        if message is None or "ready" not in message:
            self.abort()
            raise StorageError(
                message["failed"] if message else "The storage load did not get ready in time."
            )

    def start(self, at: float) -> None:
        """Begin the ramp at this second of CLOCK_MONOTONIC; the measured window follows it."""
        if self._child is not None:
            self._child.put({"start": at})

    def fileno(self) -> int:
        """Readable when `events` has something."""
        return self._child.fileno() if self._child else -1

    def events(self) -> List[Event]:
        """What has happened since: ("io_second", body), ("io_block", body), ("io_verifying", body), at last
        ("io_done", body) or ("failed", {"error": sentence}). Does not wait.
        """
        if self._child is None:
            return []
        events: List[Event] = []
        for message in self._child.messages():
            ((kind, body),) = message.items()
            events.append((kind, {"error": body}) if kind == "failed" else ("io_" + kind, body))
            if kind in ("done", "failed"):
                self.abort()
        return events

    def abort(self) -> None:
        """End fio at once; may be called at any time, and again."""
        child, self._child = self._child, None
        if child is not None:
            child.end()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""
