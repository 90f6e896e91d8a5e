"""What is asked of the running cloud by its own APIs: accounts, catalog, network, flavors, volume type."""

from __future__ import annotations

import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openstack
import yaml
from keystoneauth1.exceptions import ClientException

from tests.openstack.config.common import REGION
from tests.openstack.config.network import PHYSICAL_NETWORK
from tests.openstack.settings import CLOUD, OpenStackError, Settings

EXTERNAL_NETWORK = "public"

_CATALOG = {
    # account: name, type, API, path
    "glance": ("glance", "image", "glance", ""),
    "placement": ("placement", "placement", "placement", ""),
    "nova": ("nova", "compute", "nova-api", "/v2.1"),
    "neutron": ("neutron", "network", "neutron-api", ""),
    "cinder": ("cinderv3", "volumev3", "cinder-api", "/v3/%(project_id)s"),
}

_AGENTS = frozenset({"Linux bridge agent", "L3 agent", "DHCP agent", "Metadata agent"})
_SERVICES = {
    "compute": frozenset({"nova-compute", "nova-conductor", "nova-scheduler"}),
    "block_storage": frozenset({"cinder-scheduler", "cinder-volume"}),
}


def write_clouds_yaml(settings: Settings) -> None:
    """clouds.yaml for the admin."""
    auth = {
        "auth_url": f"{settings.url('keystone')}/v3",
        "username": "admin",
        "password": settings.password,
        "project_name": "admin",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    path = settings.clouds_yaml
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump({"clouds": {CLOUD: {"region_name": REGION, "auth": auth}}}))


def connect(clouds_yaml: Path, cloud: str) -> Any:
    """An SDK connection, untyped since its proxies are."""
    config = openstack.config.OpenStackConfig(config_files=[str(clouds_yaml)], load_envvars=False)
    return openstack.connection.Connection(config=config.get_one(cloud))


def accounts(settings: Settings) -> None:
    """A user for each service, and the service in the catalog. May be called again."""
    identity = connect(settings.clouds_yaml, CLOUD).identity
    service = identity.find_role("service") or identity.create_role(name="service")
    roles = (identity.find_role("admin"), service)
    project = identity.find_project("service") or identity.create_project(name="service", domain_id="default")
    entries = {entry.name: entry for entry in identity.services()}
    endpoints = {(endpoint.service_id, endpoint.interface) for endpoint in identity.endpoints()}
    for account, (name, kind, api, path) in _CATALOG.items():
        user = identity.find_user(account) or identity.create_user(
            name=account, password=settings.password, domain_id="default"
        )
        for role in roles:
            identity.assign_project_role_to_user(project, user, role)
        entry = entries.get(name) or identity.create_service(name=name, type=kind)
        for interface in ("public", "internal", "admin"):
            if (entry.id, interface) not in endpoints:
                identity.create_endpoint(
                    service_id=entry.id,
                    interface=interface,
                    url=settings.url(api) + path,
                    region_id=REGION,
                )


def wait_for_agents(settings: Settings, since: float, patience: float) -> None:
    """Return when every daemon has reported after `since` (time.time()); OpenStackError when one does not.

    What an earlier run of the cloud left in the database does not count.
    """
    connection = connect(settings.clouds_yaml, CLOUD)
    until = time.monotonic() + patience
    silent = _silent(connection, since)
    while silent:
        if time.monotonic() > until:
            raise OpenStackError(
                f"Not heard of within {patience:.0f} s: {', '.join(sorted(silent))}. See {settings.log}."
            )
        time.sleep(1)
        silent = _silent(connection, since)


def _silent(connection: Any, since: float) -> set[str]:
    wanted = set(_AGENTS).union(*_SERVICES.values())
    # Databases have whole seconds.
    begin = datetime.fromtimestamp(int(since), UTC).replace(tzinfo=None).isoformat()
    try:
        heard = {
            agent["agent_type"]: agent["heartbeat_timestamp"]
            for agent in _get(connection.network, "/agents")["agents"]
            if agent["alive"]
        }
        for service in _SERVICES:
            heard |= {
                found["binary"]: found["updated_at"]
                for found in _get(getattr(connection, service), "/os-services")["services"]
                if found["state"] == "up"
            }
    except ClientException:
        return wanted  # an API that still comes up
    return wanted - {name for name, when in heard.items() if when and when.replace(" ", "T") >= begin}


def _get(proxy: Any, path: str) -> Any:
    answer = proxy.get(path)
    if answer.status_code != 200:
        raise ClientException(f"{path} answers {answer.status_code}")
    return answer.json()


def resources(settings: Settings) -> None:
    """The external network, two flavors, a volume type. May be called again."""
    connection = connect(settings.clouds_yaml, CLOUD)
    network, compute, volumes = connection.network, connection.compute, connection.block_storage
    external = network.find_network(EXTERNAL_NETWORK) or network.create_network(
        name=EXTERNAL_NETWORK,
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network=PHYSICAL_NETWORK,
    )
    if not network.find_subnet(EXTERNAL_NETWORK):
        prefix = settings.floating
        network.create_subnet(
            name=EXTERNAL_NETWORK,
            network_id=external.id,
            ip_version=4,
            cidr=f"{prefix}.0/24",
            gateway_ip=f"{prefix}.1",
            is_dhcp_enabled=False,
            allocation_pools=[{"start": f"{prefix}.10", "end": f"{prefix}.250"}],
        )
    for name, cpus, ram, disk in (("small", 1, 512, 5), ("medium", 2, 1024, 10)):
        if not compute.find_flavor(name):
            compute.create_flavor(name=name, vcpus=cpus, ram=ram, disk=disk)
    # Neutron makes a project's default security group when it is first asked for: Nova will, for its own.
    for project in connection.identity.projects():
        list(network.security_groups(project_id=project.id))
    if "nfs" not in {found.name for found in volumes.types()}:
        volumes.create_type(name="nfs", extra_specs={"volume_backend_name": "nfs"})


def quietly() -> None:
    """openstacksdk announces its own changes to whoever calls it; nobody here can act on that."""
    warnings.filterwarnings("ignore", module=r"openstack\.")
