"""Nova's list of servers, read without openstacksdk's resources: those take 20 ms of CPU for each server.

A wait for a thousand servers would be a wait for this process. The call itself goes through the SDK's
session, with its sign-in, its errors and its counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from openstack import exceptions as sdk
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kb_tests.cloud.connect import Cloud

_LIST = "/servers/detail"


class _Address(BaseModel):
    addr: str
    version: int
    type: str = Field(default="fixed", alias="OS-EXT-IPS:type")


class _Fault(BaseModel):
    message: str = ""


class ListedServer(BaseModel):
    """One server as the compute API 2.1 describes it; `hypervisor` is told to admins only."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    status: str
    project_id: str = Field(default="", alias="tenant_id")
    metadata: dict[str, str] = {}
    fault: _Fault | None = None
    addresses: dict[str, list[_Address]] = {}
    host_id: str | None = Field(default=None, alias="hostId")
    hypervisor: str | None = Field(default=None, alias="OS-EXT-SRV-ATTR:hypervisor_hostname")
    zone: str | None = Field(default=None, alias="OS-EXT-AZ:availability_zone")

    @property
    def address(self) -> str:
        """Its first fixed IPv4 address; empty when it has none yet."""
        every = (address for network in self.addresses.values() for address in network)
        return next((each.addr for each in every if each.version == 4 and each.type == "fixed"), "")


class _Page(BaseModel):
    servers: list[ListedServer]
    servers_links: list[dict[str, str]] = []


def list_servers(cloud: Cloud, name: str) -> Iterator[ListedServer]:
    """Servers whose name matches the regular expression `name`, of all projects where the user is admin.

    Raises openstacksdk's and keystoneauth's exceptions (`calls.FAILURES`); an answer that is no list of
    servers is one of them.
    """
    query = {"name": name} | ({"all_tenants": "1"} if cloud.is_admin else {})
    while True:
        response = cloud.connection.compute.get(_LIST, params=query)
        sdk.raise_from_response(response)
        try:
            page = _Page.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise sdk.SDKException(f"{_LIST} answered no list of servers: {where} {first['msg']}") from None
        yield from page.servers
        if not page.servers or not page.servers_links:
            return
        query["marker"] = page.servers[-1].id
