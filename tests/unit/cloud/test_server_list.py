"""Nova's answers as servers: pages, addresses, what admins and others are told, and answers that are none."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from openstack import exceptions as sdk

from kb_tests.cloud.calls import FAILURES, said
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.server_list import list_names, list_servers


class Compute:
    """Answers one page after the other, and remembers what it was asked."""

    def __init__(self, *pages: object) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, str]] = []
        self.paths: list[str] = []

    def get(self, path: str, params: dict[str, str]) -> Any:
        self.paths.append(path)
        self.asked.append(dict(params))
        page = self.pages.pop(0)
        content = page if isinstance(page, bytes) else json.dumps(page).encode()
        return SimpleNamespace(status_code=200, content=content)


def cloud(compute: Compute, *, admin: bool = False) -> Cloud:
    connection = SimpleNamespace(compute=compute)
    return cast("Cloud", SimpleNamespace(connection=connection, is_admin=admin))


def server(number: int, **more: object) -> dict[str, object]:
    return {"id": f"id-{number}", "name": f"kb-r-{number}", "status": "BUILD", "tenant_id": "p", **more}


def test_all_pages_are_read() -> None:
    next_page = [{"rel": "next", "href": "http://cloud/servers/detail?marker=id-2"}]
    compute = Compute(
        {"servers": [server(1), server(2)], "servers_links": next_page}, {"servers": [server(3)]}
    )
    assert [each.id for each in list_servers(cloud(compute), "^kb-")] == ["id-1", "id-2", "id-3"]
    assert compute.asked == [{"name": "^kb-"}, {"name": "^kb-", "marker": "id-2"}]


def test_an_admin_asks_for_all_projects() -> None:
    compute = Compute({"servers": []})
    assert list(list_servers(cloud(compute, admin=True), "^kb-")) == []
    assert compute.asked == [{"name": "^kb-", "all_tenants": "1"}]


def test_the_cheap_list_has_names_only_and_may_be_of_one_status() -> None:
    compute = Compute({"servers": [{"id": "id-1", "name": "kb-r-1", "links": []}]}, {"servers": []})
    assert [each.name for each in list_names(cloud(compute), "^kb-")] == ["kb-r-1"]
    assert list(list_names(cloud(compute, admin=True), "^kb-", "BUILD")) == []
    assert compute.paths == ["/servers", "/servers"]
    assert compute.asked == [{"name": "^kb-"}, {"name": "^kb-", "status": "BUILD", "all_tenants": "1"}]


def test_its_address_is_the_first_fixed_one_of_version_4() -> None:
    addresses = {
        "a": [
            {"addr": "fd00::5", "version": 6, "OS-EXT-IPS:type": "fixed"},
            {"addr": "203.0.113.9", "version": 4, "OS-EXT-IPS:type": "floating"},
            {"addr": "10.0.0.5", "version": 4, "OS-EXT-IPS:type": "fixed"},
        ],
        "b": [{"addr": "10.1.0.5", "version": 4}],
    }
    compute = Compute({"servers": [server(1, addresses=addresses), server(2)]})
    assert [each.address for each in list_servers(cloud(compute), "")] == ["10.0.0.5", ""]


def test_what_only_some_are_told() -> None:
    told = {
        "OS-EXT-SRV-ATTR:hypervisor_hostname": "node-1",
        "OS-EXT-AZ:availability_zone": "nova",
        "OS-EXT-STS:task_state": "deleting",
        "hostId": "abc",
        "fault": {"code": 500, "message": "No valid host"},
    }
    full, bare = list_servers(cloud(Compute({"servers": [server(1, **told), server(2)]})), "")
    assert (full.hypervisor, full.zone, full.host_id, full.task) == ("node-1", "nova", "abc", "deleting")
    assert full.fault is not None
    assert full.fault.message == "No valid host"
    assert (bare.hypervisor, bare.zone, bare.host_id, bare.task, bare.fault) == (None,) * 5


@pytest.mark.parametrize("answer", [b"<html>login</html>", {"things": []}, {"servers": [{"id": "x"}]}, b""])
def test_an_answer_that_is_none_is_an_error_in_one_sentence(answer: object) -> None:
    with pytest.raises(FAILURES) as raised:
        list(list_servers(cloud(Compute(answer)), ""))
    assert isinstance(raised.value, sdk.SDKException)
    assert said(raised.value).startswith("/servers/detail answered no list of servers: ")
