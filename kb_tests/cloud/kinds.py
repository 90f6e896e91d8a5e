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
from collections.abc import Collection, Iterable, Iterator
from typing import Any, cast

from openstack import exceptions as sdk

from kb_tests.cloud.connect import Cloud, identity
from kb_tests.cloud.kind import Attributes, Kind, Resource, Slow
from kb_tests.cloud.mark import Mark
from kb_tests.cloud.server_list import list_names, list_servers

KEY = "kb_tests"
"""The metadata key and image property that hold the mark."""

ROUTER_INTERFACES = ("network:router_interface", "network:ha_router_replicated_interface")
"""How the device_owner of a router's port in a tenant's network begins."""


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
    return list_servers(cloud, _prefix(mark))


def _prefix(mark: Mark | None) -> str:
    """A regular expression for names of a run, or of any."""
    return f"^kb-{mark.run_id}-" if mark else "^kb-"


def _volumes(cloud: Cloud, _mark: Mark | None) -> Iterable[Any]:
    return cast(
        "Iterable[Any]", cloud.connection.block_storage.volumes(details=True, all_projects=cloud.is_admin)
    )


def _server_names(cloud: Cloud, mark: Mark) -> set[str]:
    return {server.id for server in list_names(cloud, _prefix(mark))}


def _is_going(server: Any) -> bool:
    """In the end Nova is about nothing any more with one that has the status of a deleted one already."""
    return server.task == "deleting" or server.status in ("DELETED", "SOFT_DELETED")


def _servers_there(cloud: Cloud, ids: Collection[str]) -> set[str]:
    return {id_ for id_ in ids if _is_there(cloud.connection.compute, f"/servers/{id_}")}


def _is_there(proxy: Any, path: str) -> bool:
    response = proxy.get(path)
    if response.status_code == 404:
        return False
    sdk.raise_from_response(response)
    return True


def _volume_ids(cloud: Cloud, _mark: Mark) -> set[str]:
    return {str(volume.id) for volume in _volumes(cloud, None)}


def _volumes_there(cloud: Cloud, ids: Collection[str]) -> set[str]:
    return {str(volume.id) for volume in _volumes(cloud, None)} & set(ids)


def _delete_keypair(cloud: Cloud, keypair: Resource) -> None:
    """Of others than oneself an admin alone may name."""
    owner = keypair.owner if keypair.owner != cloud.user_id else ""
    cloud.connection.compute.delete_keypair(keypair.id, ignore_missing=False, user_id=owner or None)


def _keypairs(cloud: Cloud, mark: Mark | None) -> Iterable[Any]:
    """Of the signed-in user, of the run's own users and, where no run is known, of those who made any servers
    of ours: Nova lists them by user only.
    """
    for keypair in cloud.connection.compute.keypairs():
        keypair.user_id = cloud.user_id
        yield keypair
    if cloud.is_admin:
        users = {user.id for user in KINDS["user"].find(cloud, mark)}
        users |= {server.user_id for server in _servers(cloud, None)} if mark is None else set()
        for user in sorted(users - {"", cloud.user_id}):
            for keypair in cloud.connection.compute.keypairs(user_id=user):
                keypair.user_id = user
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
    network.delete_router(router.id, ignore_missing=False)


def _delete_port(cloud: Cloud, port: Resource) -> None:
    """That of a router which is not ours goes by leaving it."""
    network = cloud.connection.network
    try:
        network.delete_port(port.id, ignore_missing=False)
    except sdk.ConflictException:
        found = network.get_port(port.id)
        if not (found.device_owner or "").startswith(ROUTER_INTERFACES):
            raise
        network.remove_interface_from_router(found.device_id, None, port.id)


def _delete_network(cloud: Cloud, resource: Resource) -> None:
    """Ports that others left behind in it (Nova, when a server's deletion failed) go first."""
    network = cloud.connection.network
    try:
        network.delete_network(resource.id, ignore_missing=False)
    except sdk.ConflictException:
        for port in network.ports(network_id=resource.id):
            if not (port.device_owner or "").startswith("network:"):
                network.delete_port(port.id)
        network.delete_network(resource.id, ignore_missing=False)


