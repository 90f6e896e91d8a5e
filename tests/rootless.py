"""Run the tests as an ordinary user: `python -m tests.rootless [PYTEST ARGUMENT...]`.

These are all that `make test` runs but those marked `root_only`, which stand in the last lines; with
arguments, those that pytest chooses by them. An ordinary user runs them as they are. Root becomes one: the
user `kb-rootless`, who exists in a mount namespace of these tests alone, with subordinate ids for the real
newuidmap. Nothing of the machine's /etc is changed.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from kb_tests.localcloud.netns import linux

CHECKOUT = Path(__file__).resolve().parents[1]

NAME = "kb-rootless"
ID = 64_999
"""User and group: above those that systems give to people, below 65534 (nobody)."""
FIRST_SUBORDINATE = 1_000_000_000
SUBORDINATES = 65_536


def main(arguments: list[str]) -> int:
    """Run the tests; the exit code of pytest, or of make."""
    os.chdir(CHECKOUT)
    command = ["make", "pytest", f"PYTEST={sys.prefix}/bin/pytest -p no:cacheprovider"]
    if arguments:
        chosen = ["-m", "not root_only", *arguments]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *chosen]
    if os.geteuid() != 0:
        os.execvp(command[0], command)
    with tempfile.TemporaryDirectory(prefix="kb-rootless-") as folder:
        os.chown(folder, ID, ID)
        Path(folder).chmod(0o711)
        child = os.fork()
        if child == 0:
            try:
                _become_user(Path(folder))
                os.execvpe(command[0], command, _environment(folder))
            except BaseException as error:  # nothing may return into the parent's code
                sys.stderr.write(f"The ordinary user {NAME} cannot run the tests: {error}\n")
            finally:
                os._exit(3)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _environment(folder: str) -> dict[str, str]:
    own = {"HOME": folder, "TMPDIR": folder, "USER": NAME, "LOGNAME": NAME, "LANG": "C.UTF-8"}
    # git takes a checkout of another user's for a trap
    own |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": str(CHECKOUT),
    }
    nothing_here = {"PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": f"{folder}/hypothesis"}
    return own | nothing_here | {"PATH": os.environ["PATH"]}


def _become_user(folder: Path) -> None:
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    for path, line in (
        ("/etc/passwd", f"{NAME}:x:{ID}:{ID}::{folder}:/bin/sh"),
        ("/etc/group", f"{NAME}:x:{ID}:"),
        ("/etc/subuid", f"{NAME}:{FIRST_SUBORDINATE}:{SUBORDINATES}"),
        ("/etc/subgid", f"{NAME}:{FIRST_SUBORDINATE}:{SUBORDINATES}"),
    ):
        _add_line(Path(path), line, folder)
    _let_in(CHECKOUT, Path(sys.prefix), Path(sys.base_prefix), folder)
    os.chdir(CHECKOUT)
    os.setgroups([])
    os.setgid(ID)
    os.setuid(ID)
    os.umask(0o022)
    Path("kb_tests/__init__.py").read_bytes()  # says so if this checkout is its owner's alone


def _add_line(path: Path, line: str, folder: Path) -> None:
    """Let `path` end with one more line in this mount namespace."""
    copy = folder / f".{path.name}"
    copy.write_text(f"{path.read_text()}{line}\n")
    copy.chmod(0o644)
    linux.bind(str(copy), str(path))


def _let_in(*paths: Path) -> None:
    """Show `paths` to all even if they, or folders above them, shut others out, as /root does."""
    held = {path: os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for path in paths}
    for path, descriptor in held.items():
        for folder in (*reversed(path.parents), path):
            if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
                linux.mount("kb-rootless", str(folder), "tmpfs", 0, "mode=755,size=1m")
        source = Path(f"/proc/self/fd/{descriptor}")
        if not path.exists():
            path.mkdir(parents=True)
            linux.bind(str(source), str(path), recursive=True)
        if not path.stat().st_mode & stat.S_IXOTH:
            linux.mount("kb-rootless", str(path), "tmpfs", 0, "mode=755,size=1m")
        if not any(path.iterdir()):
            _show_entries(source, path)


def _show_entries(source: Path, target: Path) -> None:
    for entry in source.iterdir():
        place = target / entry.name
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
            continue
        place.mkdir() if entry.is_dir() else place.touch()
        linux.bind(str(entry), str(place), recursive=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
