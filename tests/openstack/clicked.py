"""A cloud by clicks in a browser: `python -m tests.openstack.clicked`, on the OpenStack of this folder.

A topology is staged and kept, loaded, stopped in the middle of a point, and removed, by what stands on the
pages. Then openstacksdk lists every kind of resource, and nothing of it may be there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from kb_tests.cloud.connect import connect
from tests.browser.newcomer import Newcomer
from tests.browser.ui import Ui, browser
from tests.openstack import bootstrap
from tests.openstack.left import everything, left
from tests.openstack.settings import CLOUD, DEFAULT_STATE, Settings, Virt, made_for

SCENARIO = "http"

_LONG = 900.0
"""Seconds for servers to boot on emulated CPUs, or to go."""


def drive(ui: Ui, cloud: str) -> None:
    """All of it; AssertionError at the first thing that is not as it should be."""
    with browser() as page:
        page.look(1440, dark=False)
        page.go(ui.address)
        somebody = Newcomer(page)

        def say(text: str, name: str) -> None:
            somebody.sees(f"clicked-{name}")
            print(f"clicked: {time.monotonic() - somebody.began:4.0f} s  {text}", flush=True)

        somebody.press("New run")
        somebody.tick(cloud)
        somebody.tick(SCENARIO)
        somebody.press("Stage only")
        somebody.waits("Server hours, if it stays a day")
        somebody.press("Stage and keep")
        somebody.waits(f"stays on {cloud}", _LONG)
        say("staged, and kept", "1-kept")
        somebody.press("Load it")
        somebody.waits("what you see is what runs")
        somebody.press("Load what is kept")
        somebody.waits("look 1 of", _LONG)
        say("its load runs", "2-live")
        somebody.press("Stop")
        somebody.press("Stop and remove")
        somebody.waits("The run was interrupted.", _LONG)
        say("stopped", "3-stopped")
        page.go(f"{ui.base}/clouds/{cloud}")
        somebody.press("Remove")
        somebody.waits("and nothing else")
        say("what would go is shown", "4-dry")
        somebody.press("Remove these")
        somebody.waits("Nothing of ours is here", _LONG)
        say(f"removed, after {len(somebody.clicks)} clicks", "5-clean")
        assert page.complaints() == [], page.complaints()


def main() -> int:
    """0 where nothing is left, 1 where something is."""
    parser = argparse.ArgumentParser(prog="python -m tests.openstack.clicked", description=__doc__)
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, metavar="DIR", help="of that OpenStack")
    options = parser.parse_args()
    bootstrap.quietly()
    own = Settings(options.state.absolute(), made_for(options.state) or Virt.LXC)
    proxy = f"ip netns exec {own.netns} nc %h %p"
    here = ("--scenarios", str(Path(__file__).parent), "--ssh-proxy-command", proxy)
    folder = Path(tempfile.mkdtemp(prefix="kb-clicked-"))
    with closing(connect(CLOUD, own.clouds_yaml)) as there:
        before = everything(there)
        ui = Ui(folder, *here, env={"OS_CLIENT_CONFIG_FILE": str(own.clouds_yaml)})
        try:
            drive(ui, CLOUD)
        finally:
            ui.end()
        things = left(before, everything(there), set(), alone=True)
    print(f"clicked: left on {CLOUD}: {', '.join(things) or 'nothing'}")
    return int(bool(things))


if __name__ == "__main__":
    sys.exit(main())
