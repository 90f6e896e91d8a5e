"""Let a cloud have what its settings ask for: roles of policies, registered limits."""

from __future__ import annotations

from collections.abc import Mapping

from kb_tests.localcloud.cloud import Cloud
from kb_tests.localcloud.nova import limits


def choose(cloud: Cloud, values: Mapping[str, str]) -> None:
    """Change settings.

    Raises:
        ValueError: a name or a value that does not exist.

    """
    cloud.settings = cloud.settings.changed(values)
    follow(cloud)


def follow(cloud: Cloud) -> None:
    """See to what the settings ask for; what is there already stays."""
    cloud.identity.follow(cloud.settings)
    limits.register(cloud)
