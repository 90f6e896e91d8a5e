"""The projects with which an image is shared."""

from __future__ import annotations

from starlette.responses import Response

from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import bad_request, conflict, forbidden, not_found
from kb_tests.localcloud.glance.common import get, own, routes
from kb_tests.localcloud.glance.state import Image
from kb_tests.localcloud.times import seconds


def _member(image: Image, project_id: str) -> Json:
    return {
        "image_id": image.id,
        "member_id": project_id,
        "status": image.members[project_id],
        "created_at": seconds(image.created),
        "updated_at": seconds(image.updated),
        "schema": "/v2/schemas/member",
    }


@routes.add("GET", "/v2/images/{id}/members")
async def list_members(call: Call) -> Response:
    """With which projects it is shared."""
    image = get(call, call.params["id"])
    shown = [who for who in image.members if call.caller.sees(image.owner) or who == call.caller.project_id]
    return reply({"members": [_member(image, who) for who in shown], "schema": "/v2/schemas/members"})


@routes.add("POST", "/v2/images/{id}/members")
async def add_member(call: Call) -> Response:
    """Share it with a project."""
    image = own(call, "add_member")
    if image.visibility != "shared":
        raise forbidden("Only shared images have members.")
    project_id = call.body.get("member")
    if not isinstance(project_id, str) or not project_id:
        raise bad_request("Member can't be empty")
    if project_id in image.members:
        raise conflict(f"Member {project_id} is duplicated for image {image.id}")
    image.members[project_id] = "pending"
    return reply(_member(image, project_id))


@routes.add("GET", "/v2/images/{id}/members/{member}")
async def show_member(call: Call) -> Response:
    """One of them."""
    return reply(_member(*_find_member(call)))


def _find_member(call: Call) -> tuple[Image, str]:
    image, who = get(call, call.params["id"]), call.params["member"]
    if who not in image.members or not (call.caller.sees(image.owner) or who == call.caller.project_id):
        raise not_found(f"{who} not found in the member list of the image {image.id}.")
    return image, who


@routes.add("PUT", "/v2/images/{id}/members/{member}")
async def update_member(call: Call) -> Response:
    """The project accepts or rejects."""
    image, who = _find_member(call)
    status = call.body.get("status")
    if status not in ("pending", "accepted", "rejected"):
        raise bad_request("Status must be pending, accepted or rejected.")
    if call.caller.project_id != who and not call.caller.is_admin:
        raise forbidden("You are not authorized to complete modify_member action.")
    image.members[who] = status
    return reply(_member(image, who))


@routes.add("DELETE", "/v2/images/{id}/members/{member}")
async def delete_member(call: Call) -> Response:
    """Share it no longer."""
    image = own(call, "delete_member")
    del image.members[_find_member(call)[1]]
    return reply(status=204)
