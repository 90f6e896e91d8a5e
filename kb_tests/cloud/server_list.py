"""Nova's lists of servers, read without openstacksdk's resources: those take 20 ms of CPU for each server.

A wait for a thousand servers would be a wait for this process. The call itself goes through the SDK's
session, with its sign-in, its errors and its counts.

There are two. The one in detail costs Nova seconds where many servers are being built, since it asks Neutron
for the groups of each; the one of names alone costs a few milliseconds, and can be of one status.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from openstack import exceptions as sdk
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kb_tests.cloud.connect import Cloud

_DETAILS = "/servers/detail"
_NAMES = "/servers"


class _Address(BaseModel):
    addr: str
    version: int
    type: str = Field(default="fixed", alias="OS-EXT-IPS:type")


class _Fault(BaseModel):
    message: str = ""


class NamedServer(BaseModel):
    """One server as the short list has it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str


class ListedServer(NamedServer):
    """One server as the compute API 2.1 describes it; `task` is what Nova does with it at the moment,
    `hypervisor` is told to admins only.
    """

    status: str
    task: str | None = Field(default=None, alias="OS-EXT-STS:task_state")
    project_id: str = Field(default="", alias="tenant_id")
    user_id: str = ""
    metadata: dict[str, str] = {}
    fault: _Fault | None = None
    addresses: dict[str, list[_Address]] = {}
    updated: str = ""
    host_id: str | None = Field(default=None, alias="hostId")
    hypervisor: str | None = Field(default=None, alias="OS-EXT-SRV-ATTR:hypervisor_hostname")
    zone: str | None = Field(default=None, alias="OS-EXT-AZ:availability_zone")

    @property
    def address(self) -> str:
        """Its first fixed IPv4 address; empty when it has none yet."""
        every = (address for network in self.addresses.values() for address in network)
        return next((each.addr for each in every if each.version == 4 and each.type == "fixed"), "")


Listed = TypeVar("Listed", bound=NamedServer)


class _Page(BaseModel, Generic[Listed]):
    servers: list[Listed]
    servers_links: list[dict[str, str]] = []


def list_servers(cloud: Cloud, name: str) -> Iterator[ListedServer]:
    """Servers whose name matches the regular expression `name`, of all projects where the user is admin.

    Raises openstacksdk's and keystoneauth's exceptions (`calls.FAILURES`); an answer that is no list of
    servers is one of them.
    """
    return _listed(cloud, _DETAILS, _Page[ListedServer], {"name": name})


def list_names(cloud: Cloud, name: str, status: str = "") -> Iterator[NamedServer]:
    """The same servers by the cheap list; of one status (`BUILD`, `ERROR`, ...) where one is given."""
    return _listed(cloud, _NAMES, _Page[NamedServer], {"name": name} | ({"status": status} if status else {}))


def _listed(cloud: Cloud, path: str, model: type[_Page[Listed]], query: dict[str, str]) -> Iterator[Listed]:
    query |= {"all_tenants": "1"} if cloud.is_admin else {}
    while True:
        response = cloud.connection.compute.get(path, params=query)
        sdk.raise_from_response(response)
        try:
            page = model.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise sdk.SDKException(f"{path} answered no list of servers: {where} {first['msg']}") from None
        yield from page.servers
        if not page.servers or not page.servers_links:
            return
        query["marker"] = page.servers[-1].id
