"""The README's two commands on bare machines: `python3 -m tests.fresh [--release NAME] [--target NAME]`.

Each Debian release gets a root of its own with nothing but git, make and python3 in it, and a clone of what
is committed here. Packages come from where this machine's apt and pip get theirs, read when it runs; the
roots go when it ends. It takes root, mmdebstrap, and some minutes a root. The last lines say what passed.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
RELEASES = ("bookworm", "trixie")
TARGETS = ("demo", "test")
BARE = ("git", "make", "python3", "ca-certificates")
"""All that a root has beyond Debian's essential packages; the last lets clients trust their servers."""

CLONE = "/root/kb_tests"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

_ENTER = """
set -eu
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/lock run/old
for folder in $2; do
    mkdir -p ".$folder"
    mount --bind -o ro "$folder" ".$folder"
done
pivot_root . run/old
umount -l run/old
rmdir run/old
cd "$3"
shift 3
exec "$@"
"""
"""Run in a mount namespace of its own, which takes all these mounts with it when its last process ends.

It changes the root and not only the directory: who is in a chroot may make no user namespaces.
"""

_TRANSPORT = re.compile(r"Acquire::(https?::|Check-|Retries)")
"""How apt reaches its sources and what it asks of them; the rest is the machine's own taste."""


class FreshError(Exception):
    """A root that cannot be made."""


@dataclass(frozen=True)
class Result:
    """One step in one root."""

    release: str
    step: str
    passed: bool
    seconds: float


@dataclass(frozen=True)
class PipSettings:
    """What this machine's pip was told: lines of a pip.conf, and the files and folders that these name."""

    conf: str
    files: tuple[Path, ...]
    folders: tuple[Path, ...]


