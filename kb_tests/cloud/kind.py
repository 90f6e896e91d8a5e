"""What has to be known of a kind of resource, so that what a run made of it is found, and goes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from openstack import exceptions as sdk
from openstack.connection import Connection

from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.mark import Mark, run_of_name

Attributes = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """Something of a run that is on the cloud; `lease_until` is what its own mark says (Unix time), and so is
    `region`, where that is told.
    """

    kind: str
    id: str
    name: str
    run_id: str
    lease_until: int
    project: str = ""
    owner: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.name} ({self.id})"


@dataclass(frozen=True)
class Slow:
    """How to watch what goes some time after it was asked to.

    `names` are the ids of all that may be of the run, by the cheapest list; `there` tells which of the given
    ids are there, whatever they are called by now; `going`, of what is listed, whether its deletion is under
    way.
    """

    names: Callable[[Cloud, Mark], set[str]]
    there: Callable[[Cloud, Collection[str]], set[str]]
    going: Callable[[Any], bool]


@dataclass(frozen=True)
class Kind:
    """One row of the table.

    `phase` orders removal: lower ones first, equal ones together. `create` and `find` (by exact name
    and mark) take the connection of the project concerned; `listing` and `delete` go over all
    projects that the user of the cloud may see. `delete` raises NotFoundException where there is nothing.
    `busy` are the statuses by which the API refuses to delete something for now.

    `admin` ones are seen by admins alone, `of_user` ones by their user; those `shared_by_regions` are seen in
    each, `goes_along` ones go with what they are in. `slow` is for those whose deletion takes effect later.
    """

    name: str
    phase: int
    create: Callable[[Connection, Attributes], Any]
    carry: Callable[[Mark], Attributes]
    text: Callable[[Any], str]
    listing: Callable[[Cloud, Mark | None], Iterable[Any]]
    delete: Callable[[Cloud, Resource], None]
    admin: bool = False
    needs_volumes: bool = False
    busy: frozenset[int] = frozenset({409})
    named: bool = True
    of_user: bool = False
    shared_by_regions: bool = False
    goes_along: bool = False
    slow: Slow | None = None

    def resource(self, found: Any) -> Resource | None:
        """The SDK's object as one of ours; None unless both its name and its mark say so."""
        mark = Mark.parse(self.text(found))
        name = str(found.name or "") if self.named else f"kb-{mark.run_id}-" if mark else ""
        if mark is None or (self.named and run_of_name(name) != mark.run_id):
            return None
        return Resource(
            kind=self.name,
            id=str(found.id),
            name=name if self.named else f"{name}{found.floating_ip_address}",
            run_id=mark.run_id,
            lease_until=mark.lease_until,
            project=str(getattr(found, "project_id", "") or ""),
            owner=str(getattr(found, "user_id", "") or "") if self.of_user else "",
            region=mark.region,
        )

    def find(self, cloud: Cloud, mark: Mark | None) -> Iterator[Resource]:
        """What there is of this kind in the cloud's region: of one run, or (None) of all runs."""
        return (resource for _, resource in self.found(cloud, mark))

    def found(self, cloud: Cloud, mark: Mark | None, *, used: bool = False) -> Iterator[tuple[Any, Resource]]:
        """The same, each with what the API says of it; `used` where the run certainly had some."""
        if (self.admin and not cloud.is_admin) or (self.needs_volumes and not cloud.has_volumes):
            return
        for found in self._listed(cloud, mark, used=used):
            resource = self.resource(found)
            if resource is None or resource.region not in ("", cloud.region):
                continue
            if mark is None or resource.run_id == mark.run_id:
                yield found, resource

    def shows(self, cloud: Cloud, project: str, owner: str) -> bool:
        """Whether the cloud would show something of this kind that is in that project, or that user's, to
        whoever is signed in: only then does an answer "not found" say that it is gone.
        """
        if self.of_user:
            return owner == cloud.user_id or (cloud.is_admin and bool(owner))
        return cloud.is_admin or (not self.admin and project == cloud.project_id)

    def _listed(self, cloud: Cloud, mark: Mark | None, *, used: bool) -> Iterator[Any]:
        """A catalog may name a volume service that nobody installed: there is nothing of ours in it, unless
        there was.
        """
        try:
            yield from self.listing(cloud, mark)
        except sdk.NotFoundException:
            if used or not self.needs_volumes:
                raise
