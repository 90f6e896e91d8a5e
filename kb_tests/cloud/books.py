"""What of a run is still on a cloud as far as anybody knows, while it is being removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from kb_tests.cloud.kind import Kind, Resource

Key = tuple[str, str]
"""Kind and id."""


def key_of(resource: Resource) -> Key:
    """What it is found by."""
    return resource.kind, resource.id


@dataclass
class Books:
    """Nothing leaves them but what is known to be gone.

    `there` is what there is. Of that, `asked` is what the API has taken a deletion of that takes effect
    later; `missing` what answered "not found", and whether that is our work; `refused` what is refused for a
    reason that does not pass. `shown` is what a list ever had, `taken` what was once asked with success.
    `unseen` are the kinds that cannot be listed, with the reason, `barred` those of them for which that does
    not pass.
    """

    there: dict[Key, Resource] = field(default_factory=dict)
    asked: set[Key] = field(default_factory=set)
    missing: dict[Key, bool] = field(default_factory=dict)
    refused: set[Key] = field(default_factory=set)
    shown: set[Key] = field(default_factory=set)
    taken: set[Key] = field(default_factory=set)
    unseen: dict[str, str] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)

    def of(self, kinds: Collection[str]) -> list[Resource]:
        """What there is of these kinds."""
        return [resource for resource in self.there.values() if resource.kind in kinds]

    def due(self, kinds: Collection[str]) -> list[Resource]:
        """What of these kinds is to be asked to go."""
        return [each for each in self.of(kinds) if key_of(each) not in self.asked | self.missing.keys()]

    def waiting(self, kind: str) -> set[str]:
        """Ids of that kind whose deletion is under way."""
        return {id_ for name, id_ in self.asked if name == kind}

    def hidden(self, kind: str) -> set[str]:
        """Those of them that no list ever had: they may have another name by now."""
        return {id_ for id_ in self.waiting(kind) if (kind, id_) not in self.shown}

    @property
    def empty(self) -> bool:
        """Whether nothing is there, and all can be seen."""
        return not (self.there or self.unseen)

    @property
    def hopeless(self) -> bool:
        """Whether nothing would come of asking again."""
        return self.there.keys() <= self.refused and self.unseen.keys() <= self.barred

    def listed(self, row: Kind, found: Iterable[tuple[Any, Resource]], still: Collection[str]) -> list[Key]:
        """Take in a list of that kind, and which of the hidden ones are `still` there; what is gone by it."""
        self.seen(row.name)
        ids: set[str] = set()
        for listed, resource in found:
            key = key_of(resource)
            ids.add(resource.id)
            self.there.setdefault(key, resource)
            self.shown.add(key)
            self.missing.pop(key, None)
            if row.slow and not row.slow.going(listed):
                self.asked.discard(key)
        gone = [key for key in self.missing if key[0] == row.name and key[1] not in ids]
        return gone + [(row.name, id_) for id_ in self.waiting(row.name) - ids - set(still)]

    def gone(self, key: Key) -> tuple[Resource, bool]:
        """Cross it out; it, and whether it went by our doing."""
        for keys in (self.asked, self.refused, self.shown):
            keys.discard(key)
        return self.there.pop(key), self.missing.pop(key, True)

    def seen(self, kind: str) -> None:
        """That kind can be listed."""
        self.unseen.pop(kind, None)
        self.barred.discard(kind)

    def unlisted(self, kind: str, reason: str, *, final: bool) -> None:
        """That kind cannot be listed; `final` where that will not change by itself."""
        self.unseen[kind] = reason
        if final:
            self.barred.add(kind)
