"""Every program that is started comes with a package of bindep.txt, or is there on every Debian.

Programs are looked for wherever they can stand: as the first word of an argument list, as what is looked up
by its name, in command position of whatever may be a shell's line. Of these words those count that this
machine knows as programs, so that none can be forgotten which is here by chance; what is started outright
counts anywhere.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"

PACKAGES = {
    "apt-config": "apt",
    "apt-get": "apt",
    "awk": "mawk",
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "cinder-manage": "cinder-api",
    "cinder-wsgi": "cinder-api",
    "curl": "curl",
    "fio": "fio",
    "git": "git",
    "glance-api": "glance",
    "glance-manage": "glance",
    "grub-mkimage": "grub-common",
    "ip": "iproute2",
    "keystone-manage": "keystone",
    "keystone-wsgi-public": "keystone",
    "kill": "procps",
    "libvirtd": "libvirt-daemon",
    "make": "make",
    "mariadb": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "mariadbd": "mariadb-server",
    "memcached": "memcached",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "mmdebstrap": "mmdebstrap",
    "mount.nfs": "nfs-common",
    "neutron-api": "neutron-api",
    "neutron-db-manage": "neutron-api",
    "neutron-dhcp-agent": "neutron-dhcp-agent",
    "neutron-l3-agent": "neutron-l3-agent",
    "neutron-linuxbridge-agent": "neutron-linuxbridge-agent",
    "neutron-metadata-agent": "neutron-metadata-agent",
    "neutron-rpc-server": "neutron-rpc-server",
    "nft": "nftables",
    "nginx": "nginx",
    "nova-api-wsgi": "nova-api",
    "nova-compute": "nova-compute",
    "nova-conductor": "nova-conductor",
    "nova-manage": "nova-api",
    "nova-metadata-wsgi": "nova-api",
    "npm": "npm",
    "ping": "iputils-ping",
    "placement-api": "placement-api",
    "placement-manage": "placement-api",
    "ps": "procps",
    "python3": "python3",
    "qemu-img": "qemu-utils",
    "rabbitmq-server": "rabbitmq-server",
    "redis-server": "redis-server",
    "sfdisk": "fdisk",
    "socat": "socat",
    "ss": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ssh-keyscan": "openssh-client",
    "sshd": "openssh-server",
    "sysctl": "procps",
    "tc": "iproute2",
    "uwsgi_python3": "keystone",
    "virsh": "libvirt-clients",
}
"""Of each program that not every Debian has, the package that brings it."""

NOT_NEEDED = {
    "adduser": "stands in where a server's image has no useradd",
    "hwclock": "must not work in a server, so that it need not be there",
    "policy-rc.d": "written here, not brought",
    "systemctl": "called only where systemd is",
}
"""Programs whose absence is provided for, and how."""

WORDS = {
    *("arp", "as", "bridge", "compare", "file", "free", "init", "look", "opt", "passwd", "patch", "pip"),
    *("reboot", "red", "replace", "route", "size", "strings", "time", "top", "uptime", "w", "watch", "write"),
    *("arptables", "nc", "openstack"),
    *("cinder", "cinder-scheduler", "cinder-volume", "glance", "neutron", "nova", "nova-scheduler"),
}
"""Words of sentences, keys and options that are called like a program. Those in the last two lines are
settings of the kernel, commands that users give, and the names of OpenStack's services: a machine on which
tests/openstack has run has programs of these names.
"""

PYTHON = frozenset((*keyword.kwlist, *dir(builtins)))
"""Words of Python's own, which stand first in lines of code: some machine has a program called so, too."""

INDIRECT = {
    "fonts-dejavu-core": "chromium draws no text without a font",
    "uidmap": "its newuidmap is called by unshare",
    "util-linux": "every Debian has it, not every system",
}
"""Packages of which no program is called here by a name of its own, and why they are listed all the same."""

