"""A run's lease: while it is renewed, nobody's cleanup takes the run for dead.

All resources carry the lease that the run began with. Renewing it rewrites one mark, that of the
holder: the clients' project where the run has projects of its own, else the proxy. The lease is the
latest that any resource of the run shows.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from openstack import exceptions as sdk

from kb_tests.cloud.calls import FAILURES, said
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.contents import Entry
from kb_tests.cloud.journal import KEPT_SECONDS, LEASE_SECONDS, Journal
from kb_tests.cloud.kinds import KEY
from kb_tests.cloud.mark import Mark, resource_name
from kb_tests.cloud.projects import CLIENTS

_LOG = logging.getLogger(__name__)


def renew(cloud: Cloud, journal: Journal, seconds: float | None = None) -> bool:
    """Let the lease run for `seconds` from now, by default as long as the run's kind of life takes.

    False while there is no holder yet.

    Raises what openstacksdk raises.
    """
    if seconds is None:
        seconds = KEPT_SECONDS if journal.kept else LEASE_SECONDS
    mark = Mark(journal.run_id, int(cloud.now() + seconds))
    holder = _holder(journal)
    if holder is None:
        return False
    if journal.kept:
        journal.keep(time.time() + seconds)
    if holder.kind == "project":
        cloud.identity.update_project(holder.id, description=str(mark.in_region(cloud.region)))
    else:
        cloud.connection.compute.set_server_metadata(holder.id, **{KEY: str(mark)})
    return True


def until(cloud: Cloud, journal: Journal) -> int:
    """Until when the lease runs by what its holder shows (Unix time by the cloud's clock); 0 without holder.

    Raises what openstacksdk raises.
    """
    holder = _holder(journal)
    if holder is None:
        return 0
    try:
        if holder.kind == "project":
            text = str(cloud.identity.get_project(holder.id).description or "")
        else:
            text = str((cloud.connection.compute.get_server_metadata(holder.id).metadata or {}).get(KEY, ""))
    except sdk.NotFoundException:
        return 0
    mark = Mark.parse(text)
    return mark.lease_until if mark and mark.run_id == journal.run_id else 0


def _holder(journal: Journal) -> Entry | None:
    wanted = {
        ("project", resource_name(journal.run_id, journal.apart(CLIENTS))),
        ("server", resource_name(journal.run_id, "proxy")),
    }
    holders = [entry for entry in journal.entries() if entry.id and (entry.kind, entry.name) in wanted]
    return min(holders, key=lambda entry: entry.kind, default=None)


@contextlib.contextmanager
def renewed(cloud: Cloud, journal: Journal, every: float = LEASE_SECONDS / 6) -> Iterator[None]:
    """Renew the lease in the background until the block ends; a failure is logged and tried again."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(every):
            try:
                renew(cloud, journal)
            except FAILURES as error:
                _LOG.warning("The lease of run %s could not be renewed: %s", journal.run_id, said(error))

    thread = threading.Thread(target=work, name="kb-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5.0)
