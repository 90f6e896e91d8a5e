"""Two clouds on one machine: servers of one reach floating IPs of the other by their router's gateway."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from kb_tests.localcloud.driver import Rule, ServerSpec
from tests.functional.localcloud.netns_cloud import OUT_ONLY, SSH, Cloud, router_spec, running
from tests.waiting import PATIENCE

_SERVE = """#!/bin/bash
python3 -c '
import socket
with socket.create_server(("", 80)) as listener:
    print("listening", flush=True)
    while True:
        connection, peer = listener.accept()
        connection.sendall(peer[0].encode())
        connection.close()
' &
"""
_ASK = """python3 -c "
import socket
try:
    with socket.create_connection(('{address}', 80), {seconds}) as connection:
        print(connection.recv(100).decode() or 'nothing')
except OSError as error:
    print(type(error).__name__)
" """


async def _seen(cloud: Cloud, client: ServerSpec, address: str, seconds: float = PATIENCE) -> str:
    """Whom the server at `address` sees when `client` connects, or how that fails within so many seconds."""
    return (await cloud.run(client, _ASK.format(address=address, seconds=seconds))).strip()


def test_servers_reach_floating_ips_of_another_cloud_from_their_routers_outer_address() -> None:
    async def main() -> None:
        async with running() as north, running() as south:
            assert north.driver.floating_pool[0] != south.driver.floating_pool[0]
            outer = str(north.driver.floating_pool[1])
            client = await north.boot(north.spec("client"))
            rules = (*OUT_ONLY, SSH, Rule("ingress", "tcp", 80, 80, (f"{outer}/32",)))
            server = await south.boot(south.spec("server", _SERVE), rules)
            await south.says(server, "listening")
            address = await south.floating(server, ((22, 22), (80, 80)))

            assert await _seen(north, client, address) == "ConnectionRefusedError"  # no gateway yet
            await north.driver.put_router(replace(router_spec(1), gateway=outer))
            assert await _seen(north, client, address) == outer
            elsewhere = str(south.driver.floating_pool[1])
            assert await _seen(north, client, elsewhere) == "ConnectionResetError"

            other = str(north.driver.floating_pool[1] - 1)
            await north.driver.put_router(replace(router_spec(1), gateway=other))
            assert await _seen(north, client, address, 1) == "TimeoutError"  # that is not whom the rule names

    asyncio.run(main())
