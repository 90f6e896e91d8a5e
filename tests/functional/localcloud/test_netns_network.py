"""What passes between servers, routers and floating IPs, and what does not."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from dataclasses import replace

from kb_tests.localcloud.driver import FloatingIp, Nic, RouterSpec, Rule, ServerSpec
from kb_tests.localcloud.netns.forwarder import local_port
from tests.functional.localcloud.netns_cloud import (
    OUT_ONLY,
    SSH,
    Cloud,
    router_spec,
    running,
)
from tests.waiting import PATIENCE, eventually_async

ECHO = """
import socketserver, socket, threading
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        data = self.request.makefile('rb').read()
        self.request.sendall(b'%d bytes' % len(data))
socketserver.ThreadingTCPServer.request_queue_size = 256
tcp = socketserver.ThreadingTCPServer(('0.0.0.0', 7777), Handler)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(('0.0.0.0', 7777))
def answer():
    while True:
        data, peer = udp.recvfrom(65536)
        udp.sendto(b'%d bytes from %s' % (len(data), peer[0].encode()), peer)
threading.Thread(target=answer, daemon=True).start()
print('listening', flush=True)
tcp.serve_forever()
"""
SERVE = f"cat > /opt/echo.py <<'END'\n{ECHO}\nEND\npython3 /opt/echo.py &\n"
ASK = """python3 -c "
import socket, sys
kind, address, port, seconds = sys.argv[1:5]
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == 'tcp' else socket.SOCK_DGRAM)
s.settimeout(float(seconds))
s.connect((address, int(port)))
s.sendall(b'x' * 1000)
if kind == 'tcp': s.shutdown(1)
print(s.recv(100).decode())
" """


QUIET = 0.4
"""Seconds without an answer that are taken for none."""


async def reaches(cloud: Cloud, source: ServerSpec, kind: str, address: str, seconds: float = QUIET) -> bool:
    """Whether an answer comes back from `address` in so many seconds."""
    if kind == "icmp":
        return "1 received" in await cloud.run(source, f"ping -c 1 -W {seconds} {address}", check=False)
    command = f"{ASK} {kind} {address} 7777 {seconds}"
    return "1000 bytes" in await cloud.run(source, command, check=False)


async def expect(cloud: Cloud, source: ServerSpec, kind: str, address: str) -> None:
    """Answers come back from `address`; the first ones may be late, or be lost."""
    await eventually_async(
        lambda: reaches(cloud, source, kind, address), what=f"an answer from {address} by {kind}"
    )


async def expect_hops(cloud: Cloud, source: ServerSpec, address: str, ttl: int) -> None:
    """Answers come back from `address` with so many hops left of 64."""

    async def answer() -> str:
        said = await cloud.run(source, f"ping -c 1 -W {QUIET} {address}", check=False)
        return said if "1 received" in said else ""

    assert f"ttl={ttl} " in await eventually_async(answer)


async def is_silent(cloud: Cloud, source: ServerSpec, kind: str, address: str) -> bool:
    """Whether no answer comes back, in a time that is long for memory."""
    return not await reaches(cloud, source, kind, address)


async def expect_reached(cloud: Cloud, source: ServerSpec, address: str, expected: set[str]) -> None:
    """Answers come back from `address` in these protocols and no others. One that is missing may be late."""
    kinds = ("tcp", "udp", "icmp")

    async def are_reached() -> bool:
        answers = await asyncio.gather(*(reaches(cloud, source, kind, address) for kind in kinds))
        found = {kind for kind, answer in zip(kinds, answers, strict=True) if answer}
        assert found <= expected, found - expected
        return found == expected

    await eventually_async(are_reached, what=f"answers from {address} by {expected}")


async def serving(cloud: Cloud, name: str, *rules: Rule, network: int = 1) -> ServerSpec:
    """A server with an echo service on port 7777, TCP and UDP, and SSH."""
    spec = cloud.spec(name, f"#!/bin/bash\n{SERVE}", network=network)
    await cloud.boot(spec, (*OUT_ONLY, SSH, *rules))
    await cloud.says(spec, "listening")
    return spec


