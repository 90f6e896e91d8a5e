"""The messages between controller and agents: one definition for both ends.

Transport: Redis Streams, all keys under `kb:{run}:`. Each entry has one field, `m`, with one JSON
object::

    kb:{run}:commands         controller -> all agents      XADD / XREAD BLOCK
    kb:{run}:agent:{name}     controller -> one agent       XADD / XREAD BLOCK (same XREAD)
    kb:{run}:reports          agents -> controller          XADD / XREAD BLOCK

Every message is `{"v": VERSION, "kind": KIND, ...}`; a report also carries "agent" (its server's
name) and "seq" (1, 2, 3 ... for each agent, so that a loss or a repeat shows). Times named `*_at`
are seconds of the Redis server's clock (TIME); durations are seconds.

Commands::

    enroll  index, target             sent to one agent: its place among the generators (0, 1, ...) and
                                      the address it loads; `index` -1 and target "" for an HTTP server
    load    id, start_at, clients, http
                                      agents with 0 <= index < clients take part; `http` holds
                                      rate, connections, path, keep_alive, warm_up, duration,
                                      timeout, block (seconds of one histogram block), port
    fio     id, start_at, clients, fio
    serve   id, pages                 HTTP servers: have these page sizes (bytes) ready at /{size}
    abort   id                        stop what is running under this id ("" = whatever runs)
    quit                              end the agent

Reports::

    hello   role, uuid, host, versions{}, cpus    once at start (again after a lost connection)
    ready   id, offset, clock_error               answer to enroll, serve, load: prepared (for load:
                                                  the connections are open)
    second  id, index, counts, buckets            every second; index 0 is the first second after the
                                                  warm-up, negative before; buckets: [[i, n], ...]
                                                  where bucket i holds times in
                                                  [2**(i/4), 2**((i+1)/4)) microseconds
    block   id, index, begin, seconds, counts, response, service
                                                  histograms in base64 V2, whole microseconds
    done    id, counts, skew, lag_p99, lag_max, cpu, saturated, workers
                                                  after the drain; counts is the sum over the blocks
                                                  of the measured window, drain included
    failed  id, error                             could not do what was asked; one sentence

`counts` is `{"due", "sent", "completed", "unsent", "inflight", "bytes": int, "errors": {key: int}}`
with the keys of `ERRORS`. A `second` counts things when they happen. A `block` holds every request
that was *due* in its share of the measured window, wherever it ended, so that the blocks add up to
the window exactly; it is sent once all its requests have ended or timed out.

A reader refuses a message that is larger than MAX_MESSAGE, of another version, of unknown kind, or
whose fields have the wrong type or sign (`parse`).
"""

from __future__ import annotations

VERSION = 1
MAX_MESSAGE = 1 << 20

COMMANDS = ("enroll", "serve", "load", "fio", "abort", "quit")
REPORTS = ("hello", "ready", "second", "block", "done", "failed")
ERRORS = (
    "http_4xx",
    "http_5xx",
    "http_other",
    "connect",
    "reset",
    "timeout",
    "truncated",
    "protocol",
    "ports_exhausted",
)