MAY_NEED = {
    "": {"localcloud"},
    "tests/": {"localcloud", "test"},
    "benchmarks/": {"localcloud", "test"},
    "tests/fresh.py": {"localcloud", "test", "openstack"},
    "tests/openstack/": {"localcloud", "test", "openstack"},
    "tests/unit/openstack/": {"localcloud", "test", "openstack"},
    "images/": {"localcloud", "openstack"},
    ".ci/": {"localcloud", "test", "browser"},
    "Makefile": {"localcloud", "test", "browser"},
    "setup.sh": {"localcloud", "test", "browser"},
    "tests/browser/": {"localcloud", "test", "browser"},
    "tools/web/": {"browser"},
}
"""The profiles of bindep.txt whose packages a file may take for granted: those of its longest prefix here."""

BARE = {"apt", "git", "make", "python3"}
"""What the README asks for, and what brings the rest."""

STARTERS = {
    "run",
    "Popen",
    "check_output",
    "check_call",
    "create_subprocess_exec",
    "execv",
    "execvp",
    "execvpe",
}
ASKERS = {"which", "find", "succeeds"}
POSITION = re.compile(
    r"(?:^|[;|&(`\n{!'\"])\s*"
    r"(?:(?:\w+=\S*|exec|then|do|else|if|while|nohup|setsid|env|sudo|command -v|sh -c ['\"]?)\s+)*"
    r"([A-Za-z0-9_./+-]+)"
)
"""Where a shell takes a word for a command."""

OF_A_SHELL = re.compile(r"\s(?:--?\w|[%$\"'/]|STDIO)|[|;&>]\s|%h")
"""What a sentence does not have, and the line of a shell nearly always: options, paths, quotes, variables."""

BY_PATH = re.compile(r"/usr/(?:\S+/)?s?bin/[\w.+-]+")


class Word(NamedTuple):
    """A word that may be a program's name, and where it stands; `started`: nothing else can be meant."""

    text: str
    where: str
    started: bool = False


def listed() -> dict[str, str]:
    """Profile of each package of bindep.txt."""
    lines = (ROOT / "bindep.txt").read_text().splitlines()
    found = (re.fullmatch(r"(\S+) \[platform:dpkg ?(\w*)\]", line) for line in lines if line[0] != "#")
    return {match[1]: match[2] for match in found if match}


def words_of(name: str, text: str) -> Iterator[Word]:
    """Every word of a file in a place where a program may be named."""
    if not name.endswith(".py"):
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        yield from (Word(word, name) for word in POSITION.findall(code))
        return
    nodes = list(ast.walk(ast.parse(text)))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and id(node) in prose:
            continue
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            string = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            if BY_PATH.fullmatch(string):
                yield Word(string, where)
            elif OF_A_SHELL.search(string):
                yield from (Word(word, where) for word in POSITION.findall(string))
        elif isinstance(node, ast.List | ast.Tuple):
            yield from (Word(word, where) for word in first_of(node.elts))
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if called in STARTERS and isinstance(first, ast.List | ast.Tuple):
                yield from (Word(word, where, started=True) for word in first_of(first.elts))
            elif called in STARTERS | ASKERS:
                yield from (Word(word, where) for word in first_of(node.args))


def first_of(elements: Sequence[ast.expr]) -> Iterator[str]:
    """The first element, if it is a word."""
    if elements and isinstance(elements[0], ast.Constant) and isinstance(elements[0].value, str):
        yield elements[0].value


@cache
def words() -> tuple[Word, ...]:
    """Those of all that is executed: Python, shell scripts, the Makefile."""
    names = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    found: list[Word] = []
    for name in filter(None, names):
        path = ROOT / name
        if not path.is_file() or path.suffix not in ("", ".py", ".sh", ".nfs") or path == Path(__file__):
            continue
        text = path.read_text()
        if path.suffix == ".py" or name == "Makefile" or text.startswith("#!"):
            found += words_of(name, text)
    return tuple(found)


@cache
def is_program(word: str) -> bool:
    """Whether this machine has it as a system program."""
    return re.fullmatch(r"[\w.+-]+", word) is not None and shutil.which(word, path=PATH) is not None


