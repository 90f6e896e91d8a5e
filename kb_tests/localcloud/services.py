"""All services of the cloud, put together."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from kb_tests.localcloud import admin
from kb_tests.localcloud.api.app import App
from kb_tests.localcloud.cinder import api as cinder
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.glance import api as glance
from kb_tests.localcloud.harm import api as harm
from kb_tests.localcloud.keystone import api as keystone
from kb_tests.localcloud.neutron import api as neutron
from kb_tests.localcloud.nova import api as nova

_OF_A_REGION = (nova.SERVICE, neutron.SERVICE, glance.SERVICE, cinder.SERVICE, admin.SERVICE)


def application(cloud: Cloud) -> App:
    """The ASGI application of a cloud, or of its first region."""
    return App(cloud, (keystone.SERVICE, *_OF_A_REGION))


def by_port(regions: Mapping[int, Cloud]) -> ASGIApp:
    """The ASGI application of all regions, each at a port of its own; Keystone is at the first one's."""
    first, *others = regions.items()
    apps = {first[0]: application(first[1])} | {port: App(cloud, _OF_A_REGION) for port, cloud in others}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["server"][1]](scope, receive, send)

    return app


__all__ = ["application", "by_port", "harm"]
