"""The routes of all image resources, and which images a caller may see and change."""

from __future__ import annotations

from kb_tests.localcloud.api import errors
from kb_tests.localcloud.api.call import Call
from kb_tests.localcloud.api.errors import forbidden, not_found
from kb_tests.localcloud.api.routes import Routes
from kb_tests.localcloud.api.service import Service
from kb_tests.localcloud.glance.state import Image

routes = Routes()

SERVICE = Service(
    "glance",
    "image",
    routes,
    errors.glance,
    "You are not authorized to complete {rule} action.",
    unauthorized=errors.glance,
)


def sees(call: Call, image: Image) -> bool:
    """Own images, public ones, community ones, and those shared with the project."""
    if call.caller.sees(image.owner) or image.visibility in ("public", "community"):
        return True
    return image.visibility == "shared" and call.caller.project_id in image.members


def get(call: Call, identifier: str) -> Image:
    """The image, if the caller may see it.

    Raises:
        ApiError: 404.

    """
    image = call.cloud.images.images.get(identifier)
    if image is None or not sees(call, image):
        raise not_found(f"No image found with ID {identifier}")
    return image


def own(call: Call, action: str) -> Image:
    """The image of the path, if the caller may change it.

    Raises:
        ApiError: 404, or 403 which names the action.

    """
    image = get(call, call.params["id"])
    if not call.caller.sees(image.owner):
        raise forbidden(f"You are not authorized to complete {action} action.")
    return image
