"""Faults of servers and volumes: whom they reach, what the driver is asked for, and when they end."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud import fault_command, units
from kb_tests.localcloud.driver import DriverError, Way
from kb_tests.localcloud.null import NullDriver
from tests.unit.localcloud.asgi import Answer, Client
from tests.waiting import eventually_async

SERVERS, VOLUMES, HARMS = "/admin/harms/servers", "/admin/harms/volumes", "/admin/harms"


async def harm(client: Client, **values: object) -> Answer:
    return await client.call("POST", VOLUMES if "volume" in values else SERVERS, {"harm": values})


async def harms(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.call("GET", HARMS)).json["harms"]
    return found


async def stage(client: Client, *names: str) -> None:
    network, _ = await client.network()
    for name in names:
        await client.boot(network, name)


def links(client: Client) -> dict[str, tuple[Way, Way]]:
    """By the name of the server whose port it is."""
    owner = {nic.port_id: spec.name for spec in client.driver.servers.values() for nic in spec.nics}
    return {owner[port]: ways for port, ways in client.driver.links.items()}


def test_a_server_is_found_by_id_by_name_and_by_a_pattern_that_is_its_own(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "kb-1-client-1", "kb-1-client-2", "kb-1-client-22", "kb-1-proxy")
        ids = {spec.name: spec.id for spec in client.driver.servers.values()}
        for wanted in (ids["kb-1-client-2"], "kb-1-client-2", "client-2$"):
            answer = await harm(client, server=wanted, kind="freeze")
            assert answer.status == 202, answer.raw
            assert answer.json["harmed"] == [{"id": ids["kb-1-client-2"], "name": "kb-1-client-2"}]
        assert client.driver.frozen == {ids["kb-1-client-2"]}
        many = await harm(client, server="client", kind="freeze")
        assert many.status == 409
        assert "3 servers are client" in many.json["error"]["message"]
        everybody = await harm(client, server="client", kind="freeze", all=True)
        assert {each["name"] for each in everybody.json["harmed"]} == set(ids) - {"kb-1-proxy"}
        for nobody in ("worker", "(", "*"):
            answer = await harm(client, server=nobody, kind="freeze")
            assert answer.status == 404
            assert "kb-1-proxy" in answer.json["error"]["message"], "it says which there are"

    client.run(test())


def test_two_servers_of_one_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "twin", "twin")
        answer = await harm(client, server="twin", kind="crash")
        assert answer.status == 409
        assert all(server in answer.json["error"]["message"] for server in client.driver.servers)

    client.run(test())


def test_all_servers_of_a_host_are_harmed_and_no_other(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "a", "b", "c", "d")
        on = {spec.id for spec in client.driver.servers.values() if spec.hypervisor == "kb-host-2"}
        assert len(on) == 2
        assert (await harm(client, host="kb-host-2", kind="freeze")).status == 202
        assert client.driver.frozen == on
        assert (await harm(client, host="kb-host-9", kind="freeze")).status == 404
        assert (await harm(client, kind="freeze")).status == 400
        assert (await harm(client, server="a", host="kb-host-2", kind="freeze")).status == 400

    client.run(test())


def test_a_link_is_bad_in_the_directions_that_are_said(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "a", "b")
        await harm(client, server="a", kind="link", rate=1000, direction="in")
        assert links(client) == {"a": (Way(1000), Way())}
        await harm(client, server="a", kind="link", loss=0.5, direction="out")
        assert links(client) == {"a": (Way(1000), Way(loss=0.5))}
        await harm(client, server="a", kind="cut", seconds=60, direction="in")
        assert links(client) == {"a": (Way(1000, 1.0), Way(loss=0.5))}
        assert [(each["kind"], each["direction"]) for each in await harms(client)] == [
            ("link", "in"),
            ("link", "out"),
            ("cut", "in"),
        ]
        await harm(client, server="a", kind="link", direction="in")
        assert links(client) == {"a": (Way(loss=1.0), Way(loss=0.5))}, "no value is an end"
        assert (await client.call("DELETE", f"{HARMS}?server=a")).status == 204
        assert links(client) == {"a": (Way(), Way())}
        assert await harms(client) == []

    client.run(test())


def test_a_later_fault_outlives_the_end_of_an_earlier_one(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "a")
        await harm(client, server="a", kind="link", rate=4000, seconds=600)
        (now, _) = await harms(client)
        assert 0 < now["seconds"] <= 600
        await harm(client, server="a", kind="link", rate=1000, seconds=0.05)
        await harm(client, server="a", kind="link", rate=2000)
        await asyncio.sleep(0.1)
        assert links(client) == {"a": (Way(2000), Way(2000))}
        await harm(client, server="a", kind="link", rate=3000, seconds=0.05)

        async def over() -> bool:
            return links(client) == {"a": (Way(), Way())}

        await eventually_async(over)

    client.run(test())


def test_a_fault_ends_with_the_boot_of_its_server(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "a")
        (server_id,) = client.driver.servers
        await harm(client, server="a", kind="freeze")
        await harm(client, server="a", kind="link", rate=1000)
        action = {"reboot": {"type": "HARD"}}
        assert (await client.call("POST", f"/compute/v2.1/servers/{server_id}/action", action)).status == 202
        await client.settle()
        assert await harms(client) == []

    client.run(test())


def test_a_delay_and_a_rate_are_of_one_link_and_a_share_ends_at_all(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "a")
        (server_id,) = client.driver.servers
        await harm(client, server="a", kind="link", rate=1000, direction="in")
        await harm(client, server="a", kind="delay", milliseconds=3)
        assert links(client) == {"a": (Way(1000, delay=0.003), Way(delay=0.003))}
        await harm(client, server="a", kind="delay", milliseconds=0, direction="out")
        assert links(client) == {"a": (Way(1000, delay=0.003), Way())}
        await harm(client, server="a", kind="cpu", share=0.5)
        assert client.driver.shares == {server_id: 0.5}
        assert {each["kind"] for each in await harms(client)} == {"link", "delay", "cpu"}
        await harm(client, server="a", kind="cpu", share=1)
        assert {each["kind"] for each in await harms(client)} == {"link", "delay"}
        assert client.driver.shares == {server_id: 1}

    client.run(test())


class _Refusing(NullDriver):
    async def set_link(self, port_id: str, inward: Way, outward: Way) -> None:
        raise DriverError("The cable is welded on.")


def test_what_could_not_be_done_is_not_listed(tmp_path: Path) -> None:
    client = Client(tmp_path, _Refusing())

    async def test() -> None:
        await stage(client, "a")
        answer = await harm(client, server="a", kind="link", rate=1000)
        assert "welded" in answer.json["error"]["message"]
        assert await harms(client) == []

    client.run(test())


def test_a_volume_is_found_by_name_and_gets_back_the_limits_of_its_type(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "a")
        (server_id,) = client.driver.servers
        default = client.cloud.storage.default_type()
        default.extra_specs["kb:iops"] = "500"
        project = next(iter(client.cloud.identity.projects))
        path = f"/volume/v3/{project}/volumes"
        volume = (await client.call("POST", path, {"volume": {"name": "data", "size": 1}})).json["volume"]
        await client.settle()
        assert (await harm(client, volume="data", kind="slow", iops=5)).status == 409, "not attached"
        given = {"volumeAttachment": {"volumeId": volume["id"]}}
        await client.call("POST", f"/compute/v2.1/servers/{server_id}/os-volume_attachments", given)
        await client.settle()
        assert client.driver.limits[volume["id"]] == (500, None)
        assert (await harm(client, volume="data", kind="slow", iops=5)).status == 202
        assert client.driver.limits[volume["id"]] == (5, None)
        listed = (await client.call("GET", "/admin/servers")).json["servers"]
        assert [(each["name"], each["volumes"]) for each in listed] == [("a", ["data"])]
        await harm(client, volume="data", kind="slow")
        assert client.driver.limits[volume["id"]] == (500, None)
        assert (await harm(client, volume="lost", kind="slow")).status == 404

    client.run(test())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "melt"}, "one of crash, freeze, pause, cut, link"),
        ({"kind": "freeze", "rate": 5}, "freeze has no rate: it takes seconds"),
        ({"kind": "crash", "seconds": 5}, "crash has no seconds: it takes nothing more"),
        ({"kind": "link", "loss": 1.5}, "loss must be a number of 0 to 1"),
        ({"kind": "link", "rate": True}, "rate must be a number"),
        ({"kind": "link", "rate": 5, "direction": "up"}, "in, out or both"),
        ({"kind": "cut"}, "cut needs seconds"),
        ({"kind": "delay"}, "delay needs milliseconds"),
        ({"kind": "cpu", "share": 0}, "cpu needs a share of 0.01 to 1"),
        ({"kind": "link", "rate": 0}, "rate must be a number of 1000 to"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, asked: dict[str, object], said: str) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        await stage(client, "a")
        answer = await harm(client, server="a", **asked)
        assert answer.status == 400
        assert said in answer.json["error"]["message"]

    client.run(test())


def test_only_administrators_harm_and_see(tmp_path: Path) -> None:
    client = Client(tmp_path)

    async def test() -> None:
        client.token = await client.tenant("someone")
        for method, path in (("GET", HARMS), ("DELETE", HARMS), ("GET", "/admin/servers"), ("POST", SERVERS)):
            assert (await client.call(method, path, {"harm": {}})).status == 403

    client.run(test())


def test_rates_and_sizes_are_read_as_they_are_written() -> None:
    rates = {"50Mbit": 50_000_000, "1.5 Gbit/s": 1_500_000_000, "800": 800, "64kbps": 64_000, "2g": 2 * 10**9}
    assert {text: units.bits(text) for text in rates} == rates
    sizes = {"10MiB": 10 << 20, "4 KiB/s": 4096, "1GB": 10**9, "7": 7, "1.5k": 1500}
    assert {text: units.size(text) for text in sizes} == sizes
    for wrong in ("", "fast", "-1", "5 elephants", "1e9", "0x10"):
        for read in (units.bits, units.size):
            with pytest.raises(ValueError, match=f"^{wrong}$"):
                read(wrong)
    assert [units.rate(rate) for rate in (50e6, 1.5e9, 999, 64e3)] == [
        "50 Mbit/s",
        "1.5 Gbit/s",
        "999 bit/s",
        "64 kbit/s",
    ]


class _Known:
    """Stands for a client that has these."""

    def __init__(self, faults: list[dict[str, Any]], harms: list[dict[str, Any]]) -> None:
        self._faults, self._harms = faults, harms

    def faults(self) -> list[dict[str, Any]]:
        return self._faults

    def harms(self) -> list[dict[str, Any]]:
        return self._harms


FAULT = {
    "id": "1a2b3c4d",
    "kind": "status",
    "service": "nova",
    "method": "POST",
    "path": "/servers$",
    "server": None,
    "nth": 2,
    "every": None,
    "times": 1,
    "matched": 4,
    "acted": 1,
}
HARM = {
    "server": "web",
    "kind": "link",
    "direction": "out",
    "rate": 5e7,
    "loss": 0.01,
    "seconds": 9,
}


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_set_is_listed_for_people_or_for_programs(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    known: Any = _Known([FAULT], [HARM])
    parser = argparse.ArgumentParser()
    fault_command.add_parsers(parser.add_subparsers(), argparse.ArgumentParser(add_help=False))
    fault_command.act(parser.parse_args(["fault", "list", *(["--json"] if as_json else [])]), known)
    shown = capsys.readouterr().out
    if as_json:
        assert json.loads(shown) == {"faults": [FAULT], "harms": [HARM]}
        return
    assert shown.splitlines() == [
        "FAULT     KIND    OF                   ACTS ON                   MATCHED, ACTED",
        "1a2b3c4d  status  nova POST /servers$  match 2, 1 times at most  4, 1",
        "NAME  NOW                           ENDS",
        "web   link out 50 Mbit/s 0.01 lost  in 9.0 s",
    ]
