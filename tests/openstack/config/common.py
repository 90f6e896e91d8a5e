"""What the configuration files have in common."""

from __future__ import annotations

from collections.abc import Mapping

from tests.openstack.settings import CLOUD, Settings

Sections = Mapping[str, Mapping[str, object]]
"""Options by section."""

QUEUE_USER = "openstack"
MEMCACHED = "127.0.0.1:11211"
REGION = "RegionOne"


def ini(sections: Sections) -> str:
    """A file as oslo.config reads it."""
    blocks = []
    for section, options in sections.items():
        lines = [f"{name} = {_text(value)}".rstrip() for name, value in options.items()]
        blocks.append("\n".join([f"[{section}]", *lines]))
    return "\n\n".join(blocks) + "\n"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def database_url(settings: Settings, user: str, name: str = "") -> str:
    """Where a service's data is; the database is called like its user unless named."""
    return f"mysql+pymysql://{user}:{settings.password}@127.0.0.1/{name or user}?charset=utf8"


def database(settings: Settings, user: str, name: str = "") -> dict[str, object]:
    """A section for oslo.db."""
    return {
        "connection": database_url(settings, user, name),
        "max_pool_size": 5,
        "max_overflow": 20,
        "connection_recycle_time": 280,
    }


def daemon(settings: Settings) -> dict[str, object]:
    """Of a section DEFAULT: a daemon that talks to others over the queue."""
    return {
        "use_stderr": True,
        "host": CLOUD,
        "transport_url": f"rabbit://{QUEUE_USER}:{settings.password}@127.0.0.1:5672/",
    }


def messaging() -> Sections:
    """Sections for oslo.messaging: patient with a busy machine, and nobody listens to notifications."""
    return {
        "oslo_messaging_rabbit": {"heartbeat_timeout_threshold": 120, "rpc_conn_pool_size": 10},
        "oslo_messaging_notifications": {"driver": "noop"},
    }


def account(settings: Settings, user: str) -> dict[str, object]:
    """A section for keystoneauth: how a service signs in."""
    return {
        "auth_type": "password",
        "auth_url": f"{settings.url('keystone')}/v3",
        "project_name": "service",
        "project_domain_name": "Default",
        "user_domain_name": "Default",
        "username": user,
        "password": settings.password,
        "region_name": REGION,
    }


def authenticated(settings: Settings, user: str) -> Sections:
    """Sections of an API that checks its callers' tokens, and calls other APIs with its own beside them."""
    return {
        "keystone_authtoken": account(settings, user)
        | {
            "www_authenticate_uri": settings.url("keystone"),
            "memcached_servers": MEMCACHED,
            "service_token_roles": "service",
            "service_token_roles_required": True,
        },
        "service_user": account(settings, user) | {"send_service_user_token": True},
    }


def locks(service: str) -> Sections:
    """A section for oslo.concurrency."""
    return {"oslo_concurrency": {"lock_path": f"/run/lock/{service}"}}


def privileged(*contexts: str) -> Sections:
    """Sections for oslo.privsep, one thread each.

    Zed's own two or more share a lock that eventlet has replaced, and on a busy machine an answer gets lost
    ("cannot switch to a different thread"): the agent then waits for it until it is started again.
    """
    return {context: {"thread_pool_size": 1} for context in contexts}
