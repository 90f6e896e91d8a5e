"""What goes on with a server after its request was answered: build, stop, start, reboot, delete.

One lock a server keeps the driver's calls for it in order.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb_tests.localcloud.api.errors import ApiError
from kb_tests.localcloud.driver import DriverError, FaultyDriver, Power, ServerSpec, Way
from kb_tests.localcloud.faults import Fault, Kind
from kb_tests.localcloud.neutron import ports
from kb_tests.localcloud.neutron.state import Network, Port
from kb_tests.localcloud.nova import state
from kb_tests.localcloud.nova.scheduler import NoValidHostError, choose_hosts
from kb_tests.localcloud.nova.state import Server
from kb_tests.localcloud.times import now

if TYPE_CHECKING:
    from kb_tests.localcloud.cloud import Cloud

log = logging.getLogger(__name__)

RUNNING, SHUTDOWN, CRASHED = 1, 4, 6
"""Nova's numbers of power states."""


@dataclass(frozen=True)
class Wanted:
    """One interface of the new servers: a network, perhaps an address in it, or an existing port."""

    network: Network
    address: str | None = None
    port: Port | None = None
    tag: str | None = None


def _fail(server: Server, message: str) -> None:
    server.vm_state, server.task_state = "error", None
    server.fault = state.Fault(message=message)
    server.touch()
    if server.actions:
        server.actions[-1].message = "Error"
    log.warning("server %s is in ERROR: %s", server.id, message)


async def build(
    cloud: Cloud,
    servers: list[Server],
    wanted: list[Wanted],
    groups: list[str],
    host: str | None,
    from_host_root: bool,
) -> None:
    """Place them, make their ports, boot them."""
    try:
        choose_hosts(cloud.compute, servers, host)
    except NoValidHostError as error:
        for server in servers:
            _fail(server, str(error))
        return
    if not from_host_root and cloud.driver.name != "null":
        for server in servers:
            _fail(server, "The local cloud boots only the image kb-node, which is this machine's own root.")
        return
    ready = []
    for server in servers:
        server.task_state = "networking"
        try:
            _make_ports(cloud, server, wanted, groups)
        except ApiError as error:
            _fail(server, f"Failed to allocate the network(s), not rescheduling: {error.message}")
        else:
            ready.append(server)
    await asyncio.gather(*(_boot_new(cloud, server) for server in ready))


def _make_ports(cloud: Cloud, server: Server, wanted: list[Wanted], groups: list[str]) -> None:
    owner = f"compute:{cloud.compute.zone_of(server.host or '')}"
    for each in wanted:
        if each.port is not None:
            cloud.networking.rebind(each.port, server.id, owner, server.host or "")
            server.ports[each.port.id] = False
            port = each.port
        else:
            limit = cloud.networking.limit("port", server.project_id)
            if 0 <= limit <= cloud.networking.used("port", server.project_id):
                raise ApiError(403, "Maximum number of ports exceeded")
            port = ports.create(
                cloud,
                each.network,
                server.project_id,
                fixed_ips=None if each.address is None else [{"ip_address": each.address}],
                groups=groups if each.network.port_security else [],
                device_id=server.id,
                device_owner=owner,
            )
            port.host = server.host or ""
            server.ports[port.id] = True
        if each.tag:
            server.port_tags[port.id] = each.tag


async def _boot_new(cloud: Cloud, server: Server) -> None:
    async with server.lock:
        server.task_state = "spawning"
        fault = cloud.faults.of_boot(server.name)
        slow = fault is not None and fault.kind is Kind.BOOT_DELAY
        try:
            if not slow:
                await _befall(server, fault)
            async with cloud.boots:
                if server.deleting:
                    return
                await _prepare(cloud, server)
            if slow:
                await _befall(server, fault)
                if server.deleting:
                    return
            await _boot(cloud, server)
        except DriverError as error:
            _fail(server, str(error))
            return
        server.launched = now()
        _running(server)


async def _befall(server: Server, fault: Fault | None) -> None:
    """Let the boot go wrong as asked for, or until the server is deleted."""
    if fault is None:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(None if fault.kind is Kind.BOOT_NEVER else fault.seconds):
            await server.unwanted.wait()
    if fault.kind is Kind.BOOT_ERROR and not server.deleting:
        raise DriverError(f"Build of instance {server.id} aborted: a fault on request.")


def _running(server: Server) -> None:
    server.vm_state, server.power_state = "active", RUNNING
    if not server.deleting:
        server.task_state = None
    server.fault = None
    server.touch()


async def _prepare(cloud: Cloud, server: Server) -> None:
    own_ports = [cloud.networking.ports[port] for port in server.ports if port in cloud.networking.ports]
    await cloud.dataplane.before_boot(own_ports)
    server.spec = _spec(cloud, server, own_ports)
    server.booted = True
    await cloud.driver.prepare(server.spec)


async def _boot(cloud: Cloud, server: Server) -> None:
    """Let a prepared server run."""
    assert server.spec is not None
    await cloud.driver.boot(server.spec)
    await cloud.dataplane.after_boot(server.id)
    if cloud.settings.link_rate.bits is not None and isinstance(cloud.driver, FaultyDriver):
        for port in list(server.ports):
            await cloud.driver.set_link(port, Way(), Way(rate=cloud.settings.link_rate.bits))
    for attachment in list(server.attachments.values()):
        await attach_volume(cloud, server, attachment)


