"""All services of the cloud, put together."""

from __future__ import annotations

from kb_tests.localcloud import admin, harm
from kb_tests.localcloud.api.app import App
from kb_tests.localcloud.cinder import api as cinder
from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.glance import api as glance
from kb_tests.localcloud.keystone import api as keystone
from kb_tests.localcloud.neutron import api as neutron
from kb_tests.localcloud.nova import api as nova


def application(cloud: Cloud) -> App:
    """The ASGI application of a cloud."""
    return App(
        cloud,
        (keystone.SERVICE, nova.SERVICE, neutron.SERVICE, glance.SERVICE, cinder.SERVICE, admin.SERVICE),
    )


__all__ = ["application", "harm"]
