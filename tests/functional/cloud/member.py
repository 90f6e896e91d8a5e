"""A member of a project of its own, without the admin role: most users of clouds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb_tests.cloud.connect import Cloud

PASSWORD = "member's own"


@contextmanager
def member(cloud: Cloud, folder: Path) -> Iterator[Path]:
    """The clouds.yaml of a new user who signs in to the cloud under the same name."""
    identity = cloud.identity
    project = identity.create_project(name="a-team", domain_id=cloud.domain_id)
    user = identity.create_user(name="somebody", domain_id=cloud.domain_id, password=PASSWORD)
    role = identity.find_role("member", ignore_missing=False)
    identity.assign_project_role_to_user(project, user, role)
    entry = {
        "auth": {
            "auth_url": cloud.auth_url,
            "user_id": user.id,
            "password": PASSWORD,
            "project_id": project.id,
        },
        "region_name": cloud.connection.config.get_region_name(),
        "kb_ssh_port": cloud.ssh_port,
    }
    path = folder / "member.yaml"
    path.write_text(json.dumps({"clouds": {cloud.name: entry}}))
    path.chmod(0o600)
    try:
        yield path
    finally:
        for group in cloud.connection.network.security_groups(project_id=project.id):
            cloud.connection.network.delete_security_group(group)
        identity.delete_user(user)
        identity.delete_project(project)
