"""A local cloud of one's own, as other operators set theirs, and users of it who are no administrators."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import Running

PASSWORD = "one's own"


@dataclass(frozen=True)
class Operator:
    """Somebody who runs a cloud: sets it, and has `folder` for clouds.yaml files of its users."""

    running: Running
    cloud: Cloud
    folder: Path

    @property
    def client(self) -> AdminClient:
        """Of the cloud's settings, faults and request log."""
        return AdminClient(self.running)

    def entry(self, name: str, auth: dict[str, Any], **settings: Any) -> Path:
        """A clouds.yaml in which `name` signs in so."""
        path = self.folder / f"{name}.yaml"
        given = {"auth": {"auth_url": self.cloud.auth_url} | auth, "region_name": "RegionOne"} | settings
        path.write_text(json.dumps({"clouds": {name: given | {"kb_ssh_port": self.cloud.ssh_port}}}))
        path.chmod(0o600)
        return path

    def user(self, name: str, *roles: str) -> Path:
        """The clouds.yaml of a new user `name`, who has these roles in a new project of that name."""
        identity = self.cloud.identity
        project = identity.create_project(name=name, domain_id=self.cloud.domain_id)
        user = identity.create_user(name=name, domain_id=self.cloud.domain_id, password=PASSWORD)
        for role in roles:
            found = identity.find_role(role) or identity.create_role(name=role)
            identity.assign_project_role_to_user(project, user, found)
        return self.entry(name, {"user_id": user.id, "password": PASSWORD, "project_id": project.id})

    def credential(self, name: str, whose: Path, *, unrestricted: bool = False) -> Path:
        """The clouds.yaml of an application credential `name` of the user of another one."""
        (entry,) = json.loads(whose.read_text())["clouds"]
        cloud = connect(entry, whose)
        made = cloud.identity.create_application_credential(
            cloud.user_id, name=name, unrestricted=unrestricted
        )
        cloud.close()
        auth = {"application_credential_id": made.id, "application_credential_secret": made.secret}
        return self.entry(name, auth, auth_type="v3applicationcredential")
