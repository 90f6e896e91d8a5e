"""What the user of a cloud may do there: its services are asked, since the name of a role tells nothing.

Every question is a call that cannot succeed, as what it names is not there: a service that would let the user
do it says that it finds nothing, one that would not refuses (403). What a run makes it has to remove, so most
ask for deletions. Nothing is made or changed by any of them.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from openstack import exceptions as sdk
from openstack.connection import Connection

from kb_tests.cloud.patience import USUAL

_REFUSED = frozenset({401, 403})
_LATER = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Question:
    """A call of a service, by its name in openstacksdk, whose refusal says that the user may not `what`."""

    what: str
    service: str
    method: str
    path: str
    body: Any = None


def _of_administrators(nothing: str) -> tuple[Question, ...]:
    """What a run does that makes projects of its own."""
    return (
        Question("make projects", "identity", "DELETE", f"/projects/{nothing}"),
        Question("make users", "identity", "DELETE", f"/users/{nothing}"),
        Question("see all servers", "compute", "GET", "/servers?all_tenants=1&limit=1"),
        Question("make flavors", "compute", "DELETE", f"/flavors/{nothing}"),
        Question("set Nova's quotas", "compute", "DELETE", f"/os-quota-sets/{nothing}"),
        Question("set Neutron's quotas", "network", "DELETE", f"/quotas/{nothing}"),
    )


def _of_volumes(nothing: str) -> Question:
    return Question("set Cinder's quotas", "block_storage", "DELETE", f"/os-quota-sets/{nothing}")


def _of_limits(nothing: str) -> Question:
    limit = {"project_id": nothing, "service_id": nothing, "resource_name": "servers", "resource_limit": 0}
    return Question("make limits in Keystone", "identity", "POST", "/limits", {"limits": [limit]})


def _of_members(nothing: str) -> tuple[Question, ...]:
    """What every run does in the project that the user signed in to."""
    nowhere = {"floating_network_id": nothing}
    server = {
        "name": "kb-nothing",
        "imageRef": nothing,
        "flavorRef": nothing,
        "networks": [{"uuid": nothing}],
    }
    return (
        Question("change networks", "network", "POST", "/floatingips", {"floatingip": nowhere}),
        Question("make servers", "compute", "POST", "/servers", {"server": server}),
    )


class Rights:
    """Those of a connection's user, asked for when somebody wants to know, and once.

    Each property may raise openstacksdk's and keystoneauth's exceptions (`calls.FAILURES`), where a service
    does not answer.
    """

    def __init__(self, connection: Connection, tries: int = USUAL.tries) -> None:
        self._connection = connection
        self._tries = tries
        self._lock = threading.Lock()
        self._missing: str | None = None
        self._single: dict[Callable[[str], Question], bool] = {}
        self._denied: tuple[str, ...] | None = None

    @property
    def administers(self) -> bool:
        """Whether all services let the user do what a run with projects of its own does."""
        return not self.missing

    @property
    def missing(self) -> str:
        """What an administrator may and this user may not; "" for an administrator."""
        with self._lock:
            if self._missing is None:
                first, *others = _of_administrators(_nothing())
                refused = [] if self._allowed(first) else [first.what]
                self._missing = " and ".join(refused or self._refused(others))
            return self._missing

    @property
    def limits_volumes(self) -> bool:
        """Whether Cinder takes the user for an administrator: runs on volumes set its quotas."""
        with self._lock:
            return self._once(_of_volumes)

    @property
    def makes_limits(self) -> bool:
        """Whether Keystone lets the user make limits of projects, where Nova has its own there."""
        with self._lock:
            return self._once(_of_limits)

    def _once(self, question: Callable[[str], Question]) -> bool:
        if question not in self._single:
            self._single[question] = self._allowed(question(_nothing()))
        return self._single[question]

    @property
    def denied(self) -> tuple[str, ...]:
        """What of that which every run does in the user's own project is refused, as it is to readers."""
        with self._lock:
            if self._denied is None:
                self._denied = tuple(self._refused(_of_members(_nothing())))
            return self._denied

    def _refused(self, questions: Iterable[Question]) -> list[str]:
        with ThreadPoolExecutor() as pool:
            answers = pool.map(lambda question: (question.what, self._allowed(question)), questions)
            return [what for what, allowed in answers if not allowed]

    def _allowed(self, question: Question) -> bool:
        proxy = getattr(self._connection, question.service)
        given = {} if question.body is None else {"json": question.body}
        response = proxy.request(
            question.path,
            question.method,
            raise_exc=False,
            retriable_status_codes=_LATER,
            status_code_retries=self._tries,
            connect_retries=self._tries,
            **given,
        )
        if response.status_code in _REFUSED:
            return False
        if response.status_code >= 500:
            sdk.raise_from_response(response)
        return True


def _nothing() -> str:
    """An id that nobody has."""
    return str(uuid.uuid4())
