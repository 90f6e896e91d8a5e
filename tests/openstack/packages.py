"""The system packages: bindep.txt says which, apt brings what is missing."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.openstack.settings import ROOT, OpenStackError

_POLICY = Path("/usr/sbin/policy-rc.d")


_PROFILES = frozenset({"", "localcloud", "openstack"})
"""Of bindep.txt: the cloud's own, and what the suite needs that it is made for. Those that check this project
are not among them: a machine may have some of them from elsewhere (Node), where apt would refuse them all.
"""


def wanted() -> list[str]:
    """The packages of bindep.txt that the cloud and the suite on it need."""
    lines = re.findall(
        r"^([a-z0-9.+-]+) \[platform:dpkg ?([a-z]*)\]", (ROOT / "bindep.txt").read_text(), re.MULTILINE
    )
    return [package for package, profile in lines if profile in _PROFILES]


def missing() -> list[str]:
    """Those that are not installed here."""
    command = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted()]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    present = {line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in wanted() if package not in present]


def install(packages: list[str], log: Path) -> None:
    """Install packages and what they need, starting no daemon; OpenStackError when apt cannot."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    if (release.get("ID"), release.get("VERSION_ID", "").strip('"')) != ("debian", "12"):
        raise OpenStackError("The OpenStack packages of Debian 12 are needed, and this is another system.")
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=600"]
    keep = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
    with log.open("ab") as output, _no_daemons():
        for command in (
            [*apt, "update"],
            [*apt, *keep, "install", "-y", "--no-install-recommends", *packages],
        ):
            done = subprocess.run(
                command,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
            if done.returncode:
                raise OpenStackError(f"`{' '.join(command[:6])} ...` failed: see {log}.")


@contextmanager
def _no_daemons() -> Iterator[None]:
    """Keep the packages' daemons from being started on the machine itself (invoke-rc.d(8))."""
    if _POLICY.exists():
        yield
        return
    try:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
