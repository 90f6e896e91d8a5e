"""Whether the user that is signed in may do what a run does; what lacks is said before anything is made."""

from __future__ import annotations

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.errors import CapacityError

_ONCE = frozenset({
    "token", "v3token", "admin_token", "v3totp", "v3oidcaccesstoken", "v3oidcauthcode", "v3oidcdeviceauthz",
})  # fmt: skip
"""Ways to sign in that prove it once or for a short time, so that nobody can do it again hours later."""


def check_sign_in(cloud: Cloud) -> None:
    """CapacityError where nobody could sign in again later, to remove what a run has made."""
    once = [method for method in cloud.sign_in_methods if method in _ONCE]
    if once:
        raise CapacityError(
            f"Cloud {cloud.name!r} signs in by {' and '.join(once)}, which does not work again hours later, "
            "when somebody has to remove what a run has made.",
            remedy="Make an application credential (`openstack application credential create`) and give that "
            "in clouds.yaml.",
        )


def makes_projects(caller: Caller, layout: Layout | None, options: StageOptions) -> bool:
    """Whether a run makes projects of its own: where the user's rights suffice, unless told otherwise."""
    if options.own_projects is not None:
        return options.own_projects
    cloud, asking = caller.cloud, "asking what the user may do"
    if not caller.call(asking, lambda: cloud.is_admin):
        return False
    on_volumes = layout is not None and layout.volume is not None and cloud.has_volumes
    return not on_volumes or caller.call(asking, lambda: cloud.rights.limits_volumes)


def check_member(caller: Caller) -> None:
    """CapacityError where the user only reads in the project that everything would be made in."""
    cloud = caller.cloud
    denied = caller.call("asking what the user may do", lambda: cloud.rights.denied)
    if denied:
        raise CapacityError(
            f"The user of cloud {cloud.name!r} may not {' and '.join(denied)} in project {cloud.project_id}.",
            remedy="Give it the role member there (`openstack role add`), or use another user's credentials.",
        )


def check_tenants(caller: Caller, layout: Layout) -> None:
    """CapacityError where a scenario asks for several tenants and all would share one project."""
    if len(layout.tenants) > 1:
        raise CapacityError(
            f"Scenario {layout.scenario} has {len(layout.tenants)} tenants, each a project of its own; on "
            f"cloud {caller.cloud.name!r} all would share the project signed in to.",
            remedy="Use an admin's credentials, or one tenant with as many routers.",
        )


def member_role(caller: Caller) -> str:
    """The role of the run's users; CapacityError where the signed-in one may not make any."""
    cloud = caller.cloud
    missing = caller.call("asking what the user may do", lambda: cloud.rights.missing)
    if missing:
        raise CapacityError(
            f"The user of cloud {cloud.name!r} may not {missing}.",
            remedy="Use an admin's credentials, or stage in the user's own project.",
        )
    roles = caller.call("listing roles", lambda: list(cloud.identity.roles()))
    by_name = {role.name.lower(): role.id for role in roles}
    for name in ("member", "_member_"):
        if name in by_name:
            return str(by_name[name])
    raise CapacityError(
        f"Cloud {cloud.name!r} has no role 'member' for the run's users.",
        remedy="Its operator makes one (`openstack role create member`); or stage in the user's own project.",
    )
