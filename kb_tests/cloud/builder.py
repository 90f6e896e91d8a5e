"""Creating one resource so that nothing is ever lost: journaled before, found again after a lost answer."""

from __future__ import annotations

import time
from threading import Event
from typing import Any

from openstack.connection import Connection

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import (
    FAILURES,
    Aborted,
    counted_twice,
    pause,
    said,
    status,
    transient,
    unanswered,
    wait_before,
)
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kind import Attributes, Kind
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.mark import resource_name
from kb_tests.cloud.spent import Spent
from kb_tests.errors import StagingError

_ATTEMPTS = 6
_RECOUNTS = 2
"""How often a quota that was enough when staging began is believed to be."""


class Builder(Caller):
    """Creates the resources of one run. `unreported` are what routers' interfaces were waited for in vain,
    `waited` is how long all of them were.
    """

    def __init__(self, cloud: Cloud, journal: Journal, *, until: float, stop: Event) -> None:
        super().__init__(cloud, until=until, stop=stop)
        self.journal = journal
        self.unreported: list[str] = []
        self.waited = Spent()

    def name(self, suffix: str) -> str:
        """`kb-{run}-{suffix}`."""
        return resource_name(self.journal.run_id, suffix)

    def create(
        self,
        kind: str,
        suffix: str,
        /,
        *,
        on: Connection | None = None,
        project: str = "",
        owner: str = "",
        **attributes: Any,
    ) -> Any:
        """The new resource, as openstacksdk's object, made on connection `on` (default: the cloud's).

        A POST that was not answered, or with a server's error, may have worked all the same: the
        resource is looked for by name and mark before it is asked for again. Raises StagingError in
        one sentence, and Aborted when the run was stopped.
        """
        row, name = KINDS[kind], self.name(suffix)
        connection = on or self.cloud.connection
        if row.named:
            attributes["name"] = name
        mark = self.journal.mark
        if row.shared_by_regions:
            mark = mark.in_region(self.cloud.region)
        for key, value in row.carry(mark).items():
            attributes[key] = f"{attributes[key]} {value}" if key in attributes else value
        if self.stop.is_set():
            raise Aborted(f"Stopped before {kind} {name} was created.")
        project = project or attributes.get("project_id", self.cloud.project_id)
        if row.of_user:
            owner = owner or self.cloud.user_id
        seq = self.journal.intend(kind, name, project=project, owner=owner)
        made = self._post(row, name, connection, attributes, seq)
        self.journal.created(seq, str(made.id))
        return made

    def _post(self, row: Kind, name: str, connection: Connection, attributes: Attributes, seq: int) -> Any:
        what = f"{row.name.replace('_', ' ')} {name}"
        maybe_made = False
        for attempt in range(_ATTEMPTS):
            try:
                return row.create(connection, attributes)
            except FAILURES as error:
                maybe_made = maybe_made or unanswered(error)
                conflict = maybe_made and status(error) == 409
                again = attempt < _RECOUNTS and counted_twice(error)
                if not (conflict or again or unanswered(error) or transient(error)):
                    if not maybe_made:
                        self.journal.refused(seq)
                    raise self._failure("refused", what, error) from error
                wait = wait_before(error, attempt, self.cloud.patience)
                if attempt + 1 == _ATTEMPTS or time.monotonic() + wait > self.until:
                    raise self._failure("failed at", what, error) from error
            pause(wait, self.until, self.stop, f"creating {what}")
            if maybe_made:
                found = self._lost(row, name, attributes)
                if found is not None:
                    return found
                self.journal.unanswered(seq)
        raise AssertionError("the last attempt returns or raises")

    def _lost(self, row: Kind, name: str, attributes: Attributes) -> Any | None:
        """What an earlier attempt made although its answer never came. Floating IPs, which have no names, are
        told apart by their ports.
        """
        for found in self.call(
            f"looking for {row.name} {name}", lambda: list(row.listing(self.cloud, self.journal.mark))
        ):
            resource = row.resource(found)
            if resource is None or resource.run_id != self.journal.run_id:
                continue
            one_of_many = row.name == "server" and resource.name.startswith(f"{name}-")
            same = resource.name == name if row.named else found.port_id == attributes.get("port_id")
            if same or one_of_many:
                return found
        return None

    def _failure(self, verb: str, what: str, error: Exception) -> StagingError:
        return StagingError(f"Cloud {self.cloud.name!r} {verb} {what}: {said(error)}")