def test_tcp_reacts_as_in_guests_whatever_the_machine_chose() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await cloud.boot(cloud.spec("server"))
            chosen = await cloud.run(server, "cat /proc/sys/net/ipv4/tcp_congestion_control")
            assert chosen.strip() in ("cubic", "reno")
            assert any(note.endswith(f"congestion control {chosen.strip()}") for note in cloud.driver.notes)
            address = await cloud.floating(server)
            with socket.create_connection((address, local_port(22)), timeout=PATIENCE) as outside:
                peer = ":".join(map(str, outside.getsockname()))
                of_the_cloud = ["ss", "-Htin", "dst", peer]
                found = await asyncio.to_thread(subprocess.check_output, of_the_cloud, text=True)
            assert f" {chosen.strip()} " in found, "on the way into the cloud, too"

    asyncio.run(main())


def test_security_groups_let_in_what_their_rules_say() -> None:
    async def main() -> None:
        async with running() as cloud:
            client, server = await serving(cloud, "client"), await serving(cloud, "server")
            address = server.nics[0].address
            port = server.nics[0].port_id
            source = f"{client.nics[0].address}/32"
            await expect_reached(cloud, client, address, set())
            cases = (
                ("tcp", Rule("ingress", "tcp", 7777, 7777, (source,))),
                ("udp", Rule("ingress", "udp", 7000, 8000, ("10.0.0.0/8", "::/0"))),
                ("icmp", Rule("ingress", "icmp", 8, 0, ())),
            )
            for allowed, rule in cases:
                await cloud.driver.put_rules(port, (*OUT_ONLY, SSH, rule))
                await expect_reached(cloud, client, address, {allowed})
            for nobody in (("10.9.9.9/32",), ("fd00::/8",)):
                rule = Rule("ingress", None, None, None, nobody)
                await cloud.driver.put_rules(port, (*OUT_ONLY, SSH, rule))
                await expect_reached(cloud, client, address, set())
            await cloud.driver.put_rules(port, None)
            await expect_reached(cloud, client, address, {"tcp", "udp", "icmp"})

    asyncio.run(main())


def test_answers_pass_and_egress_is_judged() -> None:
    async def main() -> None:
        async with running() as cloud:
            server = await serving(cloud, "server", Rule("ingress", None, None, None, ()))
            client = await serving(cloud, "client")  # lets nothing in but SSH, and answers
            address, port = server.nics[0].address, client.nics[0].port_id
            await expect_reached(cloud, client, address, {"tcp", "udp", "icmp"})
            await cloud.driver.put_rules(port, (SSH, Rule("egress", "udp", 7777, 7777, ())))
            await expect_reached(cloud, client, address, {"udp"})
            await cloud.driver.put_rules(port, (SSH, Rule("ingress", "udp", None, None, ())))
            mine = client.nics[0].address
            await expect(cloud, server, "udp", mine)  # answers of an allowed flow go out

    asyncio.run(main())


def test_a_port_without_rules_is_shut_and_one_without_the_right_sender_is_silent() -> None:
    async def main() -> None:
        async with running() as cloud:
            shut = cloud.spec("shut")
            await cloud.driver.boot(shut)
            peer = await cloud.boots("peer", "true")
            assert await is_silent(cloud, peer, "icmp", shut.nics[0].address)
            thief = await cloud.boot(cloud.spec("thief"))
            await cloud.run(thief, f"ip address add {shut.nics[0].address}/16 dev eth0")
            command = f"ping -c 1 -W 1 -I {shut.nics[0].address} {peer.nics[0].address}"
            assert "1 received" not in await cloud.run(thief, command, check=False)

            # once its kernel has given up to ask for the peer in another's name
            await expect(cloud, thief, "icmp", peer.nics[0].address)

    asyncio.run(main())


