"""The acceptance by `kb ui`, with the requests that its pages make: `python -m tests.openstack.driven`.

The cloud is examined, a topology staged, loaded twice (to its verdict, and stopped in the middle) and ended;
then a run of its own is stopped in the middle. In the end every kind of resource is listed, and nothing of it
may be there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kb_tests.cloud.connect import connect
from kb_tests.errors import CloudError
from tests.functional.web.rest import Api
from tests.openstack import bootstrap
from tests.openstack.left import everything, left
from tests.openstack.settings import CLOUD, DEFAULT_STATE, Settings, Virt, made_for

SCENARIOS = Path(__file__).parent
INTERRUPTED = 2
NOTHING_MEASURED = 5
NOW = {"level": "now"}


class Driven:
    """One cloud (or two, with `testing`), driven by one `kb ui`; "" is the embedded one. `options` are those
    of staging, as the pages' form has them.
    """

    def __init__(
        self, ui: Api, cloud: str, scenario: str, options: dict[str, Any] | None = None, testing: str = ""
    ) -> None:
        self.ui, self.cloud, self.scenario = ui, cloud, scenario
        self.asked = {"cloud": cloud, "scenarios": [scenario], "options": options or {}}
        self.asked |= {"testing_cloud": testing} if testing else {}
        self.runs: set[str] = set()
        self._began = time.monotonic()

    def drive(self) -> None:
        """All of it; AssertionError at the first thing that is not as it should be."""
        if self.cloud:
            self.examine()
        run = self.stage()
        try:
            self.load(run)
            self.stop(reuse=run)
            assert run in self.kept(), "a run that is stopped leaves the kept topology alone"
        finally:
            self.end(run)
        self.stop()
        if self.cloud:
            self.nothing_is_left()

    def examine(self) -> None:
        """`kb doctor`, and what there is to choose from."""
        found = self.ui.expect(200, "POST", f"/clouds/{self.cloud}/examinations", {"scenario": self.scenario})
        faults = [one for one in found["findings"] if one["state"] == "FAULT"]
        assert found["fit"], faults
        has = self.ui.get(f"/clouds/{self.cloud}")["has"]
        self.say(
            f"doctor: fit, {len(found['findings'])} findings; {len(has['images'])} images to choose from"
        )

    def stage(self) -> str:
        """Stage, and load nothing; asked twice, begun once. The topology's run."""
        before = self.kept()
        asked = self.asked | {"mode": "stage"}
        sid, again = (self.ui.start(asked, f"stage-{self._began}") for _ in range(2))
        assert sid == again, "one key, one session"
        self._over(sid, NOTHING_MEASURED)
        (run,) = self.kept() - before
        self.runs.add(run)
        self.say(f"staged only: run {run} is kept")
        return run

    def load(self, run: str) -> None:
        """To its verdict, on what was staged."""
        row = self._over(self.ui.start(self.asked | {"reuse": run}), 0)
        marks = row["marks"]
        assert marks, row
        assert set(marks) == {"p"}, row
        (record,) = row["runs"].values()
        assert self.ui.get(f"/runs/{record}")["scenarios"], "its record is there"
        self.say(f"loaded what was staged: {len(marks)} points passed")

    def stop(self, reuse: str = "") -> None:
        """In the middle of a point."""
        sid = self.ui.start(self.asked | ({"reuse": reuse} if reuse else {}))
        self.ui.until(sid, "second")
        self.ui.expect(202, "POST", f"/sessions/{sid}/stop", NOW)
        row = self._over(sid, INTERRUPTED)
        assert row["leaks"] == [], row["leaks"]
        self.say(f"stopped in a point{' on what was staged' if reuse else ''}: exit code {row['exit_code']}")

    def end(self, run: str) -> None:
        """End what was kept."""
        cleanup = self.ui.cleaned(self.ui.expect(202, "DELETE", f"/kept/{run}"))
        assert cleanup["state"] == "done", cleanup
        assert run not in self.kept()
        self.say(f"ended run {run}: {len(cleanup['resources'])} resources removed")

    def nothing_is_left(self) -> None:
        """As the cloud's page says."""
        mine = [one["name"] for one in self.ui.get(f"/clouds/{self.cloud}")["has"]["runs"]]
        assert not self.runs & {*mine}, mine

    def kept(self) -> set[str]:
        """Runs of topologies that are kept."""
        return {one["run"] for one in self.ui.get("/kept")["kept"]}

    def say(self, text: str) -> None:
        """Tell how far it is."""
        print(f"driven: {time.monotonic() - self._began:4.0f} s  {text}", flush=True)

    def _over(self, sid: str, code: int) -> dict[str, Any]:
        row = self.ui.ended(sid)
        self.runs |= {*row["runs"].values()}
        assert row["exit_code"] == code, (row["sentence"], row["exit_meaning"], self.ui.log(sid))
        return row


def drive(
    cloud: str,
    clouds_yaml: Path | None,
    scenario: str,
    options: Sequence[str],
    *,
    alone: bool,
    staging: dict[str, Any] | None = None,
) -> None:
    """Drive it, and look by openstacksdk for what is left; AssertionError."""
    env = {"OS_CLIENT_CONFIG_FILE": str(clouds_yaml.absolute())} if clouds_yaml else {}
    with _folder() as folder, closing(connect(cloud, clouds_yaml)) as there:
        before = everything(there)
        with Api(folder, *options, env=env) as ui:
            driven = Driven(ui, cloud, scenario, staging)
            driven.drive()
        things = left(before, everything(there), driven.runs, alone=alone)
        assert not things, f"left on {cloud}: {', '.join(things)}"
        driven.say(f"nothing of {', '.join(sorted(driven.runs))} is left on {cloud}")


@contextmanager
def _folder() -> Iterator[Path]:
    """State and records, which stay where something went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="kb-driven-"))
    try:
        yield folder
    except BaseException:
        print(f"driven: its state and records are in {folder}", file=sys.stderr)
        raise


def main(argv: Sequence[str] | None = None) -> int:
    """0 where all of it went as it should."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.openstack.driven",
        description="Drives a cloud by kb ui, as a browser does. Other options go to kb ui.",
    )
    parser.add_argument(
        "--cloud",
        default=os.environ.get("KB_CLOUD", ""),
        help="of clouds.yaml; default: KB_CLOUD, else the OpenStack of this folder, which has to be up",
    )
    parser.add_argument("--scenario", default="http", metavar="NAME", help="of this folder (default: http)")
    parser.add_argument("--image", default="", help="of its servers")
    parser.add_argument("--build-timeout", type=int, metavar="SECONDS", help="that they may take to be ready")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, metavar="DIR", help="of that OpenStack")
    options, rest = parser.parse_known_args(argv)
    bootstrap.quietly()
    staging = {name: value for name in ("image", "build_timeout") if (value := getattr(options, name))}
    rest = ["--scenarios", str(SCENARIOS), *rest]
    try:
        if options.cloud:
            drive(options.cloud, None, options.scenario, rest, alone=False, staging=staging)
        else:
            own = Settings(options.state.absolute(), made_for(options.state) or Virt.LXC)
            rest += ["--ssh-proxy-command", f"ip netns exec {own.netns} nc %h %p"]
            drive(CLOUD, own.clouds_yaml, options.scenario, rest, alone=True, staging=staging)
    except (CloudError, AssertionError) as error:
        print(f"driven: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