@cache
def everywhere() -> frozenset[str]:
    """Those programs of this machine, called by some file here, that every Debian has."""
    called = {named(word) for word in words()} - PACKAGES.keys() - WORDS - NOT_NEEDED.keys() - PYTHON
    paths = {
        program: os.path.realpath(shutil.which(program, path=PATH) or "")
        for program in filter(is_program, called)
    }
    either = {path for found in paths.values() for path in (found, found.removeprefix("/usr"))}
    lines = dpkg("--search", *either)
    owners = {
        path.strip(): package.split(":")[0] for package, _, path in (line.rpartition(": ") for line in lines)
    }
    required = required_packages()
    return frozenset(
        program
        for program, path in paths.items()
        if required & {owners.get(path, ""), owners.get(path.removeprefix("/usr"), "")}
    )


@cache
def required_packages() -> frozenset[str]:
    """The packages that every Debian has."""
    lines = dpkg("--show", "--showformat=${Package} ${Priority}\n")
    return frozenset(line.split()[0] for line in lines if line.endswith(" required"))


def dpkg(*arguments: str) -> list[str]:
    asked = subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True, check=False)
    return asked.stdout.splitlines()


def named(word: Word) -> str:
    """The program that is meant: system programs may be given by their path."""
    folder, _, program = word.text.rpartition("/")
    return program if folder.startswith(("/usr", "/bin", "/sbin")) else word.text


def missing(word: Word, packages: dict[str, str]) -> str:
    """What is wrong with a word; "" for nothing."""
    program = named(word)
    if program in WORDS | NOT_NEEDED.keys() | PYTHON:
        return ""
    package = PACKAGES.get(program, "")
    if package:
        allowed = MAY_NEED[max((prefix for prefix in MAY_NEED if word.where.startswith(prefix)), key=len)]
        if package in BARE or packages.get(package) in {"", *allowed} or package in required_packages():
            return ""
        profiles = " or ".join(sorted(allowed))
        return f"{program} ({word.where}) needs {package}, which bindep.txt does not list for {profiles}"
    if is_program(program) and program not in everywhere():
        return (
            f"{program} ({word.where}): which package has it? If it is no program here, it belongs to WORDS"
        )
    if word.started and not is_program(program) and re.fullmatch(r"[\w.+-]+", program):
        return f"{program} ({word.where}) is no program that this machine or PACKAGES knows"
    return ""


def test_every_program_comes_with_a_listed_package() -> None:
    packages = listed()
    assert sorted({wrong for word in words() if (wrong := missing(word, packages))}) == []


def test_the_lists_have_nothing_that_is_not_called() -> None:
    called = {named(word) for word in words()}
    assert set(PACKAGES) - called == set()
    assert NOT_NEEDED.keys() - called == set()
    used = {PACKAGES[program] for program in called if program in PACKAGES}
    profiles = {package for package, profile in listed().items() if profile in ("localcloud", "test")}
    assert profiles - used == INDIRECT.keys()


@pytest.mark.parametrize(
    "source",
    [
        'subprocess.run(["socat", "-"])',
        'command = ["socat", "-"]',
        'proxy_command = "socat STDIO TCP:%h:%p"',
        """script = f"[ -e {path} ] || echo {x}; exec socat STDIO TCP:%h:%p" """,
        "script = \"sh -c 'yes | head; exec socat -'\"",
        'shutil.which("socat")',
        'os.execvp("socat", words)',
    ],
)
def test_a_program_is_seen_wherever_it_stands(source: str) -> None:
    found = {named(word) for word in words_of("tests/new.py", source)}
    assert "socat" in found


def test_what_no_list_has_is_told() -> None:
    packages = listed()
    assert "needs socat" in missing(Word("socat", "kb_tests/new.py"), packages), "a package for tests alone"
    assert "needs socat" in missing(Word("socat", "tests/new.py"), packages | {"socat": "openstack"})
    assert missing(Word("socat", "tests/new.py"), packages) == ""
    assert "no program that this machine" in missing(
        Word("frobnicate", "tests/new.py:7", started=True), packages
    )
    assert missing(Word("frobnicate", "tests/new.py:7"), packages) == ""
