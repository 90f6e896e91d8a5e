"""The messages between controller and agents: one definition for both ends.

Transport: Redis Streams, all keys under `kb:{run}:`. Each entry has one field, `m`, with one JSON
object::

    kb:{run}:commands         controller -> all agents      XADD / XREAD BLOCK
    kb:{run}:agent:{name}     controller -> one agent       XADD / XREAD BLOCK (same XREAD)
    kb:{run}:reports          agents -> controller          XADD / XREAD BLOCK
    kb:{run}:engine:{sha256}  controller -> agents that need it; `m` is no JSON, but an engine as
                              `fleet.bundle` packs it, whose digest agents know from user_data

Every message is `{"v": VERSION, "kind": KIND, ...}`; a report also carries "agent" (its server's
name) and "seq" (1, 2, 3 ... for each agent, so that a loss shows; an agent that saw no answer to an
XADD sends the same report again). Times named `*_at` are seconds of the Redis server's clock (TIME);
durations are seconds.

An agent reads the commands that are younger than its start.

Commands::

    hello                             all agents say hello (again)
    enroll  id, index, target         sent to one agent: its place among the generators (0, 1, ...) and
                                      the address it loads; `index` -1 and target "" for an HTTP server
    serve   id, pages, connections, tls
                                      HTTP servers: have these page sizes (bytes) ready at /{size}, and
                                      hold that many connections; `tls` is a private key and its
                                      certificate as PEM to speak HTTPS with, "" for HTTP
    load    id, clients, http         agents with 0 <= index < clients prepare: they open connections
                                      and answer `ready`; `http` holds rate, connections, path, size
                                      (the page's, in bytes), keep_alive, warm_up, duration, timeout,
                                      block (seconds of one histogram block), port, tls, limits (seconds
                                      of response time)
    disk    id, target                a storage server finds, formats, mounts and fills what it is to load;
                                      `target` holds kind, volume, volume_size, file_system, directory,
                                      size
    fio     id, clients, fio          as load, for storage servers: `fio` holds mode, block_size, iodepth,
                                      numjobs, reads, rate, extra, ramp, duration, block, drain[, verify]
                                      (seconds for which what was written may be read back), limits
                                      ({"read": [seconds, ...], "write": [...]})
    engine  id, clients, engine, options
                                      as load, by the engine of this name: the class Load of its module
                                      `engine`, which knows its options
    start   id, start_at              what was prepared under this id begins (its warm-up or ramp) at
                                      start_at
    abort   id                        stop what is prepared or running under this id ("" = whatever is)
    quit                              end the agent

Reports::

    hello   role, uuid, instance, host, versions{}, cpus, mtu
                                      at start, after a lost connection, and when asked; `instance`
                                      differs for each start of the agent, and `seq` begins anew with it;
                                      `mtu` is that of the way to the proxy, 0 where the system hides it
    ready   id, offset, clock_error   answer to enroll, serve, disk, load, fio: prepared (for load: the
                                      connections are open, or the server does not open them).
                                      offset: Redis clock less CLOCK_MONOTONIC
    second  id, index, counts, open, buckets, slower, lag, cpu
                                                  every second; index 0 is the first second after the
                                                  warm-up, negative before; of the connections that are
                                                  kept, never fewer than open; buckets: [[i, n], ...]
                                                  where bucket i holds times in
                                                  [2**(i/4), 2**((i+1)/4)) microseconds; slower: how many
                                                  that ended took longer than each of the load's limits, or
                                                  were not done well; lag: how late a request was noticed
                                                  at worst; cpu: of the busiest worker
    block   id, index, begin, seconds, counts, response, service
                                                  histograms in base64 V2, whole microseconds
    done    id, counts, connections, skew, lag_p99, lag_max, cpu, saturated, workers, clock_change, tls
                                                  after the drain; counts is the sum over the blocks
                                                  of the measured window, drain included; tls: its
                                                  version and cipher suite, "" if it was not spoken;
                                                  connections: asked, open (when the window began), least
                                                  (open in it), reopened, refused (or timed out),
                                                  unavailable (no local port was left) in it
    filling id, bytes, seconds                    about every second while a disk is filled
    disk    id, path, bytes, seconds              before `ready` to disk: what was filled (0 bytes if it
                                                  was full), and how long that took
    io_second  id, index, begin, end, errors, read, write[, lag, cpu]
                                                  fio: what was done between two moments of the window (the
                                                  ramp is negative), about a second apart but for stalls;
                                                  read and write hold ios, bytes, buckets and slower as
                                                  above; lag: seconds that a job of fio waited for a CPU at
                                                  worst, cpu: how busy one was, where the kernel tells
    io_block   id, index, begin, end, errors, read, write, sync
                                                  one time block; each part holds ios, bytes, failed and
                                                  bins, fio's own: [[name in ns, n], ...]
    io_due     id, index, read, write             at a rate: what was due in a block; read and write hold due
                                                  and bins, of the response times of those that were done
    io_verifying  id, read, of, seconds           about every second while what was written is read back: how
                                                  many blocks were, of how many
    io_done    id, begin, end, blocks, stalls, stall_error, hung, clock, cpu, waiting, complaint,
               clock_change[, late, whole, verified]
                                                  fio has ended, or hangs; stalls: [[at, seconds], ...];
                                                  late: the parts of a block that ended after the window;
                                                  whole: ios and bytes of fio's whole life, read and write;
                                                  verified: blocks written, read back, and of these wrong and
                                                  old; unread, the offset of the first bad one, seconds
    clock_change is {"seconds", "error", "elapsed"}: by how much CLOCK_MONOTONIC fell behind Redis' clock in
    the time (elapsed) from `start` to the end.
    signs   id, boot, network, contained, seconds, cost, figures
                                                  once, after the window, of generators, storage servers and
                                                  HTTP servers: what the kernel counted in it, read every
                                                  second. figures: {name: [total, worst, at]}, worst being the
                                                  most in one second, and at that second; shares are seconds
                                                  per second (cpu, steal, memory_wait, disk_wait), the rest
                                                  numbers (softnet_dropped, retransmitted, dropped,
                                                  queue_dropped, listen_dropped). boot is the kernel's boot
                                                  id, network the inode of the network namespace; contained:
                                                  figures of the machine are left out, being those of a host.
                                                  cost: seconds of CPU of one reading
    failed  id, error[, late]                     could not do what was asked; one sentence. `id` is ""
                                                  when the command itself could not be read; late: seconds by
                                                  which a start was missed

`counts` is `{"due", "sent", "completed", "unsent", "inflight", "bytes": int, "errors": {key: int}}`
with the keys of `ERRORS`: "status" is a 2xx other than 200, "redirect" any 3xx, "length" a 200 of another
length than the page's, "content" one of its length with other bytes. A `second` counts things when they
happen. A `block` holds every request that was *due* in its share of the measured window, wherever it ended,
so that the blocks add up to the window exactly; it is sent once all its requests have ended or timed out.

A reader refuses a message that is larger than MAX_MESSAGE, of another version, of unknown kind, or
whose fields have the wrong type or range: agents by `parse_command`, the controller by
`kb_tests.fleet.messages`.
"""

