"""Signing in to a cloud named in clouds.yaml."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, cast

from keystoneauth1 import exceptions as ksa
from keystoneauth1.access import AccessInfo
from keystoneauth1.identity.base import BaseIdentityPlugin
from openstack import exceptions as sdk
from openstack.config.cloud_region import CloudRegion
from openstack.connection import Connection
from openstack.identity.v3._proxy import Proxy as IdentityProxy

from kb_tests.cloud import config
from kb_tests.cloud.account import Account
from kb_tests.cloud.calls import said, unanswered, understood
from kb_tests.cloud.guarded import guarded
from kb_tests.cloud.patience import USUAL, Patience
from kb_tests.cloud.rights import Rights
from kb_tests.cloud.transport import Meter, is_distrust, prepare
from kb_tests.errors import CloudAccessError, CloudDownError

SSH_PORT = 22

_SERVICES = ("compute", "network", "image")
_DOWN = "Check auth_url in clouds.yaml, and that the API is up."
_CA = "Name the file of its CA as cacert in clouds.yaml; verify: false trusts everybody."


class Cloud:
    """A cloud, and somebody signed in to it; made by `connect`.

    `connection` is openstacksdk's, in the project of clouds.yaml, `rights` are what that user may do there,
    `role_ids` the roles. `auth_url` is where the user signed in, `region` the one that is used; `account`
    says which cloud it is, and whose.
    `ssh_port` is where port 22 of its floating IPs is reached from here: behind a port forward it is
    another one, and stands as `kb_ssh_port` in the cloud's entry in clouds.yaml. `egress` are the CIDRs from
    which other clouds see its servers come, where `kb_egress` there says so: else their router's address.
    `patience` is how long it is waited for.
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
        patience: Patience = USUAL,
    ) -> None:
        self.name = name
        self.ssh_port = ssh_port
        self.egress = egress
        self.patience = patience
        self.clouds_yaml = clouds_yaml
        self.connection = guarded(connection)
        self.auth_url = str(connection.config.auth.get("auth_url", "")).rstrip("/")
        self.region = _region(connection, access)
        self._alone = _regions(access, "compute") <= {self.region}
        self.project_id = access.project_id or ""
        self.project_name = access.project_name or ""
        self.user_id = access.user_id or ""
        self.domain_id = access.project_domain_id or access.user_domain_id or "default"
        self.role_ids = tuple(access.role_ids or ())
        self.has_volumes = bool(_endpoint(connection, "block-storage"))
        self.rights = Rights(self.connection, patience.tries)
        self._services = {str(each.get("type")): str(each.get("id") or "") for each in _catalog(access)}
        self._region = connection.config
        self._meter = meter

    def service_id(self, kind: str) -> str:
        """Keystone's id of a service by its type, "" where the catalog has none."""
        return self._services.get(kind, "")

    @property
    def account(self) -> Account:
        """Which region of which cloud it is, and as whom one is signed in. CloudAccessError where its
        services do not say what that user may do.
        """
        with understood(self.name, CloudAccessError):
            admin = self.is_admin
        return Account(
            self.auth_url,
            self.region,
            self.project_id,
            self.user_id,
            admin,
            self.project_name,
            self.name,
            self._alone,
        )

    @property
    def is_admin(self) -> bool:
        """Whether all services let the user do what a run with projects of its own does; asked once, which
        may raise `calls.FAILURES`.
        """
        return self.rights.administers

    @property
    def sign_in_methods(self) -> tuple[str, ...]:
        """How the user of clouds.yaml proves who it is, by keystoneauth's names."""
        settings = self._region.config
        several = settings["auth"].get("auth_methods") or settings.get("auth_methods") or ()
        return (str(settings["auth_type"]), *map(str, several))

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
        return self._connection(config.as_user(self._region, self.auth_url, user_id, password, project_id))

    def in_project(self, project_id: str) -> Connection:
        """A connection of the same user, who must have a role there, to another project."""
        return self._connection(config.in_project(self._region, project_id))

    def may_choose_project(self) -> bool:
        """Whether Keystone lets the user say which project to sign in to, as `in_project` does: an
        application credential is of one project for good.
        """
        connection = self.in_project(self.project_id)
        try:
            connection.session.get_token()
        except (ksa.Unauthorized, ksa.Forbidden):
            return False
        finally:
            connection.close()
        return True

    def _connection(self, region: CloudRegion) -> Connection:
        connection = Connection(config=region)
        prepare(connection, self._meter)
        return guarded(connection)

    def close(self) -> None:
        """Give up kept-alive connections."""
        self.connection.close()


