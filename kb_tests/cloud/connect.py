"""Signing in to a cloud named in clouds.yaml."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, cast

import requests
from keystoneauth1 import exceptions as ksa
from keystoneauth1.access import AccessInfo
from keystoneauth1.identity.base import BaseIdentityPlugin
from keystoneauth1.session import TCPKeepAliveAdapter
from openstack import exceptions as sdk
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion
from openstack.config.loader import CONFIG_FILES
from openstack.connection import Connection
from openstack.identity.v3._proxy import Proxy as IdentityProxy

from kb_tests.cloud.calls import said
from kb_tests.errors import CloudAccessError

API_TIMEOUT = 60.0
"""Seconds without an answer after which a call has failed, unless clouds.yaml says otherwise."""

SSH_PORT = 22

CONNECTIONS = 32
"""Kept-alive connections to one API at most."""

_WARNINGS = threading.Lock()
_SERVICES = ("compute", "network", "image")


def _running() -> float:
    """Seconds on a clock that nobody sets, and that a suspended machine does not stop."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Meter:
    """What all connections to one cloud asked: how many requests, and what its clock says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self._offset = time.time() - _running()

    def sent(self) -> None:
        """A request is about to leave."""
        with self._lock:
            self.requests += 1

    def answered(self, response: requests.Response) -> None:
        """Take the cloud's time from an answer."""
        try:
            at = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            return
        self._offset = at.timestamp() - _running()

    def now(self) -> float:
        """The cloud's time (Unix, seconds), by its last answer."""
        return _running() + self._offset


class _MeteredAdapter(TCPKeepAliveAdapter):
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        super().__init__(pool_maxsize=CONNECTIONS)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        self._meter.sent()
        response = super().send(*args, **kwargs)
        self._meter.answered(response)
        return response


