"""Which clouds carry a load just now, or are about to, whichever process of this user makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from kb_tests.events import sessions
from kb_tests.web import claims
from kb_tests.web.clouds import are_one
from kb_tests.web.shapes.clouds import CloudList


def loaded_by(folder: Path, clouds: Iterable[str]) -> Mapping[str, str]:
    """{cloud: id of the session in `folder` that loads it, under whatever entry of clouds.yaml}."""
    wanted = tuple(clouds)
    loads: dict[str, tuple[str, ...]] = {}
    for session in sessions.every(folder):
        if begins := claims.claimed(session):
            loads[session.sid] = begins
        elif session.alive and (info := session.info) is not None:
            loads[session.sid] = (*info.clouds, *filter(None, [info.testing_cloud]))
    if not loads:
        return {}
    same = are_one({*wanted, *(name for names in loads.values() for name in names)})
    of = {same[name]: sid for sid, names in loads.items() for name in names}
    return {name: of[same[name]] for name in wanted if same[name] in of}


def with_loads(folder: Path, found: CloudList) -> CloudList:
    """The same, and which session loads each cloud."""
    loads = loaded_by(folder, (row.name for row in found.clouds))
    rows = (row.model_copy(update={"loaded_by": loads.get(row.name, "")}) for row in found.clouds)
    return found.model_copy(update={"clouds": tuple(rows)})


__all__ = ["loaded_by", "with_loads"]
