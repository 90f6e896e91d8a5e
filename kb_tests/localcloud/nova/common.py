"""The routes of all compute resources, and how they are found and linked."""

from __future__ import annotations

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call, Json
from kb_tests.localcloud.api.errors import conflict, not_found
from kb_tests.localcloud.api.microversions import Microversions
from kb_tests.localcloud.api.paging import next_link
from kb_tests.localcloud.api.routes import Routes
from kb_tests.localcloud.api.service import Service
from kb_tests.localcloud.nova.state import Server

routes = Routes()

MICROVERSIONS = Microversions("compute", (2, 1), (2, 96), "X-OpenStack-Nova-API-Version")

SERVICE = Service(
    "nova",
    "compute",
    routes,
    errors.nova,
    "Policy doesn't allow {rule} to be performed.",
    MICROVERSIONS,
)


def links(call: Call, path: str) -> list[Json]:
    """`self` and `bookmark` of a resource."""
    return [
        {"rel": "self", "href": f"{call.cloud.url}/compute/v2.1/{path}"},
        {"rel": "bookmark", "href": f"{call.cloud.url}/compute/{path}"},
    ]


def next_page(call: Call, marker: str | None) -> list[Json]:
    """The `..._links` of a list."""
    if marker is None:
        return []
    return [{"rel": "next", "href": next_link(call.cloud.url + call.request.url.path, call.query, marker)}]


def get_server(call: Call, name: str = "id") -> Server:
    """The server, if it is the caller's.

    Raises:
        ApiError: 404.

    """
    server = call.cloud.compute.servers.get(call.params[name])
    if server is None or not call.caller.sees(server.project_id):
        raise not_found(f"Instance {call.params[name]} could not be found.")
    return server


def must_be(server: Server, action: str, *states: str) -> None:
    """The `vm_state` that an action needs, and no other action under way.

    Raises:
        ApiError: 409.

    """
    if server.vm_state not in states:
        raise conflict(f"Cannot '{action}' instance {server.id} while it is in vm_state {server.vm_state}")
    if server.task_state is not None:
        raise conflict(
            f"Cannot '{action}' instance {server.id} while it is in task_state {server.task_state}"
        )


def must_be_unlocked(call: Call, server: Server) -> None:
    """An administrator passes.

    Raises:
        ApiError: 409.

    """
    if server.locked and not call.caller.is_admin:
        raise conflict(f"Instance {server.id} is locked")
