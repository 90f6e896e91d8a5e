"""Process 1 of the cloud's namespaces: does what the driver asks, and forks the servers.

One thread, one loop, no operation that takes long. It ends when the driver's end of the socket is
closed; the kernel then ends everything in its pid namespace, and with that every mount, device and
namespace of the cloud. Names of devices (`b1`, `p1`, `l1`) are chosen by the driver.
"""

# Every server is a fork of this process: it does without pathlib, and works with descriptors.
# ruff: noqa: PTH110, PTH115, PTH123, PTH208

from __future__ import annotations

import fcntl
import gc
import os
import resource
import selectors
import signal
import socket
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress

from kb_tests.localcloud.netns import clock, init, linux, mounts, networks, rootfs, wire
from kb_tests.localcloud.netns.blockdev import BlockDevices
from kb_tests.localcloud.netns.cgroups import Groups
from kb_tests.localcloud.netns.delay import Delays

_OPEN_FILES = 1 << 20
"""What a server's processes may open, where we can decide it."""


class _Deferred(Exception):  # noqa: N818 - no error: the answer follows later
    """The operation goes on; somebody else answers."""


Operation = Callable[[wire.Message, list[int]], object]
"""Gets a request and its file descriptors, gives None or a file descriptor to hand out."""


class Helper:
    """The cloud's process 1."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._reader = wire.Reader(control)
        self._selector = selectors.DefaultSelector()
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._rootless = False
        self._groups: Groups | None = None
        self._devices = BlockDevices()
        self._routers = networks.Routers()
        self._delays = Delays()
        self._servers: dict[str, int] = {}
        self._waiting: dict[str, socket.socket] = {}
        self._paused: dict[str, float] = {}
        self._commands: dict[int, tuple[int, int]] = {}
        self._wake, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self._selector.register(control, selectors.EVENT_READ, self._serve_driver)
        self._selector.register(self._wake, selectors.EVENT_READ, self._reap)
        self._operations: dict[str, Operation] = {
            "start": self._start,
            "network": lambda message, _: networks.put_network(message["name"], message["mtu"]),
            "unplug": self._unplug,
            "delay": self._delay,
            "cpu": self._limit_cpu,
            "link": lambda message, _: networks.set_link(message["names"], up=message["up"]),
            "router": self._put_router,
            "router-delete": lambda message, _: self._routers.delete(message["name"]),
            "upstream": lambda message, _: self._routers.upstream(message["router"], message["source"]),
            "gateway": lambda message, _: self._routers.gateway(message["router"], message["port"]),
            "command": self._command,
            "prepare": self._prepare,
            "go": self._go,
            "kill": self._kill,
            "freeze": self._freeze,
            "pause": self._pause,
            "resume": self._resume,
            "erase": lambda message, _: rootfs.erase(message["server"]),
            "nic": self._attach_nic,
            "volume": lambda message, _: self._devices.new_file(message["volume"]),
            "volume-delete": lambda message, _: self._devices.delete_file(message["volume"]),
            "volume-attach": self._attach_volume,
            "volume-detach": self._detach_volume,
            "volume-throttle": self._throttle_volume,
            "volume-wrong": lambda message, _: self._devices.tell(message["volume"], message["faults"]),
            "volume-shrink": lambda message, _: self._devices.shrink(message["volume"], message["size"]),
        }

    def run(self) -> None:
        """Serve until the driver is gone; the end of process 1 is that of all others."""
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
                given = [result] if isinstance(result, int) else []
                self._answer(message["id"], given)
                for fd in given:
                    os.close(fd)
            finally:
                for fd in fds:
                    os.close(fd)

    def _answer(self, request: int, fds: list[int] | None = None, error: str | None = None) -> None:
        wire.send(self._control, {"id": request, "error": error}, fds or ())

    def _start(self, message: wire.Message, _: list[int]) -> None:
        self._rootless = message["rootless"]
        self._devices.prepare(message["folder"], rootless=self._rootless)
        if message["groups"] is not None:
            self._groups = Groups(message["groups"])
            self._groups.create()
        networks.set_up_own_namespace()
        rootfs.prepare([tuple(entry) for entry in message["var_folders"]])
        gc.collect()
        gc.freeze()

    def _unplug(self, message: wire.Message, _: list[int]) -> None:
        self._delays.remove(message["name"])
        networks.unplug(message["name"])

    def _delay(self, message: wire.Message, _: list[int]) -> None:
        inward, outward = message["delays"]
        self._delays.put(message["name"], message["bridge"], message["mtu"], (inward, outward))

    def _limit_cpu(self, message: wire.Message, _: list[int]) -> None:
        if self._groups is None or "cpu" not in self._groups.controllers:
            raise OSError(95, "there is no control group for CPU time on this machine")
        self._groups.limit_cpu(message["server"], message["vcpus"], message["share"])

    def _put_router(self, message: wire.Message, _: list[int]) -> None:
        legs = {leg["name"]: leg for leg in message["legs"]}
        self._routers.put(message["name"], legs, {(each[0], each[1]) for each in message["routes"]})

    def _command(self, message: wire.Message, _: list[int]) -> None:
        """Run nft or tc with a text to read, here or in a server's network; the answer follows when it
        is done.
        """
        text = os.memfd_create("input", os.MFD_CLOEXEC)
        os.write(text, message["text"].encode())
        os.lseek(text, 0, os.SEEK_SET)
        errors = os.memfd_create("errors", os.MFD_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, fd, place) for place, fd in enumerate((text, errors, errors))]
        pid = self._servers[message["server"]] if message["server"] is not None else os.getpid()
        network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            with linux.inside_network(network):
                argv = message["argv"]
                command = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
        finally:
            os.close(network)
            os.close(text)
        self._commands[command] = (message["id"], errors)
        raise _Deferred

    def _prepare(self, message: wire.Message, _: list[int]) -> None:
        """Fork a server's process 1; the answer, with its console, follows when it is set up and waits."""
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
        if self._groups is not None:
            self._groups.limit(server_id, message["vcpus"], message["ram_mib"])
        network = networks.new_namespace()
        try:
            for nic in message["nics"]:
                networks.plug_server(nic, network)
            with linux.inside_network(network):
                pid, status, console = self._fork(message, first=first)
        finally:
            os.close(network)
        self._servers[server_id] = pid
        self._selector.register(
            status, selectors.EVENT_READ, lambda: self._prepared(message, status, console)
        )
        raise _Deferred

    def _fork(self, message: wire.Message, *, first: bool) -> tuple[int, socket.socket, int]:
        """Process 1 of a server: its pid, where it says that it is set up and waits, and its console."""
        console_read, console_write = os.pipe2(os.O_CLOEXEC)
        status, status_of_init = socket.socketpair()
        cloud, of_init = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server = init.Server(
            message["server"], message["hostname"], first and message["run_user_data"], self._rootless
        )
        linux.unshare(linux.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                os.dup2(os.open("/dev/null", os.O_RDWR), 0)
                os.dup2(console_write, 1)
                os.dup2(console_write, 2)
                its_status = fcntl.fcntl(status_of_init.fileno(), fcntl.F_DUPFD_CLOEXEC, 100)
                requests = fcntl.fcntl(of_init.fileno(), fcntl.F_DUPFD_CLOEXEC, 100)
                os.dup2(its_status, 3, inheritable=False)
                os.dup2(requests, 4, inheritable=False)
                os.closerange(5, 1 << 20)
                init.run(server, 3, socket.socket(fileno=4), self._groups)
            except BaseException as error:  # nothing may return into the helper's code
                os.write(2, f"init: {type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(1)
        linux.setns(self._own_pids, linux.CLONE_NEWPID)
        os.close(console_write)
        status_of_init.close()
        of_init.close()
        if self._rootless:
            cloud.close()
        else:
            self._selector.register(cloud, selectors.EVENT_READ, lambda: self._serve_mount(pid, cloud))
        return pid, status, console_read

    def _prepared(self, message: wire.Message, status: socket.socket, console: int) -> None:
        text = status.recv(4096).decode(errors="replace")
        self._selector.unregister(status)
        if text == "\n":
            self._waiting[message["server"]] = status
            self._answer(message["id"], [console])
        else:
            status.close()
            self._answer(message["id"], error=text.strip() or "its init ended at once")
        os.close(console)

    def _go(self, message: wire.Message, _: list[int]) -> None:
        """Let a server's process 1 go on."""
        with self._waiting.pop(message["server"]) as status:
            status.send(b"\n")

    def _serve_mount(self, pid: int, cloud: socket.socket) -> None:
        with suppress(OSError):
            request = cloud.recv(4096)
            if request:
                cloud.send(mounts.serve(pid, request).encode())
                return
        self._selector.unregister(cloud)
        cloud.close()

    def _kill(self, message: wire.Message, _: list[int]) -> None:
        """End a server's processes; the event `exit` follows when all of them are gone."""
        pid = self._servers.get(message["server"])
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _freeze(self, message: wire.Message, _: list[int]) -> None:
        """Stop or continue all processes of a server, its process 1 first."""
        self._signal(message["server"], signal.SIGCONT if message["thaw"] else signal.SIGSTOP)

    def _signal(self, server_id: str, number: signal.Signals) -> None:
        seen: set[int] = set()
        while True:
            found = {pid for pid in self._processes_of(server_id) if pid not in seen}
            if not found:
                return
            for pid in sorted(found):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            seen |= found

    def _pause(self, message: wire.Message, _: list[int]) -> None:
        """Stop all processes of a server, and note when."""
        clock.check()
        self._signal(message["server"], signal.SIGSTOP)
        try:
            for pid in self._processes_of(message["server"]):
                clock.settle(pid)
        except OSError:
            self._signal(message["server"], signal.SIGCONT)
            raise
        self._paused[message["server"]] = time.monotonic()

    def _resume(self, message: wire.Message, _: list[int]) -> None:
        """Set a server's clocks back by the time for which it was stopped, and continue its processes."""
        since = self._paused.pop(message["server"])
        try:
            for pid in self._processes_of(message["server"]):
                clock.set_back(pid, time.monotonic() - since)
        finally:
            self._signal(message["server"], signal.SIGCONT)

    def _processes_of(self, server_id: str) -> list[int]:
        namespace = os.readlink(f"/proc/{self._servers[server_id]}/ns/pid")
        found = []
        for name in os.listdir("/proc"):
            if name.isdecimal():
                with suppress(OSError):
                    if os.readlink(f"/proc/{name}/ns/pid") == namespace:
                        found.append(int(name))
        return found

    def _attach_nic(self, message: wire.Message, _: list[int]) -> None:
        pid = self._servers[message["server"]]
        network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            networks.plug_server(message["nic"], network)
        finally:
            os.close(network)

    def _attach_volume(self, message: wire.Message, fds: list[int]) -> None:
        pid = self._servers[message["server"]]
        place = f"{rootfs.BASE}/volume-{message['volume']}" if message["faulty"] else None
        self._devices.attach(pid, message["volume"], message["name"], fds[0], faulty_at=place)

    def _detach_volume(self, message: wire.Message, _: list[int]) -> None:
        pid = self._servers.get(message["server"])
        self._devices.detach(pid, message["volume"], message["name"])

    def _throttle_volume(self, message: wire.Message, _: list[int]) -> None:
        device = self._devices.number(message["volume"])
        if self._groups is None:
            raise OSError(95, "there is no control group for block I/O on this machine")
        self._groups.throttle(message["server"], device, message["iops"], message["bandwidth"])

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
            self._delays.ended(pid)
            for server_id, server_pid in self._servers.items():
                if server_pid == pid:
                    del self._servers[server_id]
                    self._paused.pop(server_id, None)
                    if waiting := self._waiting.pop(server_id, None):
                        waiting.close()
                    if self._groups is not None:
                        self._groups.remove(server_id)
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
    for most in (hard, max(hard, _OPEN_FILES)):  # as root more than we were given
        with suppress(ValueError, PermissionError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.umask(0o022)  # of the servers' folders too
    os.environ["PATH"] = rootfs.PATH
    Helper(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
