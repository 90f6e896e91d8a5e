"""Who is there: every expected agent, whether it said hello, and whether its reports can be trusted."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple, Union

from pydantic import Field, TypeAdapter, ValidationError

from kb_tests.agent import protocol
from kb_tests.cloud.topology import Server
from kb_tests.fleet.messages import Failed, Hello, Message, Ready, Signs
from kb_tests.fleet.reports import Report
from kb_tests.fleet.sequence import ReportSequence
from kb_tests.fleet.workloads import WORKLOADS


@functools.cache
def _report(kinds: tuple[type[Message], ...]) -> TypeAdapter[Report]:
    """Reads any report of these kinds, and those that all agents send."""
    any_report: Any = Annotated[Union[(Hello, Ready, Signs, Failed, *kinds)], Field(discriminator="kind")]
    return TypeAdapter(any_report)


class Serving(NamedTuple):
    """What an HTTP server is ready for."""

    pages: frozenset[int]
    connections: int
    tls: bool


NOTHING = Serving(frozenset(), 0, tls=False)


class Member:
    """One expected agent."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.hello: Hello | None = None
        self.sequence = ReportSequence()
        self.enrolled = False
        self.serving = NOTHING
        self.disk: Mapping[str, Any] = {}

    def greet(self, hello: Hello) -> str:
        """Note a hello; what is wrong with it, in one sentence, or ""."""
        if hello.role != self.server.role:
            return f"it says that it is a {hello.role}, but was staged as a {self.server.role}"
        if hello.uuid and hello.uuid != self.server.id:
            return f"it says that it is server {hello.uuid}, but was staged as {self.server.id}"
        if self.hello is None or hello.instance != self.hello.instance:
            self.enrolled, self.serving, self.disk = False, NOTHING, {}
        self.hello = hello
        return ""


class Roster:
    """All expected agents by name; reads their reports."""

    def __init__(self, servers: Iterable[Server]) -> None:
        self.members = {server.name: Member(server) for server in servers}
        self._reads = _report(tuple(one for known in WORKLOADS.values() for one in known.reports))

    def missing(self) -> list[Member]:
        """Those that have not said hello."""
        return [member for member in self.members.values() if member.hello is None]

    def read(self, raw: bytes) -> tuple[str, Report | None, str]:
        """Whom a message is from ("" for nobody of ours), what it says unless it is to be ignored, and
        what is wrong with it, in one sentence, or "".
        """
        if len(raw) > protocol.MAX_MESSAGE:
            return "", None, ""
        try:
            report = self._reads.validate_json(raw)
        except ValidationError as error:
            return self._claimed(raw), None, _complaint(raw, error)
        member = self.members.get(report.agent)
        if member is None:
            return "", None, ""
        new, problem = member.sequence.follow(report, raw)
        if isinstance(report, Hello):
            problem = member.greet(report) or problem
        return report.agent, report if new else None, problem

    def _claimed(self, raw: bytes) -> str:
        agent = _lenient(raw).get("agent")
        return agent if isinstance(agent, str) and agent in self.members else ""


def _lenient(raw: bytes) -> dict[str, object]:
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _complaint(raw: bytes, error: ValidationError) -> str:
    version = _lenient(raw).get("v")
    if isinstance(version, int) and version != protocol.VERSION:
        return f"it speaks protocol version {str(version)[:20]}, this suite {protocol.VERSION}"
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part)[:40] for part in first["loc"][:6])
    return f"it sent a report that does not fit the protocol ({where}: {first['msg'][:120]})"
