"""The one table of the kinds of resources that we create: how each is made, marked, found, removed.

=================  ===========================  ==============================================
kind               carries the mark in          found by
=================  ===========================  ==============================================
server             metadata `kb_tests`          name prefix (a regex in Nova), all projects
volume             metadata `kb_tests`          all projects
floating_ip        description (has no name)    description
port               description                  description
router             description                  description
network            description                  description
subnet             description                  description
security_group     description                  description
keypair            comment of the public key    its user
flavor             description (2.55)           all flavors, private ones included
image              property `kb_tests`          all images
user               description                  all users
project            description                  all projects
=================  ===========================  ==============================================

A network goes with its subnets; a router only once its interfaces are detached; a project only once
its `default` security group, its users' keypairs and its quotas are gone, as nothing else would ever
remove those.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from openstack import exceptions as sdk
from openstack.connection import Connection

from kb_tests.cloud.connect import Cloud, identity
from kb_tests.cloud.mark import Mark, run_of_name
from kb_tests.cloud.server_list import list_servers

KEY = "kb_tests"
"""The metadata key and image property that hold the mark."""

ROUTER_INTERFACES = ("network:router_interface", "network:ha_router_replicated_interface")
"""How the device_owner of a router's port in a tenant's network begins."""

Attributes = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """Something of a run that is on the cloud; `lease_until` is what its own mark says (Unix time)."""

    kind: str
    id: str
    name: str
    run_id: str
    lease_until: int
    project: str = ""
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.name} ({self.id})"


@dataclass(frozen=True)
class Kind:
    """One row of the table.

    `phase` orders removal: lower ones first, equal ones together. `create` and `find` (by exact name
    and mark) take the connection of the project concerned; `listing` and `delete` go over all
    projects that the user of the cloud may see. `busy` are the statuses by which the API refuses to
    delete something for now.
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
            owner=str(getattr(found, "user_id", "") or "") if self.name == "keypair" else "",
        )

    def find(self, cloud: Cloud, mark: Mark | None) -> Iterator[Resource]:
        """What there is of this kind: of one run, or (None) of all runs."""
        if (self.admin and not cloud.is_admin) or (self.needs_volumes and not cloud.has_volumes):
            return
        for found in self._listed(cloud, mark):
            resource = self.resource(found)
            if resource is not None and (mark is None or resource.run_id == mark.run_id):
                yield resource

    def _listed(self, cloud: Cloud, mark: Mark | None) -> Iterator[Any]:
        """A catalog may name a volume service that nobody installed: there is nothing of ours in it."""
        try:
            yield from self.listing(cloud, mark)
        except sdk.NotFoundException:
            if not self.needs_volumes:
                raise


def _described(mark: Mark) -> Attributes:
    return {"description": str(mark)}


def _description(found: Any) -> str:
    return str(found.description or "")


def _in_metadata(mark: Mark) -> Attributes:
    return {"metadata": {KEY: str(mark)}}


def _metadata(found: Any) -> str:
    return str((found.metadata or {}).get(KEY, ""))


def _query(mark: Mark | None) -> Attributes:
    """Neutron filters by exact description; every mark of a run is the same text."""
    return {} if mark is None else {"description": str(mark)}


def _servers(cloud: Cloud, mark: Mark | None) -> Iterable[Any]:
    prefix = f"^kb-{mark.run_id}-" if mark else "^kb-"
    return list_servers(cloud, prefix)


def _volumes(cloud: Cloud, _mark: Mark | None) -> Iterable[Any]:
    return cast(
        "Iterable[Any]", cloud.connection.block_storage.volumes(details=True, all_projects=cloud.is_admin)
    )


def _keypairs(cloud: Cloud, mark: Mark | None) -> Iterable[Any]:
    """Of the signed-in user, and of the run's own users: Nova lists them by user only."""
    yield from cloud.connection.compute.keypairs()
    if cloud.is_admin:
        for user in KINDS["user"].find(cloud, mark):
            for keypair in cloud.connection.compute.keypairs(user_id=user.id):
                keypair.user_id = user.id
                yield keypair


def _delete_router(cloud: Cloud, router: Resource) -> None:
    """Its interfaces leave it first. Its other ports (gateway, HA, DVR's SNAT) are Neutron's, go with it, and
    are answered with 404 as interfaces.
    """
    network = cloud.connection.network
    for port in network.ports(device_id=router.id):
        if (port.device_owner or "").startswith(ROUTER_INTERFACES):
            with contextlib.suppress(sdk.NotFoundException):
                network.remove_interface_from_router(router.id, None, port.id)
    network.delete_router(router.id)


def _delete_port(cloud: Cloud, port: Resource) -> None:
    """That of a router which is not ours goes by leaving it."""
    network = cloud.connection.network
    try:
        network.delete_port(port.id)
    except sdk.ConflictException:
        found = network.get_port(port.id)
        if not (found.device_owner or "").startswith(ROUTER_INTERFACES):
            raise
        network.remove_interface_from_router(found.device_id, None, port.id)