def _catalog(access: AccessInfo) -> list[dict[str, Any]]:
    return [each for each in access.service_catalog.catalog or () if isinstance(each, dict)]


def identity(connection: Connection) -> IdentityProxy:
    """Keystone v3; there is no other any more, though openstacksdk's types still know v2."""
    return cast("IdentityProxy", connection.identity)


def connect(name: str, clouds_yaml: str | Path | None = None, patience: Patience = USUAL) -> Cloud:
    """Sign in to the cloud called `name` in clouds.yaml (the given one, or where openstacksdk looks).

    Raises CloudAccessError, one sentence, for an unknown name, wrong credentials, or a catalog without
    compute, network or image service; CloudDownError for an API that does not answer.
    """
    region = config.read(name, clouds_yaml)
    with understood(name, CloudDownError):
        return _signed_in(name, region, clouds_yaml, patience)


def _signed_in(name: str, region: CloudRegion, clouds_yaml: str | Path | None, patience: Patience) -> Cloud:
    meter = Meter()
    try:
        connection = Connection(config=region)
        prepare(connection, meter)
        plugin = connection.session.auth
        if not isinstance(plugin, BaseIdentityPlugin):
            raise CloudAccessError(f"Cloud {name!r} has an auth_type without an identity service.")
        access = plugin.get_access(connection.session)
    except (ksa.Unauthorized, sdk.HttpException) as error:
        if unanswered(error):
            raise CloudDownError(
                f"Cloud {name!r} lets nobody sign in: {said(error)}", remedy=_DOWN
            ) from error
        raise CloudAccessError(
            f"Cloud {name!r} does not accept the credentials: {said(error)}",
            remedy="Correct them in clouds.yaml.",
        ) from error
    except ksa.BadRequest as error:
        raise CloudAccessError(f"Cloud {name!r} is incomplete in clouds.yaml: {said(error)}") from error
    except (ksa.ClientException, sdk.SDKException, OSError) as error:
        # Looking for Keystone's versions hides what it met.
        met = error.__context__
        reason = (
            met if isinstance(error, ksa.DiscoveryFailure) and isinstance(met, ksa.ClientException) else error
        )
        kind, remedy = (CloudAccessError, _CA) if is_distrust(reason) else (CloudDownError, _DOWN)
        raise kind(f"Cloud {name!r} cannot be reached: {said(reason).rstrip('.')}.", remedy=remedy) from error
    if not access.project_id:
        raise CloudAccessError(
            f"Cloud {name!r} signs in to no project.", remedy="Give project_name in clouds.yaml."
        )
    _require_services(name, connection, region.region_name, access)
    port, egress = _ssh_port(name, region), _egress(name, region)
    return Cloud(name, connection, access, meter, clouds_yaml, port, egress, patience)


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


def _require_services(name: str, connection: Connection, region: str | None, access: AccessInfo) -> None:
    regions = _regions(access)
    if not region and len(regions) > 1:
        raise CloudAccessError(
            f"Cloud {name!r} has the regions {', '.join(sorted(regions))}, and clouds.yaml names none.",
            remedy=f"Give region_name there, or name the one that is meant, such as {name}:{min(regions)}.",
        )
    missing = [service for service in _SERVICES if not _endpoint(connection, service)]
    if missing:
        known = f" Its catalog has {', '.join(sorted(regions))}." if region and region not in regions else ""
        raise CloudAccessError(
            f"Cloud {name!r} offers no {' and no '.join(missing)} service"
            f"{f' in region {region!r}' if region else ''}.{known}",
            remedy="Check region_name and interface in clouds.yaml.",
        )


def _endpoint(connection: Connection, service: str) -> str | None:
    """Where a service is, in the region and by the interface of clouds.yaml; None where it is not."""
    try:
        return connection.endpoint_for(service)
    except (ksa.ClientException, sdk.SDKException):
        return None


def _regions(access: AccessInfo, *services: str) -> set[str]:
    """Those of the catalog, or in which it has one of these services."""
    catalog = access.service_catalog.get_endpoints()
    return {
        str(endpoint.get("region_id") or endpoint.get("region") or "")
        for service, endpoints in catalog.items()
        for endpoint in endpoints
        if endpoint and (not services or service in services)
    }


def _region(connection: Connection, access: AccessInfo) -> str:
    """The one that is used: where clouds.yaml names none, that of the catalog's first endpoint."""
    if named := connection.config.get_region_name():
        return named
    interface = connection.config.get_interface("compute") or "public"
    try:
        return access.service_catalog.endpoint_data_for("compute", interface=interface).region_name or ""
    except ksa.CatalogException:
        return ""