async def attach_volume(cloud: Cloud, server: Server, attachment: state.Attachment) -> None:
    """Give a running server the device, with the limits of the volume's type.

    Raises:
        DriverError: it cannot be attached.

    """
    kind = cloud.storage.volumes[attachment.volume_id].type
    attachment.device = await cloud.driver.attach_volume(server.id, attachment.volume_id, faulty=kind.faulty)
    limits = kind.limits
    if any(limits) and isinstance(cloud.driver, FaultyDriver):
        await cloud.driver.limit_volume(server.id, attachment.volume_id, *limits)


def _spec(cloud: Cloud, server: Server, own_ports: list[Port]) -> ServerSpec:
    nics = tuple(cloud.dataplane.nic(port) for port in own_ports if port.fixed_ips)
    meta: dict[str, object] = {
        "uuid": server.id,
        "name": server.name,
        "hostname": server.hostname,
        "availability_zone": cloud.compute.zone_of(server.host or ""),
        "launch_index": server.launch_index,
        "project_id": server.project_id,
        "random_seed": base64.b64encode(secrets.token_bytes(512)).decode(),
        "devices": [
            {"type": "nic", "bus": "none", "mac": cloud.networking.ports[port].mac_address, "tags": [tag]}
            for port, tag in server.port_tags.items()
            if port in cloud.networking.ports
        ],
    }
    if server.metadata:
        meta["meta"] = dict(server.metadata)
    if server.public_key is not None and server.key_name is not None:
        meta["public_keys"] = {server.key_name: server.public_key}
        meta["keys"] = [{"name": server.key_name, "type": "ssh", "data": server.public_key}]
    return ServerSpec(
        id=server.id,
        name=server.name,
        hostname=server.hostname,
        vcpus=server.flavor.vcpus,
        ram_mib=server.flavor.ram,
        nics=nics,
        user_data=base64.b64decode(server.user_data or ""),
        meta_data=meta,
        public_keys=(server.public_key,) if server.public_key else (),
        hypervisor=server.host or "",
    )


async def stop(cloud: Cloud, server: Server) -> None:
    """Power off."""
    async with server.lock:
        try:
            await cloud.driver.power_off(server.id)
        except DriverError as error:
            _fail(server, str(error))
            return
        server.vm_state, server.power_state = "stopped", SHUTDOWN
        server.task_state = "deleting" if server.deleting else None
        server.touch()


async def start(cloud: Cloud, server: Server) -> None:
    """Boot again, with the ports and volumes that it has now; also the second half of a reboot."""
    async with server.lock:
        if server.deleting:
            return
        try:
            await cloud.driver.power_off(server.id)
            await _prepare(cloud, server)
            await _boot(cloud, server)
        except DriverError as error:
            _fail(server, str(error))
            return
        _running(server)


async def delete(cloud: Cloud, server: Server) -> None:
    """End it, free its volumes, delete the ports that Nova made and unbind the others."""
    async with server.lock:
        try:
            if cloud.faults.of_deletion(server.id, server.name):
                raise DriverError(f"Deletion of instance {server.id} failed: a fault on request.")
            if server.booted:
                await cloud.driver.destroy(server.id)
            cloud.dataplane.gone(server.id)
            await _free_ports(cloud, server)
            await _free_volumes(cloud, server)
        except DriverError as error:
            server.unwanted.clear()
            _fail(server, str(error))
            return
        for group in cloud.compute.groups.values():
            group.members.discard(server.id)
        cloud.compute.servers.pop(server.id, None)


async def _free_ports(cloud: Cloud, server: Server) -> None:
    for port_id, made_by_nova in list(server.ports.items()):
        port = cloud.networking.ports.get(port_id)
        if port is None:
            continue
        if made_by_nova:
            await ports.remove(cloud, port)
        else:
            await _unbind(cloud, port)


async def _free_volumes(cloud: Cloud, server: Server) -> None:
    for attachment in list(server.attachments.values()):
        volume = cloud.storage.volumes.get(attachment.volume_id)
        if volume is None:
            continue
        volume.release(server.id)
        if attachment.delete_on_termination:
            await cloud.driver.delete_volume(volume.id)
            del cloud.storage.volumes[volume.id]


async def _unbind(cloud: Cloud, port: Port) -> None:
    cloud.networking.rebind(port, "", "")
    for floating in list(cloud.networking.floating.values()):
        if floating.port_id == port.id:
            await cloud.driver.delete_floating_ip(floating.address)


async def watch_power(cloud: Cloud, every: float = 1.0) -> None:
    """Let a server whose processes ended by themselves be seen as SHUTOFF."""
    while True:
        await asyncio.sleep(every)
        try:
            powers = await cloud.driver.power()
        except DriverError as error:
            log.warning("the servers' power states are unknown: %s", error)
            continue
        for server in cloud.compute.servers.values():
            if server.vm_state != "active" or server.task_state is not None or server.lock.locked():
                continue
            found = powers.get(server.id, Power.CRASHED)
            if found is not Power.RUNNING:
                server.vm_state = "stopped"
                server.power_state = CRASHED if found is Power.CRASHED else SHUTDOWN
                server.touch()
