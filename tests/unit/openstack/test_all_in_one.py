"""The parts of the all-in-one OpenStack that can be looked at without one."""

from __future__ import annotations

import asyncio
import socket
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path

import pytest

from kb_tests.scenario.load import load
from kb_tests.sla.feasible import feasible
from tests.openstack import acceptance, config, forward, packages
from tests.openstack.left import left
from tests.openstack.settings import OpenStackError, Settings, Virt, prepare


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(tmp_path / "state", Virt.LXC)
    prepare(made)
    return made


def test_what_it_needs_is_in_bindep() -> None:
    assert {"keystone", "nova-compute", "neutron-l3-agent", "iproute2", "netcat-openbsd"} <= set(
        packages.wanted()
    )
    assert not {"npm", "nodejs", "chromium", "curl"} & set(packages.wanted()), "those check this project"


def test_its_password_is_made_once_and_for_root_alone(settings: Settings) -> None:
    before = settings.password
    prepare(settings)
    assert settings.password == before
    assert (settings.state / "password").stat().st_mode & 0o777 == 0o600


def test_it_keeps_the_kind_of_servers_that_it_was_made_for(settings: Settings) -> None:
    with pytest.raises(OpenStackError, match="made for lxc servers"):
        prepare(Settings(settings.state, Virt.QEMU))


@pytest.mark.parametrize("virt", Virt)
def test_every_configuration_can_be_read(settings: Settings, virt: Virt) -> None:
    files = config.files(Settings(settings.state, virt))
    for name, text in files.items():
        if name.split("/")[0] in ("rabbitmq", "libvirt", "hosts") or name.endswith("nfs_shares"):
            continue
        parser = ConfigParser(interpolation=None, allow_no_value=True)
        parser.read_string(text)
        assert parser.sections() or parser.defaults(), name


def test_every_api_listens_where_the_catalog_says(settings: Settings) -> None:
    files = config.files(settings)
    for service in ("keystone", "placement", "nova-api", "neutron-api", "cinder-api"):
        parser = ConfigParser(interpolation=None)
        parser.read_string(files[f"uwsgi-{service}.ini"])
        assert f"http://{parser['uwsgi']['http-socket']}" == settings.url(service)


def test_what_speaks_of_a_run_is_left_and_so_is_all_that_is_new_to_a_cloud_of_ones_own() -> None:
    before = {("network", "a"): "theirs"}
    after = {**before, ("port", "b"): "kb-0123abcd-proxy", ("server", "c"): "somebody else's"}
    assert left(before, after, ["0123abcd"], alone=False) == ["port b"]
    assert left(before, after, ["0123abcd"], alone=True) == ["port b", "server c"]
    assert left(before, before, ["0123abcd"], alone=True) == []


@pytest.mark.parametrize("scenario", acceptance._scenarios(volumes=True), ids=lambda path: path.stem)
def test_its_scenarios_can_show_what_they_are_to_show(scenario: Path) -> None:
    assert not feasible(load(scenario))


def test_the_forwarder_hands_over_both_directions_to_their_ends() -> None:
    async def both() -> bytes:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"heard " + await reader.read())
            writer.close()

        far = await asyncio.start_server(echo, "127.0.0.1", 0)
        near = await asyncio.start_server(
            forward.Forwarder(*far.sockets[0].getsockname()).accept, "127.0.0.1", 0
        )
        async with far, near:
            reader, writer = await asyncio.open_connection(*near.sockets[0].getsockname())
            with closing(writer):
                writer.write(b"x" * 300_000)
                writer.write_eof()
                return await reader.read()

    assert asyncio.run(both()) == b"heard " + b"x" * 300_000


def test_the_forwarder_ends_a_connection_that_nobody_takes() -> None:
    async def refused() -> bytes:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            target = free.getsockname()
            near = await asyncio.start_server(forward.Forwarder(*target).accept, "127.0.0.1", 0)
            async with near:
                reader, writer = await asyncio.open_connection(*near.sockets[0].getsockname())
                with closing(writer):
                    return await reader.read()

    assert asyncio.run(refused()) == b""
