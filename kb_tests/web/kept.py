"""Topologies that were kept, as the pages show them."""

from __future__ import annotations

from http import HTTPStatus

from kb_tests.cloud.kept import kept_runs
from kb_tests.web import child
from kb_tests.web.archive import when
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.clouds import KeptList, KeptShape

SECONDS = 120.0


def listed() -> KeptList:
    """Those that the journals of this machine tell of, the ones that end first before the others."""
    found = sorted(kept_runs(), key=lambda run: run.until)
    return KeptList(
        kept=tuple(
            KeptShape(
                run=run.run,
                cloud=run.clouds[0],
                clouds=run.clouds,
                scenario=run.scenario,
                kind=run.kind,
                servers=run.servers,
                until=when(run.until),
            )
            for run in found
        )
    )


def find(run: str) -> KeptShape:
    """One of them; raises Problem."""
    found = next((one for one in listed().kept if one.run == run), None)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "No such topology is kept.", "GET /api/v1/kept lists them.")
    return found


def renew(run: str) -> KeptShape:
    """Let one stay for a day from now on; raises Problem."""
    find(run)
    done = child.ask("kept", f"--renew={run}", seconds=SECONDS)
    if done.code:
        raise Problem(HTTPStatus.CONFLICT, done.complaint)
    return find(run)
