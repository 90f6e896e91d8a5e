"""The terms of this field that reports use: what people read, its keys in files, what it means.

docs/glossary.md is this table. Files keep their keys whatever people read.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """`keys` are those of scenario files, records and JUnit properties; `meaning` is for people."""

    text: str
    keys: tuple[str, ...]
    meaning: str


SUCCESSFUL = Term(
    "successful",
    ("completed", "kb.requests.completed"),
    "A request that was answered with status 200 and exactly the page that was asked for; an I/O without"
    " an error.",
)
FAILED = Term(
    "failed",
    ("failed", "unsent", "inflight", "errors", "kb.requests.failed", "kb.requests.unsent", "kb.errors.*"),
    "A request that was due and not successful, in whatever way: an error (`failed`, by kind), never sent"
    " (`unsent`), or not ended when the load did (`inflight`). It is slower than any limit on times.",
)
ERROR_RATE = Term(
    "error rate",
    ("sla.errors", "errors", "kb.check.errors.*"),
    "The share of the requests (or I/Os) due that failed.",
)
OFFERED = Term(
    "offered rate",
    ("rate", "rate_iops", "offered", "kb.offered"),
    "What the load asks for in a second, all generators together. At rate 0 there is none: a closed loop,"
    " which sends when it is answered.",
)
ACHIEVED = Term(
    "achieved rate",
    ("achieved", "sla.achieved", "kb.achieved", "kb.achieved_share"),
    "Successful requests a second inside the measured window. Its share of the offered rate is limited by"
    " `sla.achieved`.",
)
RESPONSE_TIME = Term(
    "response time",
    ("response", "sla.latency", "kb.response.*"),
    "From the moment at which a request was due to its end, so that a stalled server cannot hide what it kept"
    " waiting. Of storage: latency.",
)
SERVICE_TIME = Term(
    "service time",
    ("service", "sla.read_service_time", "sla.write_service_time"),
    "From the moment at which a request was sent, or an I/O was made, to its end: all that a closed loop"
    " can tell.",
)
PERCENTILE = Term(
    "percentile",
    ("p50", "p99", "kb.response.p99"),
    "p99 is the time within which 99 of 100 that were due were successful. Where more failed it is beyond"
    " measure.",
)
GENERATOR = Term(
    "generator",
    ("clients", "kb.clients"),
    "A server that makes load. HTTP has one for each HTTP server; a storage server is its own.",
)
POINT = Term(
    "point",
    ("points", "kb.point"),
    "One load run: one rate or profile at one scale, one test, one verdict.",
)
LOOK = Term(
    "look",
    ("looks", "earlier", "kb.looks"),
    "One run of a point. A point whose sample cannot decide is run again, for longer: three looks at most."
    " Each is judged together with those before it. They share the error probability, so that looking again"
    " makes no limit easier to keep.",
)
CONFIDENCE = Term(
    "confidence",
    ("sla.confidence", "confidence", "kb.confidence"),
    "How sure all verdicts of a run are together: 95% means that at most one run in twenty holds a wrong pass"
    " or fail.",
)
RECOVERY = Term(
    "time to recover",
    ("sla.recovery", "recovery", "kb.recovery.*"),
    "From a hook or a marker until the service is good again, second by second.",
)
VERIFY = Term(
    "share of what was written that was lost or changed",
    ("load.verify", "verified", "verify"),
    "Of the blocks that a storage load wrote, those that did not read back as they were written last.",
)
CONNECTIONS = Term(
    "share of connections kept open",
    ("connections", "sla.connections", "kb.connections.*"),
    "The least share of the connections asked for that was open in any second of the window.",
)
BASELINE = Term(
    "loss against the baseline",
    ("sla.baseline", "baseline", "kb.check.baseline.*"),
    "How many times slower than the runs of the baseline a point was, by the figure that lost most:"
    " percentiles of times that rose, or rates that fell.",
)
INCONCLUSIVE = Term(
    "inconclusive",
    ("inconclusive", "kb.outcome"),
    "The sample cannot tell the true value from the limit. It is no pass.",
)
INVALID = Term(
    "invalid",
    ("invalid", "reasons", "kb.outcome"),
    "The instruments failed, not the cloud: a generator was late or busy, an agent is missing, a clock was"
    " off.",
)

TERMS = (
    SUCCESSFUL,
    FAILED,
    ERROR_RATE,
    OFFERED,
    ACHIEVED,
    RESPONSE_TIME,
    SERVICE_TIME,
    PERCENTILE,
    GENERATOR,
    POINT,
    LOOK,
    CONFIDENCE,
    CONNECTIONS,
    RECOVERY,
    VERIFY,
    BASELINE,
    INCONCLUSIVE,
    INVALID,
)

SUBJECTS = {
    "achieved": ACHIEVED.text,
    "errors": ERROR_RATE.text,
    "connections": CONNECTIONS.text,
    "recovery": RECOVERY.text,
    "verify": VERIFY.text,
    "baseline": BASELINE.text,
}
"""What a check speaks of, by the check's name."""

_BEGIN = """\
# Glossary

What reports say, and the keys under which it stands in scenario files, records and JUnit properties.

| term | keys | meaning |
|---|---|---|
"""


def glossary() -> str:
    """docs/glossary.md."""
    rows = (
        f"| **{term.text}** | {', '.join(f'`{key}`' for key in term.keys)} | {term.meaning} |"
        for term in TERMS
    )
    return _BEGIN + "\n".join(rows) + "\n"
