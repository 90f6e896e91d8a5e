"""The command line's `fault` and `servers`."""

from __future__ import annotations

# ruff: noqa: T201 - a command prints
import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kb_tests.localcloud import units
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import LocalCloudError
from kb_tests.localcloud.faults import Kind

_FAULTS = """\
Let something go wrong, to see how a client copes.

Of calls, boots and deletions: all that match, or the nth, or every k-th of them, at most a number of times:

  kb localcloud fault add status --service nova --method POST --path /servers$ --nth 1 --status 503
  kb localcloud fault add status --every 5 --status 429 --retry-after 1
  kb localcloud fault add status --path /ports --status 200 --body '{}'
  kb localcloud fault add latency --seconds 0.04
  kb localcloud fault add boot-never --server worker-3

Of what runs, at once; servers and volumes by id or name (kb localcloud servers lists them):

  kb localcloud fault server web freeze --seconds 2
  kb localcloud fault server web link --rate 50Mbit --direction out
  kb localcloud fault server web delay 3
  kb localcloud fault server web cpu --share 0.5
  kb localcloud fault server --host kb-host-2 crash
  kb localcloud fault volume data slow --iops 100

  kb localcloud fault list
  kb localcloud fault clear
"""

_SERVER = """\
Harm a running server. KIND is one of:

  crash           it dies, as if by itself
  freeze          its processes stop where they are, while its clock goes on
  pause           it stands still for --seconds, with its clocks and its network: as a guest whose
                  hypervisor stops it, for a migration or a snapshot. What it starts later has the true time
  cut             it has no network for --seconds
  link            its network has a --rate, a --loss; without either it is as before
  delay MS        what it is sent and sends takes MS milliseconds more, each (--direction: one of both);
                  0 ends it. A process carries it, which adds about 0.2 ms to a round trip by itself
  cpu             it has a --share of its flavor's vCPUs, in slices of 10 ms; 1 ends it
  clear           what was done to it is undone

SERVER is an id, a name, or a regular expression of names: of one server, or with --all of several.
"""

_VOLUME = """\
Harm an attached volume. KIND is one of:

  slow            it does --iops reads and as many writes, --bandwidth bytes of each, a second
  full            no space is left after --size bytes
  corrupt         one byte of --every so many (default: 1MiB) is changed where it lies, once
  late MS         each read and write takes MS milliseconds more, each flush --fsync milliseconds
  lie             a share of writes is answered and not done (--lost), or done with a byte changed (--changed)
  fail            a --share of reads and writes ends with an I/O error
  clear           what was done to it is undone, but for what was corrupted

late, lie and fail are for volumes of a type that is made for it: what they read and write passes through a
process, which costs some speed.

  openstack volume type create --property kb:faulty=true faulty
"""

_SERVER_KINDS = ("crash", "freeze", "pause", "cut", "link", "delay", "cpu", "clear")
_VOLUME_KINDS = ("slow", "full", "corrupt", "late", "lie", "fail", "clear")


