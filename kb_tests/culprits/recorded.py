"""What stands out in the points of a record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kb_tests.culprits.find import LOOKED_AT, Found, find
from kb_tests.culprits.places import places
from kb_tests.culprits.rotation import Rotation
from kb_tests.report.record import PointRecord, RunRecord


def not_kept(record: RunRecord, point: str = "") -> Iterator[tuple[PointRecord, list[Found]]]:
    """Each point of a record that broke its SLA or was inconclusive (only that of the id `point`), and what
    stands out in it: nothing in a capacity search, which is no load of its own.

    Raises RecordError if a histogram cannot be read.
    """
    for one in record.standing():
        if point not in ("", one.id) or one.outcome not in LOOKED_AT:
            continue
        if one.measurement is None or one.verdict is None:
            yield one, []
            continue
        staged = next((each for each in record.scenarios if each.name == one.point.scenario), None)
        topology = staged.topology_of(one) if staged else None
        kept: list[Any] = [*(look.measurement for look in one.earlier), one.measurement]
        measured = [each.restore() for each in kept]
        where = places(topology.servers) if topology else {}
        yield one, find(one.point, measured, one.verdict, where, one.signs, _rotation(one))


def _rotation(point: PointRecord) -> Rotation | None:
    kept: Any = point.rotated
    if kept is None:
        return None
    measured, again = (one.restore() if one else None for one in (kept.measurement, kept.again))
    return Rotation(kept.shift, measured, again, kept.doubts)