def test_a_router_forwards_between_its_legs_and_nowhere_else() -> None:
    async def main() -> None:
        async with running(networks=3) as cloud:
            left = await serving(cloud, "left", Rule("ingress", None, None, None, ()))
            right = await serving(cloud, "right", Rule("ingress", None, None, None, ()), network=2)
            await expect(cloud, left, "tcp", right.nics[0].address)
            await expect_hops(cloud, left, right.nics[0].address, 63)
            for address in ("10.99.0.1", "203.0.113.99", "8.8.8.8"):
                source = left.nics[0].address
                command = f"ping -c 1 -W 1 -I {source} {address}"
                assert "1 received" not in await cloud.run(left, command, check=False), address
            two = replace(router_spec(3), legs=router_spec(3).legs[:1] + router_spec(3).legs[2:])
            await cloud.driver.put_router(two)
            assert await is_silent(cloud, left, "tcp", right.nics[0].address)
            await cloud.driver.put_router(router_spec(3))
            await expect(cloud, left, "tcp", right.nics[0].address)
            await cloud.driver.put_network("net1", 1500)
            await cloud.driver.delete_router("nobody's")

    asyncio.run(main())


def test_host_routes_and_router_routes_lead_past_the_default_gateway() -> None:
    async def main() -> None:
        async with running(networks=2) as cloud:
            await cloud.driver.put_network("far", 1500)
            legs = router_spec(2).legs
            inner = replace(legs[1], port_id="inner", mac="fa:16:3e:ff:01:01", address="10.2.0.2")
            far = replace(inner, port_id="far", network_id="far", mac="fa:16:3e:ff:01:02", address="10.5.0.1")
            await cloud.driver.put_router(RouterSpec("second", (inner, far), (("10.1.0.0/16", "10.2.0.1"),)))
            spec = cloud.spec("far")
            nic = replace(spec.nics[0], network_id="far", address="10.5.0.10", gateway="10.5.0.1")
            end = await cloud.boot(replace(spec, nics=(nic,)))
            near = cloud.spec("near", network=2)
            route = replace(near.nics[0], routes=(("10.5.0.0/16", "10.2.0.2"),))
            near = await cloud.boot(replace(near, nics=(route,)))
            await expect_hops(cloud, near, end.nics[0].address, 63)
            beyond = await cloud.boot(cloud.spec("beyond"))
            assert await is_silent(cloud, beyond, "icmp", end.nics[0].address)
            await cloud.driver.put_router(replace(router_spec(2), routes=(("10.5.0.0/16", "10.2.0.2"),)))
            await expect(cloud, beyond, "icmp", end.nics[0].address)
            await cloud.driver.put_router(router_spec(2))
            assert await is_silent(cloud, beyond, "icmp", end.nics[0].address)

    asyncio.run(main())


async def exchange(address: str, port: int, data: bytes) -> bytes:
    """Send, end our direction, and read to the end."""
    reader, writer = await asyncio.open_connection(address, local_port(port))
    try:
        writer.write(data)
        writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


def test_floating_ips_carry_half_closed_connections_and_many_of_them() -> None:
    async def main() -> None:
        async with running() as cloud:
            rule = Rule("ingress", "tcp", 7777, 7777, ("203.0.113.0/24",))
            server = await serving(cloud, "server", rule)
            address = await cloud.floating(server, ((22, 22), (7770, 7780)))
            answers = await asyncio.gather(*(exchange(address, 7777, b"x" * 100_000) for _ in range(200)))
            assert answers == [b"100000 bytes"] * 200
            assert await cloud.run(server, "md5sum", stdin=b"\0" * 20_000_000) == (
                "10e4462c9d0b08e7f0b304c4fbfeafa3  -\n"
            )

    asyncio.run(main())


