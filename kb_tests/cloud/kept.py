"""The topologies that were kept on request, as the journals of this machine tell; no cloud is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb_tests.cloud.contents import read
from kb_tests.cloud.embedded import is_gone
from kb_tests.cloud.journal import TOPOLOGY_FILE, journals
from kb_tests.errors import CloudError

_LARGEST = 64 << 20


@dataclass(frozen=True)
class KeptRun:
    """What run `run` left on `clouds`, the one under test first, until `until` (Unix time); "" is the
    embedded one. `asked` is the `topology` of the scenario that it was staged for, as JSON.
    """

    run: str
    clouds: tuple[str, ...]
    scenario: str
    kind: str
    servers: int
    until: float
    asked: Mapping[str, Any] = field(default_factory=dict, hash=False)


def kept_runs(folder: Path | None = None) -> Iterator[KeptRun]:
    """Every one that can be loaded again; a journal that cannot be read is passed over."""
    for path in journals(folder):
        with suppress(CloudError, OSError, ValueError, KeyError, TypeError):
            contents = read(path)
            if not contents.kept or contents.closed or is_gone(contents.header):
                continue
            with path.with_name(TOPOLOGY_FILE).open("rb") as file:
                found = json.loads(file.read(_LARGEST))
            topologies = [found["topology"], *filter(None, [found.get("testing")])]
            yield KeptRun(
                run=path.parent.name,
                clouds=tuple("" if part.header.embedded else part.header.cloud for part in contents.parts),
                scenario=contents.header.scenario,
                kind=str(found["kind"]),
                servers=sum(1 + len(each["servers"]) + len(each["clients"]) for each in topologies),
                until=contents.kept_until,
                asked=dict(found.get("asked") or {}),
            )
