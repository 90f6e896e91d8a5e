"""The projects that a run is staged in: its own, each with a user and quotas, or the one it signed in to."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from openstack import exceptions as sdk
from openstack.connection import Connection

from kb_tests.cloud import quotas
from kb_tests.cloud.builder import Builder
from kb_tests.cloud.graph import Graph, Step, known
from kb_tests.cloud.layout import Layout, Needs
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import Supplies

CLIENTS = "clients"
"""The project that holds the run's lease."""

_KEY = "key"


@dataclass(frozen=True)
class Project:
    """A project to stage in. Networks are made by the signed-in user, in its name; servers by its own.

    `network_ready` is done once its network quota is set; `compute` is a connection that may create
    servers, `key_name` the keypair's name there or empty.
    """

    id: Step[str]
    network_ready: Step[None]
    compute: Step[Connection]
    key_name: str
    own: bool

    @property
    def scope(self) -> dict[str, Any]:
        """What makes a network resource belong to this project."""
        return {"project_id": self.id.value} if self.own else {}


def add_projects(
    graph: Graph, builder: Builder, layout: Layout, supplies: Supplies, options: StageOptions
) -> dict[int, Project]:
    """Steps that make a project for every tenant; 0 is the clients'."""
    tenants: Iterable[int] = (0, *layout.tenants)
    if not supplies.own_projects:
        return dict.fromkeys(tenants, _current(graph, builder, options))
    return {
        tenant: _own(graph, builder, tenant, layout.needs_of(tenant), supplies, options) for tenant in tenants
    }


def _current(graph: Graph, builder: Builder, options: StageOptions) -> Project:
    cloud = builder.cloud

    def keypair() -> Connection:
        if options.public_key:
            builder.create("keypair", _KEY, public_key=options.public_key)
        return cloud.connection

    return Project(
        id=known("project", cloud.project_id),
        network_ready=known("network quota", None),
        compute=graph.add("keypair", keypair),
        key_name=builder.name(_KEY) if options.public_key else "",
        own=False,
    )


def _own(
    graph: Graph,
    builder: Builder,
    tenant: int,
    needs: Needs,
    supplies: Supplies,
    options: StageOptions,
) -> Project:
    cloud = builder.cloud
    suffix = builder.journal.apart(f"tenant-{tenant}" if tenant else CLIENTS)
    key = f"{_KEY}-{suffix}"
    password = secrets.token_urlsafe(24)

    def make_project() -> str:
        return str(builder.create("project", suffix, domain_id=cloud.domain_id).id)

    def make_user() -> str:
        return str(builder.create("user", suffix, domain_id=cloud.domain_id, password=password).id)

    def give(user_id: str, role_id: str) -> None:
        path = f"/projects/{project.value}/users/{user_id}/roles/{role_id}"
        builder.call(
            f"giving the user of {suffix} its role",
            lambda: sdk.raise_from_response(cloud.identity.put(path)),
        )

    def grant() -> Connection:
        give(user.value, supplies.member_role_id)
        if supplies.own_role_ids:
            # Nova takes hosts from admins alone, and no user of a run shall be one. The roles go with the
            # project.
            for role_id in supplies.own_role_ids:
                give(cloud.user_id, role_id)
            owner, connection = cloud.user_id, cloud.in_project(project.value)
        else:
            owner, connection = user.value, cloud.sign_in(user.value, password, project.value)
        if options.public_key:
            builder.create(
                "keypair",
                key,
                on=connection,
                project=project.value,
                owner=owner,
                public_key=options.public_key,
            )
        return connection

    def set_network_quota() -> None:
        quotas.set_network(builder, project.value, suffix, needs)

    def set_compute_quota() -> None:
        quotas.set_compute(builder, project.value, suffix, needs)

    project = graph.add(f"project {suffix}", make_project)
    user = graph.add(f"user {suffix}", make_user)
    granted = graph.add(f"role {suffix}", grant, [project, user])
    compute_quota = graph.add(f"compute quota {suffix}", set_compute_quota, [project])
    return Project(
        id=project,
        network_ready=graph.add(f"network quota {suffix}", set_network_quota, [project]),
        compute=graph.add(f"compute {suffix}", lambda: granted.value, [granted, compute_quota]),
        key_name=builder.name(key) if options.public_key else "",
        own=True,
    )
