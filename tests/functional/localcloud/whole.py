"""A server of a whole local cloud, staged by an OpenStack client, and what it answers to plain HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import statistics
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.waiting import PATIENCE, eventually

MIB = 1 << 20
WRITTEN_AT_ONCE = 4096
_PROMPT = 0.1

# Answers with the host's name; with as many zeros as it is asked for; with how writing blocks to the volume
# went; with its clocks; or with the CPU time that it got in so many seconds.
USER_DATA = f"""#!/usr/bin/env python3
import http.server, json, mmap, os, socket, time

def write(count, flush):
    block = mmap.mmap(-1, {WRITTEN_AT_ONCE})
    block.write(b"kept" * ({WRITTEN_AT_ONCE} // 4))
    device = os.open("/dev/vdb", os.O_WRONLY | os.O_DIRECT)
    number, started = 0, time.monotonic()
    try:
        for each in range(count):
            os.pwrite(device, block, each * {MIB})
            if flush:
                os.fsync(device)
    except OSError as error:
        number = error.errno
    os.close(device)
    return json.dumps([number, time.monotonic() - started]).encode()

def read(count):
    block, kept = mmap.mmap(-1, {WRITTEN_AT_ONCE}), 0
    device = os.open("/dev/vdb", os.O_RDONLY | os.O_DIRECT)
    for each in range(count):
        os.preadv(device, [block], each * {MIB})
        kept += block[:] == b"kept" * ({WRITTEN_AT_ONCE} // 4)
    os.close(device)
    return str(kept).encode()

def burn(seconds):
    ends, before = time.monotonic() + seconds, time.process_time()
    while time.monotonic() < ends:
        pass
    return str(time.process_time() - before).encode()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    def do_POST(self):
        size = int(self.headers["Content-Length"])
        while size:
            size -= len(self.rfile.read(min(size, 1 << 16)))
        self.answer(b"taken")
    def do_GET(self):
        path = self.path[1:]
        if path.startswith("write/"):
            body = write(int(path[6:]), False)
        elif path.startswith("flush/"):
            body = write(int(path[6:]), True)
        elif path.startswith("read/"):
            body = read(int(path[5:]))
        elif path == "clock":
            clocks = (time.CLOCK_MONOTONIC, time.CLOCK_REALTIME, time.CLOCK_BOOTTIME)
            body = json.dumps([time.clock_gettime(clock) for clock in clocks]).encode()
        elif path.startswith("burn/"):
            body = burn(float(path[5:]))
        elif path:
            body = bytes(int(path))
        else:
            body = socket.gethostname().encode()
        self.answer(body)
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("serving", flush=True)
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


@dataclass
class Web:
    """A server behind a router, with a floating address that lets SSH and port 8080 in."""

    id: str
    address: str

    def get(self, path: str = "", timeout: float = 5.0) -> bytes | None:
        """What the server answers, if it does."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:8080/{path}", timeout=timeout) as response:
                body: bytes = response.read()
                return body
        except OSError:
            return None

    def put(self, size: int) -> float:
        """The seconds that it takes to send it so many bytes."""
        started = time.monotonic()
        request = urllib.request.Request(f"http://{self.address}:8080/", bytes(size))
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            assert response.read() == b"taken"
        return time.monotonic() - started

    def write(self, blocks: int, how: str = "write") -> tuple[int, float]:
        """The error number (0: none) and the seconds of writing that many blocks to its volume; `how` may be
        `flush`, after each.
        """
        number, seconds = json.loads(self.get(f"{how}/{blocks}", timeout=PATIENCE) or b"")
        return int(number), float(seconds)

    def behind(self) -> list[float]:
        """By how much its clocks (monotonic, of the day, since boot) are behind our monotonic one, to a tenth
        of a second: an answer that took longer, as after a lost SYN, is asked for again.
        """

        def read() -> list[float]:
            asked = time.monotonic()
            answer = self.get("clock")
            answered = time.monotonic()
            if answer is None or answered - asked > _PROMPT:
                return []
            return [answered - clock for clock in json.loads(answer)]

        return eventually(read)

    def kept(self, blocks: int) -> int:
        """How many of these blocks hold what was written."""
        return int(self.get(f"read/{blocks}", timeout=PATIENCE) or b"")

    def connect(self, port: int) -> None:
        """A connection to it, and its end. Raises `OSError`."""
        socket.create_connection((self.address, port), timeout=0.5).close()

    def median(self, requests: int = 30) -> float:
        """The median of the seconds of some requests, one after the other on one connection."""
        connection = http.client.HTTPConnection(self.address, 8080, timeout=PATIENCE)
        seconds = []
        for _ in range(requests):
            started = time.monotonic()
            connection.request("GET", "/")
            connection.getresponse().read()
            seconds.append(time.monotonic() - started)
        connection.close()
        return statistics.median(seconds)


def stage(admin: Any) -> Web:
    """The server, once it answers."""
    public = admin.network.find_network("public")
    network = admin.network.create_network(name="n")
    subnet = admin.network.create_subnet(network_id=network.id, cidr="10.6.0.0/24", ip_version=4)
    router = admin.network.create_router(name="r", external_gateway_info={"network_id": public.id})
    admin.network.add_interface_to_router(router, subnet_id=subnet.id)
    group = admin.network.create_security_group(name="web")
    for port in (22, 8080):
        let_in(admin, group.id, port)
    image, flavor = admin.image.find_image("kb-node"), admin.compute.find_flavor("kb.tiny")
    server = admin.compute.create_server(
        name="web",
        image_id=image.id,
        flavor_id=flavor.id,
        networks=[{"uuid": network.id}],
        security_groups=[{"name": "web"}],
        user_data=base64.b64encode(USER_DATA.encode()).decode(),
    )
    eventually(lambda: admin.compute.get_server(server.id).status == "ACTIVE")
    port = next(admin.network.ports(device_id=server.id))
    floating = admin.network.create_ip(floating_network_id=public.id, port_id=port.id)
    web = Web(server.id, floating.floating_ip_address)
    eventually(web.get)
    return web


def let_in(admin: Any, group: str, port: int) -> str:
    rule = admin.network.create_security_group_rule(
        security_group_id=group,
        direction="ingress",
        protocol="tcp",
        port_range_min=port,
        port_range_max=port,
        remote_ip_prefix="0.0.0.0/0",
    )
    return str(rule.id)
