"""Process 1 of the cloud's namespaces: does what the driver asks, and forks the servers.

One thread, one loop, no operation that takes long. It ends when the driver's end of the socket is
closed; the kernel then ends everything in its pid namespace, and with that every mount, device and
namespace of the cloud. Names of devices (`b1`, `p1`, `r1`) are chosen by the driver.
"""

# Every server is a fork of this process: it does without pathlib, and works with descriptors.
# ruff: noqa: PTH110, PTH123

from __future__ import annotations

import gc
import os
import resource
import selectors
import signal
import socket
import sys
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kb_tests.localcloud.netns import init, linux, rootfs, wire
from kb_tests.localcloud.netns.blockdev import BlockDevices
from kb_tests.localcloud.netns.rtnetlink import Netlink

OUTSIDE = "203.0.113.1"
"""Where connections through a floating IP come from, as a server sees it (RFC 5737)."""

_METADATA = "169.254.169.254"


class _Deferred(Exception):  # noqa: N818 - no error: the answer follows later
    """The operation goes on; somebody else answers."""


@dataclass
class _Server:
    """A server whose processes run."""

    pid: int
    nics: dict[str, str] = field(default_factory=dict)


@dataclass
class _Router:
    """A namespace that forwards between its legs: device name to what the leg is."""

    network: int
    legs: dict[str, dict[str, Any]] = field(default_factory=dict)
    routes: set[tuple[str, str]] = field(default_factory=set)


def _sysctl(name: str, value: str) -> None:
    path = "/proc/sys/" + name
    if os.path.exists(path):
        with open(path, "w") as file:
            file.write(value)


def _quiet_network(*, forward: bool = False) -> None:
    """Settings of the present network namespace: IPv4 only, no guesses about sources."""
    for name in ("all", "default"):
        _sysctl(f"net/ipv6/conf/{name}/disable_ipv6", "1")
        _sysctl(f"net/ipv4/conf/{name}/rp_filter", "0")
        _sysctl(f"net/ipv4/conf/{name}/send_redirects", "0")
    for table in ("arptables", "iptables", "ip6tables"):
        _sysctl(f"net/bridge/bridge-nf-call-{table}", "0")  # what crosses a bridge is no IP host's matter
    if forward:
        _sysctl("net/ipv4/ip_forward", "1")


