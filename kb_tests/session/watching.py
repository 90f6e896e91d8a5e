"""Telling others what happens in this process while it happens: see `events/`.

Nobody needs it: where its folder cannot be made or written, the session runs as it would without.
"""

from __future__ import annotations

import contextlib
import os
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from kb_tests.events import sessions
from kb_tests.events.bus import Bus
from kb_tests.events.model import SessionEnded, SessionStarted, Stopping
from kb_tests.events.reader import Follower
from kb_tests.events.writer import FileWriter
from kb_tests.session.keys import EVENTS
from kb_tests.session.live import LiveLine
from kb_tests.session.progress import Progress
from kb_tests.session.selection import Selection

SID = "KB_SESSION"
"""The environment variable with the session's id, where somebody chose it to follow the session."""

_POLL = 0.25


class Watching:
    """A plugin that has the events of this process written to its file, from the first to the last.

    In xdist's controller it also follows the workers' files, and shows on the terminal how far they are.
    """

    def __init__(self, config: pytest.Config, bus: Bus, selection: Selection) -> None:
        self._bus = bus
        worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._worker = worker is not None
        self._opened: sessions.Opened | None = None
        self._writer: FileWriter | None = None
        self._ended = threading.Event()
        self._follower: threading.Thread | None = None
        clouds = selection.places
        scenarios = tuple(target.scenario.name for target in selection.targets)
        folder: Path | None = None
        if config.option.collectonly:
            pass
        elif worker is None:
            about = {
                "version": metadata.version("kb-tests"),
                "clouds": clouds,
                "testing_cloud": selection.testing_cloud,
                "scenarios": scenarios,
                "folder": os.getcwd(),  # noqa: PTH109 (as a string, and before anybody changes it)
                "reports": str(Path(config.getoption("kb_reports")).absolute()),
                "started_by": "ui" if SID in os.environ else "shell",
            }
            arguments = sessions.without_secrets(["pytest", *config.invocation_params.args])
            self._opened = sessions.open_session([*arguments], about=about, sid=os.environ.get(SID, ""))
            folder = self._opened.folder if self._opened else None
        elif worker.get("kb_session"):
            folder = sessions.root() / str(worker["kb_session"])
        config.stash[EVENTS] = folder
        if folder is not None:
            name = worker["workerid"] if worker else sessions.MAIN
            self._writer = FileWriter(folder / f"{name}.ndjson")
            bus.add(self._writer)
        bus.put(
            SessionStarted(
                process=worker["workerid"] if worker else sessions.MAIN,
                pid=os.getpid(),
                version=metadata.version("kb-tests"),
                clouds=clouds,
                scenarios=scenarios,
            )
        )

    @property
    def sid(self) -> str:
        """The session's id; "" where it cannot be followed."""
        return self._opened.sid if self._opened else ""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Show the seconds of loads of this process: its terminal is there from now on."""
        if not self._worker:
            self._bus.add(LiveLine(Progress(session.config)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where the session's files are, and follow what it writes."""
        node.workerinput["kb_session"] = self.sid
        if self._follower is None and self._opened is not None:
            self._follower = threading.Thread(
                target=self._follow, args=(node.config, self._opened.folder), name="kb-follow", daemon=True
            )
            self._follower.start()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """The session was told to stop."""
        self._bus.put(Stopping(text=str(excinfo.value)[:200]))

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """The last words."""
        self._ended.set()
        if self._follower is not None:
            self._follower.join(2.0)
        session = config.pluginmanager.get_plugin("session")
        status = getattr(session, "exitstatus", None)
        self._bus.put(SessionEnded(exit_code=None if self._worker or status is None else int(status)))
        if self._writer is not None:
            self._writer.close()
        if self._opened is not None:
            self._opened.close()

    def _follow(self, config: pytest.Config, folder: Path) -> None:
        line = LiveLine(Progress(config, captured=False), phases=True)
        follower = Follower(sessions.Session(folder))
        while not self._ended.wait(_POLL):
            for read in follower.poll():
                if read.process != sessions.MAIN:
                    with contextlib.suppress(Exception):
                        line.handle(read.line.event)
