"""Run Tempest's smoke tests against a local cloud without data plane: `python -m tests.tempest.run`.

Needs `tempest` (PyPI) on the path. Exits with Tempest's code; `exclude.txt` says what is left out and why.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from configparser import ConfigParser
from pathlib import Path

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient

_EXCLUDE = Path(__file__).with_name("exclude.txt")

_COMPUTE_CANNOT = (
    "resize", "pause", "suspend", "shelve", "snapshot", "vnc_console", "personality", "swap_volume", "rescue",
    "cold_migration", "live_migration",
)  # fmt: skip


def configuration(running: control.Running, workspace: Path) -> ConfigParser:
    """A tempest.conf for a cloud."""
    client = AdminClient(running)
    (image,) = client.get("/image/v2/images?name=kb-node")["images"]
    flavors = client.get("/compute/v2.1/flavors")["flavors"]
    (public,) = client.get("/networking/v2.0/networks?name=public")["networks"]
    extensions = client.get("/networking/v2.0/extensions")["extensions"]
    auth = json.loads(running.clouds_yaml.read_text())["clouds"][running.cloud]["auth"]
    waits = {"build_interval": "1", "build_timeout": "30"}
    config = ConfigParser(interpolation=None)
    config.read_dict(
        {
            "DEFAULT": {"log_file": "tempest.log"},
            "oslo_concurrency": {"lock_path": str(workspace / "locks")},
            "auth": {
                "use_dynamic_credentials": "true",
                "admin_username": auth["username"],
                "admin_password": auth["password"],
                "admin_project_name": auth["project_name"],
                "admin_domain_name": "Default",
            },
            "identity": {"uri_v3": f"{running.url}/identity/v3", "auth_version": "v3", "region": "RegionOne"},
            "identity-feature-enabled": {"api_v2": "false", "trust": "false"},
            "compute": waits
            | {
                "image_ref": image["id"],
                "image_ref_alt": image["id"],
                "flavor_ref": flavors[0]["id"],
                "flavor_ref_alt": flavors[1]["id"],
                "min_microversion": "2.1",
                "max_microversion": "2.96",
            },
            "compute-feature-enabled": dict.fromkeys(_COMPUTE_CANNOT, "false"),
            "network": waits | {"public_network_id": public["id"], "floating_network_name": "public"},
            "network-feature-enabled": {
                "ipv6": "false",
                "ipv6_subnet_attributes": "false",
                "api_extensions": ",".join(each["alias"] for each in extensions),
            },
            "volume": waits | {"min_microversion": "3.0", "max_microversion": "3.71"},
            "volume-feature-enabled": {"backup": "false", "snapshot": "false", "clone": "false"},
            "image-feature-enabled": {"import_image": "false"},
            "service_available": {"swift": "false", "horizon": "false"},
            "validation": {"run_validation": "false"},
        }
    )
    return config


def main() -> int:
    """Start a cloud, run the tests, end the cloud."""
    with tempfile.TemporaryDirectory(prefix="kb-tempest-") as folder:
        workspace = Path(folder) / "workspace"
        init = ["tempest", "init", "--workspace-path", str(Path(folder) / "workspaces.yaml"), str(workspace)]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL)
        running = control.up(Path(folder) / "state", driver="null", parent_pid=os.getpid())
        try:
            path = workspace / "etc" / "tempest.conf"
            path.touch(mode=0o600)
            with path.open("w") as file:
                configuration(running, workspace).write(file)
            command = ["tempest", "run", "--smoke", "--concurrency", "2", "--exclude-list", str(_EXCLUDE)]
            return subprocess.run(command, cwd=workspace, check=False).returncode
        finally:
            control.down(Path(folder) / "state")


if __name__ == "__main__":
    sys.exit(main())