def _delete_project(cloud: Cloud, project: Resource) -> None:
    """With what OpenStack keeps by project id alone: default security group and quotas, Cinder's too.

    The order matters: Neutron makes a project's default group anew when asked for its groups.
    """
    network, compute = cloud.connection.network, cloud.connection.compute
    for group in network.security_groups(project_id=project.id):
        if group.project_id == project.id:
            network.delete_security_group(group.id)
    network.delete_quota(project.id)
    with contextlib.suppress(sdk.NotFoundException):
        compute.revert_quota_set(project.id)
    if cloud.has_volumes:
        with contextlib.suppress(sdk.NotFoundException):
            block_storage: Any = cloud.connection.block_storage
            block_storage.revert_quota_set(project.id)
    cloud.identity.delete_project(project.id, ignore_missing=False)


def _kinds() -> Iterator[Kind]:
    yield Kind(
        name="server",
        phase=0,
        create=lambda c, a: c.compute.create_server(**a),
        carry=_in_metadata,
        text=_metadata,
        listing=_servers,
        delete=lambda cloud, r: cloud.connection.compute.delete_server(r.id, ignore_missing=False),
        slow=Slow(_server_names, _servers_there, _is_going),
    )
    yield Kind(
        name="floating_ip",
        phase=0,
        create=lambda c, a: c.network.create_ip(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, mark: cloud.connection.network.ips(**_query(mark)),
        delete=lambda cloud, r: cloud.connection.network.delete_ip(r.id, ignore_missing=False),
        named=False,
    )
    yield Kind(
        name="volume",
        phase=2,
        create=lambda c, a: c.block_storage.create_volume(**a),
        carry=_in_metadata,
        text=_metadata,
        listing=_volumes,
        delete=lambda cloud, r: cloud.connection.block_storage.delete_volume(r.id, ignore_missing=False),
        slow=Slow(_volume_ids, _volumes_there, lambda found: found.status == "deleting"),
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
        delete=_delete_keypair,
        of_user=True,
    )
    yield Kind(
        name="flavor",
        phase=1,
        create=lambda c, a: c.compute.create_flavor(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, _: cloud.connection.compute.flavors(details=True, is_public=None),
        delete=lambda cloud, r: cloud.connection.compute.delete_flavor(r.id, ignore_missing=False),
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
        goes_along=True,
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
        delete=lambda cloud, r: cloud.connection.network.delete_subnet(r.id, ignore_missing=False),
        goes_along=True,
    )
    yield Kind(
        name="security_group",
        phase=4,
        create=lambda c, a: c.network.create_security_group(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, mark: cloud.connection.network.security_groups(**_query(mark)),
        delete=lambda cloud, r: cloud.connection.network.delete_security_group(r.id, ignore_missing=False),
    )
    yield Kind(
        name="image",
        phase=4,
        create=lambda c, a: c.image.create_image(**a),
        carry=lambda mark: {KEY: str(mark)},
        text=lambda found: str((found.properties or {}).get(KEY, "")),
        listing=lambda cloud, _: cloud.connection.image.images(limit=1000),
        delete=lambda cloud, r: cloud.connection.image.delete_image(r.id, ignore_missing=False),
    )
    yield Kind(
        name="user",
        phase=5,
        create=lambda c, a: identity(c).create_user(**a),
        carry=_described,
        text=_description,
        listing=lambda cloud, _: cloud.identity.users(),
        delete=lambda cloud, r: cloud.identity.delete_user(r.id, ignore_missing=False),
        admin=True,
        shared_by_regions=True,
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
        shared_by_regions=True,
    )


KINDS: dict[str, Kind] = {kind.name: kind for kind in _kinds()}
"""Every kind by name."""

LAST_TO_GO = KINDS["user"].phase
"""From this phase on, kinds lead to others: keypairs are listed by user, lost runs by project."""