class Helper:
    """The cloud's process 1."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._reader = wire.Reader(control)
        self._selector = selectors.DefaultSelector()
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._rootless = False
        self._devices = BlockDevices()
        self._routers: dict[str, _Router] = {}
        self._servers: dict[str, _Server] = {}
        self._booting: dict[int, tuple[int, str]] = {}
        self._commands: dict[int, tuple[int, int]] = {}
        wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake = wake_read
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        self._selector.register(control, selectors.EVENT_READ, self._serve_driver)
        self._selector.register(self._wake, selectors.EVENT_READ, self._reap)
        self._operations: dict[str, Callable[[dict[str, Any], list[int]], object]] = {
            "start": self._start,
            "network": self._put_network,
            "network-delete": self._delete_network,
            "router": self._put_router,
            "router-delete": self._delete_router,
            "nft": self._nft,
            "boot": self._boot,
            "kill": self._kill,
            "erase": self._erase,
            "nic": self._attach_nic,
            "nic-delete": self._detach_nic,
            "upstream": self._upstream,
            "volume": lambda message, _: self._devices.new_file(message["volume"]),
            "volume-delete": lambda message, _: self._devices.delete_file(message["volume"]),
            "volume-attach": self._attach_volume,
            "volume-detach": self._detach_volume,
        }

    def run(self) -> None:
        """Serve until the driver is gone."""
        try:
            while True:
                for key, _ in self._selector.select():
                    key.data()
        except (EOFError, BrokenPipeError):
            self._devices.delete_files()

    def _serve_driver(self) -> None:
        for message, fds in self._reader.receive():
            try:
                result = self._operations[message["op"]](message, fds)
            except _Deferred:
                continue
            except OSError as error:
                what = f"{error.filename}: " if error.filename else ""
                self._answer(message["id"], error=f"{what}{error.strerror or error}")
            except Exception as error:  # the helper outlives a wrong request
                self._answer(message["id"], error=f"{type(error).__name__}: {error}")
            else:
                given = [result] if isinstance(result, int) and not isinstance(result, bool) else []
                self._answer(message["id"], given)
                for fd in given:
                    os.close(fd)
            finally:
                for fd in fds:
                    os.close(fd)

    def _answer(self, request: int, fds: list[int] | None = None, error: str | None = None) -> None:
        wire.send(self._control, {"id": request, "error": error}, fds or ())

    def _start(self, message: dict[str, Any], _: list[int]) -> None:
        self._rootless = message["rootless"]
        self._devices.prepare(message["folder"], rootless=self._rootless)
        _quiet_network()
        with Netlink() as netlink:
            netlink.set_up(1)
        rootfs.prepare([tuple(entry) for entry in message["var_folders"]])
        gc.collect()
        gc.freeze()

    # Networks

    def _put_network(self, message: dict[str, Any], _: list[int]) -> int:
        """Make a bridge; answers with a socket that listens for its servers' metadata requests."""
        name = message["name"]
        with Netlink() as netlink:
            netlink.add_bridge(name, message["mtu"])
            netlink.commit()
            netlink.add_address(socket.if_nametoindex(name), _METADATA, 32)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_METADATA, 80))
        listener.listen(512)
        return listener.detach()

    def _delete_network(self, message: dict[str, Any], _: list[int]) -> None:
        with Netlink() as netlink:
            netlink.delete(socket.if_nametoindex(message["name"]))

    def _plug(self, port: dict[str, Any], device: str, network: int) -> None:
        """Lead a cable from the port's bridge to `device` in `network`, and give it its address."""
        with Netlink() as netlink:
            bridge = socket.if_nametoindex(port["bridge"])
            netlink.add_veth(port["name"], bridge, port["mtu"], device, port["mac"], network)
        with linux.inside_network(network), Netlink() as netlink:
            index = socket.if_nametoindex(device)
            netlink.add_address(index, port["address"], port["prefix"])
            netlink.set_up(index)

    # Routers

    def _put_router(self, message: dict[str, Any], _: list[int]) -> None:
        router = self._routers.get(message["name"])
        if router is None:
            router = self._routers[message["name"]] = _Router(linux.new_network())
            with linux.inside_network(router.network):
                _quiet_network(forward=True)
                with Netlink() as netlink:
                    netlink.set_up(1)
                    netlink.add_address(1, OUTSIDE, 32)
        legs = {leg["name"]: leg for leg in message["legs"]}
        for name in [name for name, leg in router.legs.items() if legs.get(name) != leg]:
            del router.legs[name]
            self._unplug(name)
        for name, leg in legs.items():
            if name not in router.legs:
                self._plug(leg, name, router.network)
                router.legs[name] = leg
        routes = {(destination, gateway) for destination, gateway in message["routes"]}
        with linux.inside_network(router.network), Netlink() as netlink:
            for destination, gateway in router.routes - routes:
                netlink.delete_route(destination, gateway)
            for destination, gateway in routes - router.routes:
                netlink.add_route(destination, gateway=gateway)
        router.routes = routes

    def _unplug(self, name: str) -> None:
        try:
            index = socket.if_nametoindex(name)
        except OSError:
            return  # gone with its bridge or its far end
        with Netlink() as netlink:
            netlink.delete(index)

    def _delete_router(self, message: dict[str, Any], _: list[int]) -> None:
        router = self._routers.pop(message["name"], None)
        if router is not None:
            for name in router.legs:
                self._unplug(name)
            os.close(router.network)

    def _upstream(self, message: dict[str, Any], _: list[int]) -> int:
        """A TCP socket, not yet connected, that lives in a router's namespace."""
        with linux.inside_network(self._routers[message["router"]].network):
            upstream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            upstream.bind((OUTSIDE, 0))
        return upstream.detach()

    # Commands

    def _nft(self, message: dict[str, Any], _: list[int]) -> None:
        """Load rules; the answer follows when nft is done."""
        text = os.memfd_create("rules", os.MFD_CLOEXEC)
        os.write(text, message["text"].encode())
        os.lseek(text, 0, os.SEEK_SET)
        errors = os.memfd_create("errors", os.MFD_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, fd, place) for place, fd in enumerate((text, errors, errors))]
        try:
            pid = os.posix_spawnp("nft", ["nft", "-f", "-"], os.environ, file_actions=actions)
        finally:
            os.close(text)
        self._commands[pid] = (message["id"], errors)
        raise _Deferred

    # Servers

    def _boot(self, message: dict[str, Any], _: list[int]) -> None:
        """Fork a server's process 1; the answer, with its console, follows when it is set up."""
        server_id = message["server"]
        if server_id in self._servers:
            raise FileExistsError(17, "already running", server_id)
        first = not os.path.exists(rootfs.disk(server_id))
        if first:
            rootfs.create_disk(
                server_id,
                {path: (b64decode(content), mode) for path, (content, mode) in message["files"].items()},
                {path: b64decode(content) for path, content in message["config_drive"].items()},
            )
        network = linux.new_network()
        try:
            with linux.inside_network(network):
                _quiet_network()
                with Netlink() as netlink:
                    netlink.set_up(1)
            for number, nic in enumerate(message["nics"]):
                self._plug_nic(nic, f"eth{number}", network)
            with linux.inside_network(network):
                pid, status, console = self._fork(message, first=first)
        finally:
            os.close(network)
        nics = {nic["name"]: f"eth{number}" for number, nic in enumerate(message["nics"])}
        self._servers[server_id] = _Server(pid, nics)
        self._booting[status] = (message["id"], server_id)
        self._selector.register(status, selectors.EVENT_READ, lambda: self._booted(status, console))
        raise _Deferred

    def _plug_nic(self, nic: dict[str, Any], device: str, network: int) -> None:
        self._plug(nic, device, network)
        with linux.inside_network(network), Netlink() as netlink:
            index = socket.if_nametoindex(device)
            netlink.add_route(f"{_METADATA}/32", index)
            for destination, gateway in nic["routes"]:
                netlink.add_route(destination, gateway=gateway)

    def _fork(self, message: dict[str, Any], *, first: bool) -> tuple[int, int, int]:
        console_read, console_write = os.pipe2(os.O_CLOEXEC)
        status_read, status_write = os.pipe2(os.O_CLOEXEC)
        spec = {
            "id": message["server"],
            "hostname": message["hostname"],
            "run_user_data": first and message["run_user_data"],
        }
        linux.unshare(linux.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                quiet = os.open("/dev/null", os.O_RDWR)
                os.dup2(quiet, 0)
                os.dup2(console_write, 1)
                os.dup2(console_write, 2)
                os.dup2(status_write, 3, inheritable=False)
                os.closerange(4, 1 << 20)
                init.run(spec, 3, rootless=self._rootless)
            except BaseException as error:  # nothing may return into the helper's code
                os.write(2, f"init: {type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(1)
        linux.setns(self._own_pids, linux.CLONE_NEWPID)
        os.close(console_write)
        os.close(status_write)
        return pid, status_read, console_read

    def _booted(self, status: int, console: int) -> None:
        text = os.read(status, 4096).decode(errors="replace")
        self._selector.unregister(status)
        request, _ = self._booting.pop(status)
        os.close(status)
        if text == "\n":
            self._answer(request, [console])
        else:
            self._answer(request, error=text.strip() or "its init ended at once")
        os.close(console)

    def _kill(self, message: dict[str, Any], _: list[int]) -> None:
        """End a server's processes; the event `exit` follows when all of them are gone."""
        server = self._servers.get(message["server"])
        if server is not None:
            os.kill(server.pid, signal.SIGKILL)

    def _erase(self, message: dict[str, Any], _: list[int]) -> None:
        rootfs.erase(message["server"])

    def _attach_nic(self, message: dict[str, Any], _: list[int]) -> None:
        server = self._servers[message["server"]]
        used = set(server.nics.values())
        device = next(f"eth{number}" for number in range(64) if f"eth{number}" not in used)
        network = os.open(f"/proc/{server.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._plug_nic(message["nic"], device, network)
        finally:
            os.close(network)
        server.nics[message["nic"]["name"]] = device

    def _detach_nic(self, message: dict[str, Any], _: list[int]) -> None:
        self._servers[message["server"]].nics.pop(message["name"], None)
        self._unplug(message["name"])

    def _attach_volume(self, message: dict[str, Any], fds: list[int]) -> None:
        server = self._servers[message["server"]]
        self._devices.attach(server.pid, message["volume"], message["name"], fds[0])

    def _detach_volume(self, message: dict[str, Any], _: list[int]) -> None:
        server = self._servers.get(message["server"])
        self._devices.detach(server.pid if server else None, message["volume"], message["name"])

    def _reap(self) -> None:
        os.read(self._wake, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._commands:
                self._command_ended(pid, os.waitstatus_to_exitcode(status))
                continue
            for server_id, server in self._servers.items():
                if server.pid == pid:
                    del self._servers[server_id]
                    wire.send(self._control, {"event": "exit", "server": server_id})
                    break

    def _command_ended(self, pid: int, code: int) -> None:
        request, errors = self._commands.pop(pid)
        with open(errors, "rb", closefd=True) as file:
            file.seek(0)
            text = file.read(2000).decode(errors="replace").strip()
        self._answer(request, error=None if code == 0 else text or f"status {code}")


def main() -> None:
    """Serve on the inherited socket whose descriptor is the first argument."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.environ["PATH"] = rootfs.PATH
    Helper(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