def main(arguments: Sequence[str]) -> int:
    """Build the roots and try the commands; 0 when all passed."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.fresh", description=__doc__)
    parser.add_argument("--release", action="append", choices=RELEASES, help="default: each of them")
    parser.add_argument("--target", action="append", choices=TARGETS, help="default: each of them")
    parser.add_argument("--keep", action="store_true", help="leave the roots where they are")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
        parser.error("It takes root, and mmdebstrap: apt-get install --no-install-recommends mmdebstrap")
    try:
        return _report(options.release or RELEASES, options.target or TARGETS, keep=options.keep)
    except FreshError as error:
        parser.error(str(error))


def _report(releases: Sequence[str], targets: Sequence[str], *, keep: bool) -> int:
    results = []
    for release in releases:
        for result in _tried(release, targets, keep=keep):
            _say(_line(result))
            results.append(result)
    _say(f"summary of {_commit()}")
    for result in results:
        _say(_line(result))
    return 0 if all(result.passed for result in results) else 1


def _say(text: str) -> None:
    print(f"fresh: {text}", flush=True)


def _commit() -> str:
    """What is tried: the roots get no change that was not committed."""
    described = [
        "git",
        "-C",
        str(CHECKOUT),
        "describe",
        "--always",
        "--dirty=, without the changes in the tree",
    ]
    return subprocess.run(described, capture_output=True, text=True, check=True).stdout.strip()


def _line(result: Result) -> str:
    outcome = "passed" if result.passed else "FAILED"
    return f"{result.release:<9} {result.step:<10} {outcome} {result.seconds:6.0f} s"


def _tried(release: str, targets: Sequence[str], *, keep: bool) -> Iterator[Result]:
    """Build a root and run the targets in it, one after the other, each whatever the one before came to."""
    with _folder(release, keep=keep) as root:
        began = time.monotonic()
        settings = pip_settings()
        built = _built(root, release, settings)
        yield Result(release, "root", built, time.monotonic() - began)
        for target in targets if built else ():
            began = time.monotonic()
            passed = _run_in(root, settings, CLONE, "make", target) == 0
            yield Result(release, f"make {target}", passed, time.monotonic() - began)


@contextlib.contextmanager
def _folder(release: str, *, keep: bool) -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix=f"kb-fresh-{release}-", dir="/var/tmp"))
    try:
        yield root
    finally:
        _end_processes()
        if keep:
            _say(f"kept {root}")
        else:
            subprocess.run(["rm", "-rf", "--one-file-system", root], check=True)


def _built(root: Path, release: str, settings: PipSettings) -> bool:
    """The bare root, with the clone in it."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    told = subprocess.run(
        ["apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', "Acquire"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(BARE)}"]
    command += [f"--aptopt={line}" for line in told.splitlines() if _TRANSPORT.match(line)]
    made = subprocess.run(
        [*command, release, root, "-"], input=sources(listed, release), text=True, check=False
    )
    if made.returncode:
        return False
    for file in settings.files:
        inside = root / str(file).lstrip("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, inside)
    (root / "etc/pip.conf").touch(0o600)
    (root / "etc/pip.conf").write_text(settings.conf)
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    shutil.copyfile("/etc/hosts", root / "etc/hosts")
    bare = root / "srv/kb_tests.git"
    subprocess.run(["git", "clone", "-q", "--bare", "--no-hardlinks", CHECKOUT, bare], check=True)
    return _run_in(root, settings, "/root", "git", "clone", "-q", "/srv/kb_tests.git", CLONE) == 0


def sources(listed: str, release: str) -> str:
    """Lines for a sources.list of `release`, from the lines "LABEL URI" of this machine's own.

    Raises `FreshError` when none of those is Debian's.
    """
    places: dict[str, str] = {}
    for line in listed.splitlines():
        label, _, place = line.rpartition(" ")
        places.setdefault(label, place)
    if "Debian" not in places:
        raise FreshError(
            "None of this machine's apt sources is Debian's: there is nowhere to get a root from."
        )
    suites = [
        ("Debian", release),
        ("Debian", f"{release}-updates"),
        ("Debian-Security", f"{release}-security"),
    ]
    return "".join(f"deb {places[label]} {suite} main\n" for label, suite in suites if label in places)


def pip_settings() -> PipSettings:
    """What this machine's pip was told by its files and by the environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    return settings_of(listed)


def settings_of(listed: str) -> PipSettings:
    """As `pip config list` prints them; what stands in the environment outdoes what stands in files."""
    found: dict[str, str] = {}
    for scope in ("global", "user", "site", ":env:"):
        for name, value in re.findall(rf"^{scope}\.([a-z-]+)='(.*)'$", listed, re.MULTILINE):
            found[name] = value.replace("\\n", " ")
    words = " ".join(found.values()).split()
    paths = [Path(word.removeprefix("file://")) for word in words if word.startswith(("/", "file:///"))]
    return PipSettings(
        conf="[global]\n" + "".join(f"{name} = {value}\n" for name, value in found.items()),
        files=tuple(path for path in paths if path.is_file()),
        folders=tuple(sorted({_whole(path) for path in paths if path.is_dir()})),
    )


def _whole(folder: Path) -> Path:
    """An index page may link to files beside its folder."""
    return folder.parent if folder.name == "simple" else folder


def _run_in(root: Path, settings: PipSettings, folder: str, *command: str) -> int:
    """Run a command in the root, and end whatever it leaves."""
    bound = " ".join(map(str, settings.folders))
    inside: Mapping[str, str] = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "TERM": os.environ.get("TERM", "dumb"),
        **{name: os.environ[name] for name in PROXIES if name in os.environ},
    }
    entering = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", _ENTER, "sh"]
    done = subprocess.run(
        [*entering, root, bound, folder, *command], env=inside, stdin=subprocess.DEVNULL, check=False
    )
    _end_processes()
    return done.returncode


def _end_processes() -> None:
    """Whatever has no parent any more is this process' child, so that all that a root left is below it."""
    while pids := _children(os.getpid()):
        for pid in pids:
            for below in [*_below(pid), pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(below, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _below(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield from _below(child)
        yield child


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


if __name__ == "__main__":
    # PR_SET_CHILD_SUBREAPER: daemons that a root starts come back here.
    ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)
    sys.exit(main(sys.argv[1:]))
