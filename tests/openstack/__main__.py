"""`python -m tests.openstack up|status|down`: see README.md."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.openstack import bootstrap, cloud
from tests.openstack.settings import CLOUD, DEFAULT_STATE, OpenStackError, Settings, Virt, made_for


def main() -> int:
    """Exit code 0, or 1: down, or see the message."""
    parser = argparse.ArgumentParser(prog="python -m tests.openstack", description="A real OpenStack here.")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, metavar="DIR", help="where it is kept")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    up = commands.add_parser("up", help="bring it up; what runs already is left alone")
    up.add_argument(
        "--virt", type=Virt, choices=tuple(Virt), help="servers: containers (lxc, default) or qemu"
    )
    commands.add_parser("status", help="say which daemons run")
    down = commands.add_parser("down", help="end it; `up` continues it")
    down.add_argument("--purge", action="store_true", help="delete it, too")
    options = parser.parse_args()
    virt = getattr(options, "virt", None) or made_for(options.state) or Virt.LXC
    settings = Settings(options.state.absolute(), virt)
    try:
        return _run(options, settings)
    except OpenStackError as error:
        print(f"openstack: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, settings: Settings) -> int:
    begin = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begin:5.0f} s] {text}", flush=True)

    if options.command == "up":
        bootstrap.quietly()
        cloud.up(settings, say)
        print(f"export OS_CLIENT_CONFIG_FILE={settings.clouds_yaml} OS_CLOUD={CLOUD}")
    elif options.command == "down":
        cloud.down(settings, purge=options.purge)
    else:
        daemons = cloud.status(settings)
        print("\n".join(f"{name:20} {'up' if up else 'ENDED'}" for name, up in daemons.items()) or "down")
        return int(not all(daemons.values()) or not daemons)
    return 0


if __name__ == "__main__":
    sys.exit(main())
