"""How fast and how lean the local cloud's data plane is: boot, memory, destruction, HTTP.

    python benchmarks/netns_scale.py [SERVERS]

Prints seconds for SERVERS (100) servers, memory of an idle one, and requests a second of nginx through a
router as a share of the same over loopback (32 KiB, 20 connections, wrk).
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
import uuid
from pathlib import Path

from kb_tests.localcloud.driver import Nic, RouterPort, RouterSpec, ServerSpec
from kb_tests.localcloud.netns.driver import NetnsDriver

AT_ONCE = 50
WEB = """#!/bin/sh
mkdir -p /srv/www && head -c 32768 /dev/urandom > /srv/www/page
cat > /etc/bench.conf <<'END'
user root; worker_processes 1; events { worker_connections 1024; } pid /run/nginx.pid;
http { access_log off; keepalive_requests 1000000; server { listen 80; root /srv/www; } }
END
nginx -c /etc/bench.conf && echo serving
"""
LOAD = """#!/bin/sh
for i in 1 2 3; do
    wrk -t1 -c20 -d2 http://{address}/page | awk '/Requests.sec/ {{print "rate", $2, "."}}'
done
echo finished
"""


def spec(number: int, network: int, user_data: str = "") -> ServerSpec:
    server_id = str(uuid.uuid4())
    nic = Nic(
        port_id=str(uuid.uuid4()),
        network_id=f"net{network}",
        mac=f"fa:16:3e:{network:02x}:{number >> 8:02x}:{number & 255:02x}",
        address=f"10.{network}.{number >> 8}.{number & 255}",
        prefix=16,
        gateway=f"10.{network}.0.1",
    )
    name = f"server-{number}"
    return ServerSpec(
        server_id, name, name, 2, 2048, (nic,), user_data.encode(), {"uuid": server_id}, (), "hypervisor-1"
    )


async def boot(driver: NetnsDriver, server: ServerSpec) -> None:
    for nic in server.nics:
        await driver.put_rules(nic.port_id, None)
    await driver.boot(server)


async def says(driver: NetnsDriver, server: ServerSpec, text: str) -> str:
    """Wait for a word on the console."""
    while text not in (console := await driver.console(server.id)):
        await asyncio.sleep(0.1)
    return console


def available() -> int:
    """KiB that the machine could still give."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])


async def many(driver: NetnsDriver, count: int) -> None:
    servers = [spec(number, 1) for number in range(10, 10 + count)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(server: ServerSpec) -> None:
        async with gate:
            await boot(driver, server)

    before, start = available(), time.perf_counter()
    await asyncio.gather(*map(one, servers))
    booted = time.perf_counter() - start
    await asyncio.sleep(1)
    memory = (before - available()) / count / 1024
    start = time.perf_counter()
    await asyncio.gather(*(driver.destroy(server.id) for server in servers))
    destroyed = time.perf_counter() - start
    print(f"boot       {count} servers in {booted:.2f} s ({1000 * booted / count:.1f} ms each)")
    print(f"memory     {memory:.1f} MiB of an idle server")
    print(f"destroy    {count} servers in {destroyed:.2f} s ({1000 * destroyed / count:.1f} ms each)")


async def http(driver: NetnsDriver) -> None:
    web = spec(5, 2, WEB)
    await boot(driver, web)
    await says(driver, web, "serving")
    routed = spec(5, 1, LOAD.format(address=web.nics[0].address))
    local = spec(6, 1, WEB + LOAD.removeprefix("#!/bin/sh\n").format(address="127.0.0.1"))
    rates = []
    for server in (local, routed):
        await boot(driver, server)
        console = await says(driver, server, "finished")
        rates.append(max(float(part.split()[0]) for part in console.split("rate ")[1:]))
    print(f"http       {rates[1]:.0f} of {rates[0]:.0f} requests/s: ratio {rates[1] / rates[0]:.2f}")


async def main(count: int) -> None:
    driver = NetnsDriver()
    await driver.start()
    try:
        print(f"{driver.name}: {driver.notes[1]}")
        legs = []
        for network in (1, 2):
            await driver.put_network(f"net{network}", 1500)
            mac = f"fa:16:3e:ff:00:{network:02x}"
            legs.append(RouterPort(f"leg{network}", f"net{network}", mac, f"10.{network}.0.1", 16))
        await driver.put_router(RouterSpec("router", tuple(legs)))
        await many(driver, count)
        if shutil.which("wrk"):
            await http(driver)
        else:
            print("http       not measured: there is no wrk here")
    finally:
        await driver.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