from __future__ import annotations

from . import json_text

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

VERSION = 1
MAX_MESSAGE = 1 << 20
FIELD = b"m"

COMMANDS = ("hello", "enroll", "serve", "disk", "fio", "load", "engine", "start", "abort", "quit")
REPORTS = (
    "hello",
    "ready",
    "second",
    "block",
    "done",
    "filling",
    "disk",
    "io_second",
    "io_block",
    "io_due",
    "io_verifying",
    "io_done",
    "signs",
    "failed",
)
SIGNS_OF_MACHINE = ("cpu", "steal", "memory_wait", "disk_wait", "softnet_dropped")
SIGNS_OF_NETWORK = ("retransmitted", "dropped", "queue_dropped", "listen_dropped")
ERRORS = (
    "status",
    "redirect",
    "http_4xx",
    "http_5xx",
    "http_other",
    "length",
    "content",
    "connect",
    "reset",
    "timeout",
    "truncated",
    "protocol",
    "ports_exhausted",
)

Message: TypeAlias = "dict[str, Any]"
Check: TypeAlias = "Callable[[Any], bool]"


class ProtocolError(ValueError):
    """A message that must not be acted on."""


def commands_key(run: str) -> str:
    """The stream of commands to all agents of a run."""
    return f"kb:{run}:commands"