def _delete_network(cloud: Cloud, resource: Resource) -> None:
    """Ports that others left behind in it (Nova, when a server's deletion failed) go first."""
    network = cloud.connection.network
    try:
        network.delete_network(resource.id)
    except sdk.ConflictException:
        for port in network.ports(network_id=resource.id):
            if not (port.device_owner or "").startswith("network:"):
                network.delete_port(port.id)
        network.delete_network(resource.id)


def _delete_project(cloud: Cloud, project: Resource) -> None:
    """With what OpenStack keeps by project id alone: default security group and quotas.

    The order matters: Neutron makes a project's default group anew when asked for its groups.
    """
    network, compute = cloud.connection.network, cloud.connection.compute
    for group in network.security_groups(project_id=project.id):
        if group.project_id == project.id:
            network.delete_security_group(group.id)
    network.delete_quota(project.id)
    with contextlib.suppress(sdk.NotFoundException):
        compute.revert_quota_set(project.id)
    cloud.identity.delete_project(project.id)


def _kinds() -> Iterator[Kind]:
    yield Kind(
        name="server",
        phase=0,
        create=lambda c, a: c.compute.create_server(**a),
        carry=_in_metadata,
        text=_metadata,
        listing=_servers,
        delete=lambda cloud, r: cloud.connection.compute.delete_server(r.id),
    )
    yield Kind(
        name="floating_ip",
        phase=0,
        create=lambda c, a: c.network.create_ip(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, mark: cloud.connection.network.ips(**_query(mark)),
        delete=lambda cloud, r: cloud.connection.network.delete_ip(r.id),
        named=False,
    )
    yield Kind(
        name="volume",
        phase=2,
        create=lambda c, a: c.block_storage.create_volume(**a),
        carry=_in_metadata,
        text=_metadata,
        listing=_volumes,
        delete=lambda cloud, r: cloud.connection.block_storage.delete_volume(r.id),
        needs_volumes=True,
        busy=frozenset({400, 409}),
    )
    yield Kind(
        name="keypair",
        phase=1,
        create=lambda c, a: c.compute.create_keypair(**a),
        carry=lambda mark: {"public_key": str(mark)},
        text=lambda found: str(found.public_key or ""),
        listing=_keypairs,
        delete=lambda cloud, r: cloud.connection.compute.delete_keypair(r.id, user_id=r.owner or None),
    )
    yield Kind(
        name="flavor",
        phase=1,
        create=lambda c, a: c.compute.create_flavor(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, _: cloud.connection.compute.flavors(details=True, is_public=None),
        delete=lambda cloud, r: cloud.connection.compute.delete_flavor(r.id),
        admin=True,
    )
    yield Kind(
        name="router",
        phase=1,
        create=lambda c, a: c.network.create_router(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, mark: cloud.connection.network.routers(**_query(mark)),
        delete=_delete_router,
    )
    yield Kind(
        name="port",
        phase=2,
        create=lambda c, a: c.network.create_port(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, mark: cloud.connection.network.ports(**_query(mark)),
        delete=_delete_port,
    )
    yield Kind(
        name="network",
        phase=3,
        create=lambda c, a: c.network.create_network(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, mark: cloud.connection.network.networks(**_query(mark)),
        delete=_delete_network,
    )
    yield Kind(
        name="subnet",
        phase=4,
        create=lambda c, a: c.network.create_subnet(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, mark: cloud.connection.network.subnets(**_query(mark)),
        delete=lambda cloud, r: cloud.connection.network.delete_subnet(r.id),
    )
    yield Kind(
        name="security_group",
        phase=4,
        create=lambda c, a: c.network.create_security_group(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, mark: cloud.connection.network.security_groups(**_query(mark)),
        delete=lambda cloud, r: cloud.connection.network.delete_security_group(r.id),
    )
    yield Kind(
        name="image",
        phase=4,
        create=lambda c, a: c.image.create_image(**a),
        carry=lambda mark: {KEY: str(mark)},
        text=lambda found: str((found.properties or {}).get(KEY, "")),
        listing=lambda cloud, _: cloud.connection.image.images(limit=1000),
        delete=lambda cloud, r: cloud.connection.image.delete_image(r.id),
    )
    yield Kind(
        name="user",
        phase=5,
        create=lambda c, a: identity(c).create_user(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, _: cloud.identity.users(),
        delete=lambda cloud, r: cloud.identity.delete_user(r.id),
        admin=True,
    )
    yield Kind(
        name="project",
        phase=6,
        create=lambda c, a: identity(c).create_project(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, _: cloud.identity.projects(),
        delete=_delete_project,
        admin=True,
    )


KINDS: dict[str, Kind] = {kind.name: kind for kind in _kinds()}
"""Every kind by name."""

LAST_TO_GO = KINDS["user"].phase
"""From this phase on, kinds lead to others: keypairs are listed by user, lost runs by project."""
