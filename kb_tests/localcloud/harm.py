"""Faults of running servers and attached volumes: the part of the admin API that acts at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.responses import Response

from kb_tests.localcloud.admin import routes
from kb_tests.localcloud.api.call import Call, Json, reply
from kb_tests.localcloud.api.errors import bad_request, conflict, not_found, not_implemented
from kb_tests.localcloud.driver import DriverError, FaultyDriver

log = logging.getLogger(__name__)


def _driver(call: Call) -> FaultyDriver:
    driver = call.cloud.driver
    if not isinstance(driver, FaultyDriver):
        raise not_implemented(f"The driver {driver.name} cannot harm what it runs.")
    return driver


def _number(given: Json, name: str, most: float = 1e15) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise bad_request(f"{name} must be a number of 0 to {most:g}, not {value!r}.")
    return value


def _whole(given: Json, name: str) -> int | None:
    value = _number(given, name)
    return None if value is None else int(value)


async def _later(seconds: float, end: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    try:
        await end()
    except DriverError as error:
        log.info("a fault had nothing to end: %s", error)


@routes.add("POST", "/servers/{id}/faults", admin="harm servers")
async def harm_server(call: Call) -> Response:
    """`crash`: it dies. `freeze`: it stops, for `seconds` or for good. `cut`: it has no network for
    `seconds`. `link`: its ports have a `rate` (bits a second) and a `loss` (a share), for `seconds` or
    until its next boot.
    """
    server = call.cloud.compute.servers.get(call.params["id"])
    if server is None:
        raise not_found(f"There is no server {call.params['id']}.")
    if server.vm_state != "active":
        raise conflict(f"Server {server.id} does not run.")
    driver, given = _driver(call), call.object("fault")
    seconds = _number(given, "seconds") or 0.0
    match given.get("kind"):
        case "crash":
            await driver.crash(server.id)
        case "freeze":
            await driver.freeze(server.id)
            if seconds:
                call.cloud.spawn(_later(seconds, partial(driver.thaw, server.id)))
        case "cut":
            if not seconds:
                raise bad_request("cut needs seconds.")
            await driver.cut_network(server.id, seconds)
        case "link":
            rate, loss = _whole(given, "rate"), _number(given, "loss", 1.0) or 0.0
            for port in list(server.ports):
                await driver.limit_link(port, rate, loss)
                if seconds:
                    call.cloud.spawn(_later(seconds, partial(driver.limit_link, port, None, 0.0)))
        case _:
            raise bad_request("The kind of a server's fault is crash, freeze, cut or link.")
    return reply(status=202)


@routes.add("POST", "/volumes/{id}/faults", admin="harm volumes")
async def harm_volume(call: Call) -> Response:
    """`slow`: at most `iops` and `bandwidth` (bytes a second). `full`: no space after `size` bytes. Values
    left out end the fault.
    """
    volume = call.cloud.storage.volumes.get(call.params["id"])
    if volume is None:
        raise not_found(f"There is no volume {call.params['id']}.")
    if not volume.attachments:
        raise conflict(f"Volume {volume.id} is not attached.")
    driver, given = _driver(call), call.object("fault")
    match given.get("kind"):
        case "slow":
            server_id = volume.attachments[0].server_id
            await driver.limit_volume(server_id, volume.id, _whole(given, "iops"), _whole(given, "bandwidth"))
        case "full":
            await driver.fill_volume(volume.id, _whole(given, "size"))
        case _:
            raise bad_request("The kind of a volume's fault is slow or full.")
    return reply(status=202)
