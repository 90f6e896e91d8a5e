"""The kinds of load, as this room knows them: what agents may report of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from kb_tests.cloud.topology import Role
from kb_tests.fleet.messages import Message
from kb_tests.fleet.reports import OfHttp, OfStorage
from kb_tests.scenario.workloads import Table


@dataclass(frozen=True)
class Workload:
    """`reports` are the messages of its own. `files` are modules that the agent has for it beside those of
    `kb_tests.agent`: by role, {path below the agent's package: source}.
    """

    reports: tuple[type[Message], ...]
    files: Mapping[Role, Mapping[str, str]] = field(default_factory=dict)


WORKLOADS = Table("fleet", {"http": Workload(get_args(OfHttp)), "storage": Workload(get_args(OfStorage))})