def add_parsers(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """The parsers of both."""
    servers = commands.add_parser(
        "servers", parents=[common], help="list all servers, and what was done to them"
    )
    servers.add_argument("--json", action="store_true", help="print one JSON list")
    how = {"formatter_class": argparse.RawDescriptionHelpFormatter, "parents": [common]}
    fault = commands.add_parser(
        "fault",
        parents=[common],
        help="let calls, boots, deletions, servers or volumes fail on request",
        description=_FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = fault.add_subparsers(dest="what", required=True, metavar="add|server|volume|list|clear")
    _add_calls(what.add_parser("add", parents=[common], help="set one of calls, boots or deletions"))
    _add_server(
        what.add_parser(
            "server",
            **how,  # type: ignore[arg-type]
            help="harm a running server",
            description=_SERVER,
            usage="%(prog)s (SERVER | --host HOST) KIND [options]",
        )
    )
    _add_volume(
        what.add_parser(
            "volume",
            **how,  # type: ignore[arg-type]
            help="harm an attached volume",
            description=_VOLUME,
            usage="%(prog)s VOLUME KIND [options]",
        )
    )
    listed = what.add_parser("list", parents=[common], help="show those that are set, and what is in effect")
    listed.add_argument("--json", action="store_true", help="print one JSON object")
    what.add_parser("clear", parents=[common], help="remove and undo them all")


def _add_calls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=[str(kind) for kind in Kind])
    for name, meaning in (
        ("service", "keystone, nova, neutron, glance or cinder"),
        ("method", "GET, POST, PUT, PATCH or DELETE"),
        ("path", "regular expression, searched in the call's path behind the service's"),
        ("server", "regular expression, searched in the server's name"),
        ("body", "of status: the answer's body, whatever it is: HTML, JSON of another shape"),
    ):
        parser.add_argument(f"--{name}", help=meaning)
    for name, meaning in (
        ("nth", "act on this match only"),
        ("every", "act on every k-th match"),
        ("times", "act at most so often"),
        ("status", "the answer's status (default: 503)"),
        ("retry-after", "seconds in the answer's Retry-After"),
    ):
        parser.add_argument(f"--{name}", type=int, help=meaning)
    parser.add_argument("--seconds", type=float, help="of latency, of a hang, of a slow boot")
    parser.set_defaults(act=_add)


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", metavar="SERVER KIND", help=argparse.SUPPRESS)
    parser.add_argument("--host", help="all servers that run on this host")
    parser.add_argument("--all", action="store_true", help="all servers whose names match")
    parser.add_argument("--seconds", type=float, help="for how long (default: until it is cleared)")
    parser.add_argument("--direction", choices=("in", "out", "both"), help="of its network, as it sees it")
    parser.add_argument("--rate", type=units.bits, metavar="RATE", help="of link: 50Mbit, or bits a second")
    parser.add_argument("--loss", type=float, help="of link: share of packets, 0 to 1")
    parser.add_argument("--share", type=float, help="of cpu: share of its vCPUs, 0.01 to 1")
    parser.set_defaults(act=_server, error=parser.error)


def _add_volume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", metavar="VOLUME KIND", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help="for how long (default: until it is cleared)")
    parser.add_argument("--iops", type=int, help="of slow: at most so many reads, and writes, a second")
    parser.add_argument(
        "--bandwidth", type=units.size, metavar="SIZE", help="of slow: at most so many bytes a second (10MiB)"
    )
    parser.add_argument("--size", type=units.size, help="of full: no space after so many bytes (10MiB)")
    parser.add_argument("--every", type=units.size, metavar="SIZE", help="of corrupt: 4KiB at least")
    parser.add_argument("--fsync", type=float, metavar="MS", help="of late: milliseconds of each flush")
    for name, kind in (("lost", "lie"), ("changed", "lie"), ("share", "fail")):
        parser.add_argument(f"--{name}", type=float, metavar="SHARE", help=f"of {kind}: 0 to 1")
    parser.set_defaults(act=_volume, error=parser.error)


def act(options: argparse.Namespace, client: AdminClient) -> None:
    """Do what a `fault` command says. Raises `LocalCloudError`."""
    acts: dict[str, Callable[[argparse.Namespace, AdminClient], None]] = {"list": _list, "clear": _clear}
    acts.get(options.what, getattr(options, "act", _list))(options, client)


_ABOUT = frozenset({"command", "what", "state", "region", "words", "host", "all", "kind", "act", "error"})


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """What was said about a fault beside its kind and of what it is."""
    return {name: value for name, value in vars(options).items() if name not in _ABOUT and value is not None}


_OPERANDS = {"delay": "milliseconds", "late": "milliseconds"}
"""Kinds that take one number without an option's name."""


def _words(
    options: argparse.Namespace, kinds: Sequence[str], *, named: bool
) -> tuple[str, str, dict[str, float]]:
    """Of what, if it is named, the kind of a fault, and what follows it."""
    name, *words = options.words if named else ["", *options.words]
    if not words or words[0] not in kinds:
        options.error(f"a KIND is needed, one of {', '.join(kinds)}")
    kind, *operands = words
    if len(operands) != (kind in _OPERANDS):
        options.error(
            f"{kind} takes {_OPERANDS.get(kind, 'nothing more')}, not {' '.join(operands) or 'nothing'}"
        )
    given = {}
    for operand in operands:
        try:
            given[_OPERANDS[kind]] = float(operand)
        except ValueError:
            options.error(f"{operand} is no number of {_OPERANDS[kind]}")
    return name, kind, given


def _add(options: argparse.Namespace, client: AdminClient) -> None:
    print(client.add_fault(options.kind, **_given(options)))


def _server(options: argparse.Namespace, client: AdminClient) -> None:
    name, kind, operand = _words(options, _SERVER_KINDS, named=options.host is None)
    if kind == "clear":
        if options.host is not None:
            raise LocalCloudError(
                "clear undoes the faults of a server, or without a name all: it takes no host."
            )
        client.end_harms(server=name)
        return
    given = _given(options) | operand
    if options.host is not None:
        harmed = client.harm_host(options.host, kind, **given)
    else:
        harmed = (client.harm_servers if options.all else client.harm_server)(name, kind, **given)
    print("\n".join(f"{kind}: {each}" for each in harmed))


def _volume(options: argparse.Namespace, client: AdminClient) -> None:
    name, kind, operand = _words(options, _VOLUME_KINDS, named=True)
    if kind == "clear":
        client.end_harms(volume=name)
        return
    given = _given(options) | operand
    if kind == "corrupt":
        given.setdefault("every", 1 << 20)
    print("\n".join(f"{kind}: {each}" for each in client.harm_volume(name, kind, **given)))


def _clear(_: argparse.Namespace, client: AdminClient) -> None:
    client.clear_faults()


def _list(options: argparse.Namespace, client: AdminClient) -> None:
    faults, harms = client.faults(), client.harms()
    if options.json:
        print(json.dumps({"faults": faults, "harms": harms}, indent=2))
        return
    if faults:
        rows = [(each["id"], each["kind"], _matches(each), _acts(each), _count(each)) for each in faults]
        _table(("FAULT", "KIND", "OF", "ACTS ON", "MATCHED, ACTED"), rows)
    if harms:
        _table(("NAME", "NOW", "ENDS"), [(_name(each), describe(each), _ends(each)) for each in harms])
    if not faults and not harms:
        print("no fault is set")


def _matches(fault: dict[str, Any]) -> str:
    found = [str(fault[name]) for name in ("service", "method", "path") if fault[name]]
    if fault["server"]:
        found.append(f"servers called {fault['server']}")
    return " ".join(found) or "all"


def _acts(fault: dict[str, Any]) -> str:
    when = "all"
    if fault["nth"]:
        when = f"match {fault['nth']}"
    elif fault["every"]:
        when = f"every {fault['every']}. match"
    return when if fault["times"] is None else f"{when}, {fault['times']} times at most"


def _count(fault: dict[str, Any]) -> str:
    return f"{fault['matched']}, {fault['acted']}"


_SHOWN: dict[str, Callable[[float], str]] = {
    "rate": units.rate,
    "loss": lambda value: f"{value:.3g} lost",
    "milliseconds": lambda value: f"{value:g} ms",
    "share": lambda value: f"a share of {value:g}",
    "fsync": lambda value: f"{value:g} ms a flush",
    "lost": lambda value: f"{value:.3g} of writes lost",
    "changed": lambda value: f"{value:.3g} of writes changed",
    "iops": lambda value: f"{value:g} IOPS",
    "bandwidth": lambda value: f"{value:g} bytes/s",
    "size": lambda value: f"after {value:g} bytes",
}


def describe(harm: dict[str, Any]) -> str:
    """What is wrong, in a few words: `link out 50 Mbit/s`."""
    words = [harm["kind"], *([harm["direction"]] if harm["direction"] else [])]
    words += [shown(harm[name]) for name, shown in _SHOWN.items() if name in harm]
    return " ".join(words)


def _name(harm: dict[str, Any]) -> str:
    return str(harm.get("server") or harm.get("volume"))


def _ends(harm: dict[str, Any]) -> str:
    return "" if harm["seconds"] is None else f"in {harm['seconds']:.1f} s"


def list_servers(client: AdminClient, *, as_json: bool) -> None:
    """Print all servers, a line each."""
    servers = client.servers()
    if as_json:
        print(json.dumps(servers, indent=2))
        return
    rows = [
        (
            each["name"],
            each["id"],
            each["status"],
            each["host"] or "",
            each["zone"] or "",
            each["project"],
            " ".join([*each["addresses"], *each["floating"]]),
            " ".join(each["volumes"]),
            ", ".join(map(describe, each["harms"])),
        )
        for each in servers
    ]
    if rows:
        _table(("NAME", "ID", "STATUS", "HOST", "ZONE", "PROJECT", "ADDRESSES", "VOLUMES", "NOW"), rows)
    else:
        print("no server is there")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