def test_a_floating_ip_refuses_what_is_not_allowed_and_goes_with_its_deletion() -> None:
    async def outcome(address: str, port: int) -> str:
        try:
            return (await exchange(address, port, b"x")).decode() or "empty"
        except ConnectionError as error:
            return type(error).__name__

    async def main() -> None:
        async with running(patience=1.0) as cloud:
            server = await serving(cloud, "server", Rule("ingress", "tcp", 7777, 7777, ("10.0.0.0/8",)))
            address = await cloud.floating(server, ((22, 22), (7776, 7777)))
            assert await outcome(address, 7778) == "ConnectionRefusedError"
            assert await outcome(address, 7776) == "ConnectionResetError"
            port = server.nics[0].port_id
            await cloud.driver.put_rules(port, (*OUT_ONLY, Rule("ingress", "tcp", 7777, 7777, ())))
            assert await outcome(address, 7777) == "1 bytes"
            await cloud.driver.put_floating_ip(
                FloatingIp(address, server.id, server.nics[0].address, ((22, 22),))
            )
            assert await outcome(address, 7777) == "ConnectionRefusedError"
            await cloud.driver.delete_floating_ip(address)
            assert await outcome(address, 22) == "ConnectionRefusedError"
            await cloud.driver.delete_floating_ip(address)

    asyncio.run(main())


def test_ports_are_plugged_into_and_out_of_a_running_server() -> None:
    async def main() -> None:
        async with running(networks=2) as cloud:
            server = await cloud.boot(cloud.spec("server"))
            other = await cloud.boot(cloud.spec("other", network=2))
            nic: Nic = replace(cloud.spec("x", network=2).nics[0], gateway=None)
            await cloud.driver.put_rules(nic.port_id, OUT_ONLY)
            await cloud.driver.attach_nic(server.id, nic)
            await cloud.driver.attach_nic(server.id, nic)
            assert nic.mac in await cloud.run(server, "ip -o link show eth1")
            await expect_hops(cloud, server, other.nics[0].address, 64)
            await cloud.driver.detach_nic(server.id, nic.port_id)
            await cloud.driver.detach_nic(server.id, nic.port_id)

            async def gone() -> bool:
                return "does not exist" in await cloud.run(server, "ip link show eth1", check=False)

            await eventually_async(gone)

    asyncio.run(main())


def test_an_address_that_moves_is_found_at_once() -> None:
    async def main() -> None:
        async with running() as cloud:
            client = await cloud.boot(cloud.spec("client"))
            old = await cloud.boot(cloud.spec("old"))
            nic = old.nics[0]
            await expect(cloud, client, "icmp", nic.address)
            for number in range(3):
                await cloud.driver.destroy(old.id)
                fresh = cloud.spec(f"new-{number}")
                moved = replace(fresh.nics[0], address=nic.address)
                old = await cloud.boot(replace(fresh, nics=(moved,)))
                assert await cloud.run(old, "hostname") == f"new-{number}\n"
                assert await reaches(cloud, client, "icmp", nic.address, seconds=60), "by the first packet"

    asyncio.run(main())


LISTEN = """
import socket, time
from kb_tests.localcloud.netns import linux, networks

def plugged(number, address):
    network = networks.new_namespace()
    networks.plug(
        {"name": f"port{number}", "bridge": "net", "mtu": 1500, "mac": f"fa:16:3e:00:00:0{number}",
         "address": address, "prefix": 16},
        "eth0", network,
    )
    return network

def late(netlink, index, at_once=networks.Netlink.set_up):
    time.sleep(0.1)  # as on a busy machine: by then the kernel has seen that the other end is down
    at_once(netlink, index)

networks.Netlink.set_up = late
networks.set_up_own_namespace()
networks.put_network("net", 1500)
with linux.inside_network(plugged(1, "10.1.0.1")):
    ears = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
ears.settimeout(60)
for number in range(2, 7):
    plugged(number, "10.1.0.2")
    while ears.recv(100)[22:32] != bytes([0xFA, 0x16, 0x3E, 0, 0, number, 10, 1, 0, 2]):
        pass
"""


def test_whoever_is_plugged_in_is_heard_to_have_its_address() -> None:
    # Others take no new place for an address from anything else, if they have looked at it a moment ago.
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", LISTEN], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
