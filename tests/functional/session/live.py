"""A session under way: its record tells how far it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kb_tests.report.record import load
from tests.functional.session.suite import Ended, Suite
from tests.waiting import PATIENCE, SESSION, eventually

ROOT = Path(__file__).parents[3]


class Live:
    """A session of `scenario`, started now; an impatient one waits a tenth as long for what does not come."""

    def __init__(
        self, suite: Suite, scenario: str, *, impatient: bool = False, more: Sequence[str] = ()
    ) -> None:
        self.suite = suite
        self.cloud = suite.running.pid
        self._log = suite.folder / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                suite.command(
                    "--kb-cloud",
                    suite.running.cloud,
                    f"--kb-scenario={scenario}",
                    *(("-p", "tests.campaign.impatient") if impatient else ()),
                    *more,
                ),
                cwd=suite.folder,
                env=suite.environment() | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text()

    def wait_for_text(self, text: str, seconds: float = PATIENCE) -> None:
        """Until it has printed `text`."""
        self._wait(lambda: text in self.output, seconds)

    def wait_for_point(self, number: int, seconds: float = PATIENCE) -> None:
        """Until the points before `number` (0, 1, ...) have ended, so that it is about to run."""
        self._wait(lambda: all(point["status"] != "not_run" for point in self._points(number)), seconds)

    def record(self) -> Any:
        """What its record says so far."""
        (path,) = (self.suite.folder / "reports").glob("*.json")
        return json.loads(load(path).model_dump_json())

    def end(self, seconds: float = SESSION) -> Ended:
        """Its end."""
        code = self._process.wait(seconds)
        return Ended(code, self.output, self.suite.take_records())

    def kill(self) -> None:
        """Leave nothing running when a test fails."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _points(self, number: int) -> list[Any]:
        for path in (self.suite.folder / "reports").glob("*.json"):
            return [{"status": str(point.status)} for point in load(path).points[:number]]
        return [{"status": "not_run"}]

    def _wait(self, condition: Callable[[], bool], seconds: float) -> None:
        def came() -> bool:
            has_ended = self._process.poll() is not None
            if condition():
                return True
            assert not has_ended, self.output
            return False

        eventually(came, seconds, lambda: self.output)