class Cloud:
    """A cloud, and somebody signed in to it; made by `connect`.

    `connection` is openstacksdk's, in the project of clouds.yaml. `is_admin` tells whether that
    user may see and make projects. `auth_url` is where the user signed in: it identifies the cloud.
    `ssh_port` is where port 22 of its floating IPs is reached from here: behind a port forward it is
    another one, and stands as `kb_ssh_port` in the cloud's entry in clouds.yaml. `egress` are the CIDRs from
    which other clouds see its servers come, where `kb_egress` there says so: else their router's address.
    """

    def __init__(
        self,
        name: str,
        connection: Connection,
        access: AccessInfo,
        meter: Meter,
        clouds_yaml: str | Path | None = None,
        ssh_port: int = SSH_PORT,
        egress: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.ssh_port = ssh_port
        self.egress = egress
        self.clouds_yaml = clouds_yaml
        self.connection = connection
        self.auth_url = str(connection.config.auth.get("auth_url", "")).rstrip("/")
        self.project_id = access.project_id or ""
        self.user_id = access.user_id or ""
        self.domain_id = access.project_domain_id or access.user_domain_id or "default"
        self.is_admin = "admin" in {role.lower() for role in access.role_names or ()}
        self.has_volumes = bool({"block-storage", "volumev3"} & set(access.service_catalog.get_endpoints()))
        self._meter = meter

    @property
    def requests(self) -> int:
        """API requests sent so far, those of other projects' connections included."""
        return self._meter.requests

    @property
    def identity(self) -> IdentityProxy:
        """Keystone v3."""
        return identity(self.connection)

    def now(self) -> float:
        """The cloud's time (Unix, seconds): leases must not hang on this machine's clock, which may jump."""
        return self._meter.now()

    def sign_in(self, user_id: str, password: str, project_id: str) -> Connection:
        """A connection of another user; it signs in with its first call."""
        with _sdk_warnings_ignored():
            connection = self.connection.connect_as(user_id=user_id, password=password, project_id=project_id)
        _meter(connection, self._meter)
        return connection

    def in_project(self, project_id: str) -> Connection:
        """A connection of the same user, who must have a role there, to another project."""
        with _sdk_warnings_ignored():
            connection = self.connection.connect_as_project({"id": project_id})
        _meter(connection, self._meter)
        return connection

    def close(self) -> None:
        """Give up kept-alive connections."""
        self.connection.close()


def identity(connection: Connection) -> IdentityProxy:
    """Keystone v3; there is no other any more, though openstacksdk's types still know v2."""
    return cast("IdentityProxy", connection.identity)


def connect(name: str, clouds_yaml: str | Path | None = None) -> Cloud:
    """Sign in to the cloud called `name` in clouds.yaml (the given one, or where openstacksdk looks).

    Raises CloudAccessError, one sentence, for an unknown name, wrong credentials, an API that does
    not answer, or a catalog without compute, network or image service.
    """
    if clouds_yaml is not None and not Path(clouds_yaml).is_file():
        raise CloudAccessError(f"There is no file {clouds_yaml} to look up cloud {name!r} in.")
    try:
        # openstacksdk would read the file in OS_CLIENT_CONFIG_FILE before the one that was asked for.
        loader = (
            OpenStackConfig(config_files=[str(clouds_yaml)], load_envvars=False)
            if clouds_yaml
            else OpenStackConfig()
        )
    except sdk.SDKException as error:
        raise CloudAccessError(f"clouds.yaml cannot be read: {said(error)}") from error
    known = set(loader.get_cloud_names()) - {"defaults"}
    if name not in known:
        raise CloudAccessError(_unknown(name, known, loader.config_filename, clouds_yaml))
    try:
        with _sdk_warnings_ignored():
            region = loader.get_one(name)
        region.config["api_timeout"] = float(region.config.get("api_timeout") or API_TIMEOUT)
        connection = Connection(config=region)
        meter = Meter()
        _meter(connection, meter)
        plugin = connection.session.auth
        if not isinstance(plugin, BaseIdentityPlugin):
            raise CloudAccessError(f"Cloud {name!r} has an auth_type without an identity service.")
        access = plugin.get_access(connection.session)
    except (ksa.Unauthorized, sdk.HttpException) as error:
        raise CloudAccessError(
            f"Cloud {name!r} does not accept the credentials: {said(error)}",
            remedy="Correct them in clouds.yaml.",
        ) from error
    except (ksa.MissingRequiredOptions, ksa.BadRequest) as error:
        raise CloudAccessError(f"Cloud {name!r} is incomplete in clouds.yaml: {said(error)}") from error
    except (ksa.ClientException, sdk.SDKException, OSError) as error:
        raise CloudAccessError(
            f"Cloud {name!r} cannot be reached: {said(error)}",
            remedy="Check auth_url in clouds.yaml, and that the API is up.",
        ) from error
    if not access.project_id:
        raise CloudAccessError(
            f"Cloud {name!r} signs in to no project.", remedy="Give project_name in clouds.yaml."
        )
    _require_services(name, connection, region.region_name, access)
    return Cloud(name, connection, access, meter, clouds_yaml, _ssh_port(name, region), _egress(name, region))


def _ssh_port(name: str, region: CloudRegion) -> int:
    given = str(region.config.get("kb_ssh_port") or SSH_PORT)
    if not (given.isdecimal() and 0 < int(given) < 65536):
        raise CloudAccessError(f"Cloud {name!r} has kb_ssh_port {given!r} in clouds.yaml, which is no port.")
    return int(given)


def _egress(name: str, region: CloudRegion) -> tuple[str, ...]:
    given = region.config.get("kb_egress") or []
    try:
        return tuple(str(IPv4Network(each)) for each in (given if isinstance(given, list) else [given]))
    except ValueError as error:
        raise CloudAccessError(
            f"Cloud {name!r} has a kb_egress in clouds.yaml that is no CIDR: {error}."
        ) from None


@contextlib.contextmanager
def _sdk_warnings_ignored() -> Iterator[None]:
    """Without the warning of InfluxDB's end that openstacksdk 4.22 gives whether or not it is used."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _meter(connection: Connection, meter: Meter) -> None:
    adapter = _MeteredAdapter(meter)
    for scheme in ("http://", "https://"):
        connection.session.session.mount(scheme, adapter)
    if not {"rate_limit", "concurrency"} & connection.config.config.keys():
        _never_pace(connection)


def _never_pace(connection: Connection) -> None:
    """Keystoneauth paces calls by this machine's clock, even to no rate at all: each would wait as long as
    the clock was set back since it signed in.
    """
    session = connection.session
    request = session.request

    def unpaced(*args: Any, **options: Any) -> requests.Response:
        return request(*args, **options | {"rate_semaphore": None})

    session.request = unpaced  # type: ignore[method-assign]


def _unknown(name: str, known: set[str], read: str | None, clouds_yaml: str | Path | None) -> str:
    """What to say of a name that no file has; `read` is the file that openstacksdk took."""
    if read:
        return f"Cloud {name!r} is unknown: {read} has {', '.join(sorted(known)) or 'no clouds'}."
    named = os.environ.get("OS_CLIENT_CONFIG_FILE")
    candidates = [Path(path) for path in (clouds_yaml, named, *CONFIG_FILES) if path]
    for path in candidates:
        if path.is_file():
            return f"Cloud {name!r} cannot be looked up: {path} is no YAML, or may not be read."
    folders = dict.fromkeys(str(path.parent) for path in candidates)
    return f"Cloud {name!r} is unknown: there is no clouds.yaml in {', '.join(folders)}."


def _require_services(name: str, connection: Connection, region: str | None, access: AccessInfo) -> None:
    missing = []
    for service in _SERVICES:
        try:
            found = connection.endpoint_for(service)
        except (ksa.ClientException, sdk.SDKException):
            found = None
        if not found:
            missing.append(service)
    if missing:
        regions = {
            str(endpoint.get("region_id") or endpoint.get("region"))
            for endpoints in access.service_catalog.get_endpoints().values()
            for endpoint in endpoints
            if endpoint
        }
        known = f" Its catalog has {', '.join(sorted(regions))}." if region and region not in regions else ""
        raise CloudAccessError(
            f"Cloud {name!r} offers no {' and no '.join(missing)} service"
            f"{f' in region {region!r}' if region else ''}.{known}",
            remedy="Check region_name and interface in clouds.yaml.",
        )