def agent_key(run: str, agent: str) -> str:
    """The stream of commands to one agent."""
    return f"kb:{run}:agent:{agent}"


def reports_key(run: str) -> str:
    """The stream of all agents' reports."""
    return f"kb:{run}:reports"


def engine_key(run: str, digest: str) -> str:
    """The stream that holds the engine with this SHA-256."""
    return f"kb:{run}:engine:{digest}"


def encode(message: Message) -> bytes:
    """The bytes of one message; raises ProtocolError when it is too large or no JSON can say it."""
    try:
        raw = json_text.dumps({"v": VERSION, **message}).encode()
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"this message cannot be sent: {error}") from None
    if len(raw) > MAX_MESSAGE:
        raise ProtocolError(f"a message of {len(raw)} bytes is over the limit of {MAX_MESSAGE}")
    return raw


def _number(low: float, high: float) -> Check:
    return lambda value: type(value) in (int, float) and low <= value <= high


def _integer(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _text(value: Any) -> bool:
    return type(value) is str and len(value) <= 255


def _name(value: Any) -> bool:
    return _text(value) and value.isidentifier() and value.isascii()


def _pem(value: Any) -> bool:
    return type(value) is str and len(value) <= 16_384 and value.isascii()


def _pages(value: Any) -> bool:
    return type(value) is list and 0 < len(value) <= 1000 and all(map(_integer(0, 1 << 40), value))


def _options(value: Any) -> bool:
    """The load itself checks what it is asked for."""
    return type(value) is dict


_COMMAND_FIELDS: dict[str, dict[str, Check]] = {
    "hello": {},
    "enroll": {"id": _text, "index": _integer(-1, 1_000_000), "target": _text},
    "serve": {"id": _text, "pages": _pages, "connections": _integer(1, 1_000_000), "tls": _pem},
    "disk": {"id": _text, "target": _options},
    "fio": {"id": _text, "clients": _integer(1, 1_000_000), "fio": _options},
    "load": {"id": _text, "clients": _integer(1, 1_000_000), "http": _options},
    "engine": {"id": _text, "clients": _integer(1, 1_000_000), "engine": _name, "options": _options},
    "start": {"id": _text, "start_at": _number(0, 1e11)},
    "abort": {"id": _text},
    "quit": {},
}


def parse_command(raw: bytes) -> Message:
    """One command, checked field by field; raises ProtocolError with one sentence."""
    if len(raw) > MAX_MESSAGE:
        raise ProtocolError(f"a command of {len(raw)} bytes is over the limit of {MAX_MESSAGE}")
    try:
        message = json_text.loads(raw)
    except (ValueError, RecursionError):
        raise ProtocolError("a command is not JSON") from None
    if type(message) is not dict:
        raise ProtocolError("a command is not a JSON object")
    if message.get("v") != VERSION:
        raise ProtocolError(f"a command has protocol version {message.get('v')!r}, this agent has {VERSION}")
    kind = message.get("kind")
    checks = _COMMAND_FIELDS.get(kind) if type(kind) is str else None
    if checks is None:
        raise ProtocolError(f"this agent does not know the command {str(kind)[:40]!r}")
    if message.keys() != checks.keys() | {"v", "kind"}:
        raise ProtocolError(f"the command {kind} needs the fields {', '.join(checks) or 'v, kind'}")
    for name, check in checks.items():
        if not check(message[name]):
            raise ProtocolError(f"the field {name} of the command {kind} is out of range")
    return message
