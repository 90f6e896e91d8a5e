"""The HTTP server under load: nginx with a configuration of our own."""

from __future__ import annotations

import grp
import os
import pwd
import resource
import time

from . import process, tcp
from .page import Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_KEEP_FREE = 64 << 20
_START_TIMEOUT = 20.0
_CONFIG = """\
# {mark}
# serves {connections_asked}
{user}
worker_processes {workers};
worker_rlimit_nofile {files};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{
    worker_connections {connections};
    multi_accept on;
}}
http {{
    access_log off;
    server_tokens off;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    etag off;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    {keepalive_time}
    open_file_cache max=1000 inactive=1h;
    open_file_cache_valid 1h;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    server {{
        listen {listen} backlog=65535 reuseport{tls};
        root {folder}/pages;
    }}
}}
"""


_TLS = """ ssl;
        listen unix:{folder}/check.socket;
        ssl_certificate {folder}/tls.pem;
        ssl_certificate_key {folder}/tls.pem;
        ssl_protocols TLSv1.2 TLSv1.3"""


class NginxError(Exception):
    """nginx cannot serve; one sentence."""


class Nginx:
    """One nginx, a child of this process. `listen` is an address and port, or a port alone."""

    def __init__(self, folder: str, listen: str, workers: int) -> None:
        self._folder = folder
        self._listen = listen
        self._workers = workers
        self._pid: int | None = None
        self._connections = 0
        self._tls = ""
        self._next_start = 0.0
        self._pages: set[int] = set()

    def start(self, connections: int = 512, tls: str | None = None) -> None:
        """Start it, or let it hold more connections; raises NginxError unless it then answers.

        `tls` is as in `serve`, None for what it was.
        """
        for folder in (self._folder, os.path.join(self._folder, "pages")):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, 0o755)  # noqa: S103 - nginx workers are another user
        self._make_page(1)
        path = process.find("nginx")
        if path is None:
            raise NginxError("nginx is not installed in this image")
        if self._pid is None and not self._connections:
            connections = max(connections, self._recall())
        tls = self._tls if tls is None else tls
        if self._pid is None or connections > self._connections or tls != self._tls:
            self._connections = max(connections, self._connections)
            self._tls = tls
            self._configure()
            self.stop()
            self._end_leftover()
            self._spawn(path)
        self._await(1)

    def serve(self, pages: Sequence[int], connections: int, tls: str = "") -> None:
        """Have pages of these sizes, and room for that many connections; raises NginxError.

        With `tls`, a private key and its certificate as PEM, it speaks HTTPS and no HTTP.
        """
        for size in pages:
            self._make_page(size)
        self.start(connections, tls)
        for size in pages:
            self._await(size)

    def watch(self) -> str:
        """Start it again if it died; what is wrong with it, in one sentence, or ""."""
        if self._pid is not None and process.ended(self._pid):
            self._pid = None
        if self._pid is not None or time.monotonic() < self._next_start:
            return ""
        self._next_start = time.monotonic() + 5
        try:
            self.start()
        except (OSError, NginxError) as error:
            return str(error)
        return "nginx had died and was started again"

    def stop(self) -> None:
        """End it at once."""
        if self._pid is not None:
            os.kill(self._pid, process.SIGTERM)
            os.waitpid(self._pid, 0)
            self._pid = None

    def _configure(self) -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        wanted = 2 * self._connections + 1024
        text = _CONFIG.format(
            mark=self._mark,
            user=_user_line(),
            workers=self._workers,
            files=wanted if hard == resource.RLIM_INFINITY else min(hard, wanted),
            folder=self._folder,
            connections_asked=self._connections,
            connections=self._connections + 64,
            listen=self._listen,
            tls=_TLS.format(folder=self._folder) if self._tls else "",
            keepalive_time="keepalive_time 24h;" if _version() >= [1, 19, 10] else "",
        )
        with open(self._config, "w", encoding="ascii") as file:
            file.write(text)
        if self._tls:
            key = os.open(os.path.join(self._folder, "tls.pem"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(key, "w", encoding="ascii") as file:
                file.write(self._tls)

    def _recall(self) -> int:
        """How many connections an agent before this one served, and as it did: its server was rebooted."""
        try:
            with open(self._config, encoding="ascii") as file:
                text = file.read(65_536)
            if "ssl_certificate" in text:
                with open(os.path.join(self._folder, "tls.pem"), encoding="ascii") as file:
                    self._tls = file.read(65_536)
            return int(text.partition("# serves ")[2].split()[0])
        except (OSError, ValueError, IndexError):
            return 0

    def _spawn(self, path: str) -> None:
        if os.path.exists(self._check):  # it stays when nginx is killed, and nginx would not have it
            os.unlink(self._check)
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._pid = process.spawn([path, "-p", self._folder, "-c", self._config, "-e", self._log], log)
        finally:
            os.close(log)

    @property
    def _config(self) -> str:
        return os.path.join(self._folder, "nginx.conf")

    @property
    def _log(self) -> str:
        return os.path.join(self._folder, "error.log")

    @property
    def _check(self) -> str:
        """Where the agent, which knows no TLS, sees whether pages are there."""
        return os.path.join(self._folder, "check.socket")

    @property
    def _mark(self) -> str:
        return f"kb-agent {self._folder}"

    def _end_leftover(self) -> None:
        """End the nginx of an agent that died: it would hold the port."""
        try:
            with open(os.path.join(self._folder, "nginx.pid"), encoding="ascii") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if self._config.encode() in file.read():
                    os.kill(pid, process.SIGTERM)
                    time.sleep(0.5)
        except (OSError, ValueError):
            return

    def _make_page(self, size: int) -> None:
        if size in self._pages:
            return
        path = os.path.join(self._folder, "pages", str(size))
        space = os.statvfs(self._folder)
        if size > space.f_bavail * space.f_frsize - _KEEP_FREE:
            raise NginxError(f"there is no room for a page of {size} bytes on the disk of this server")
        with open(path + ".new", "wb") as file:
            for piece in Page(size).pieces():
                file.write(piece)
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)
        self._pages.add(size)

    def _await(self, size: int) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        pause = 0.01
        while True:
            if self._pid is None or process.ended(self._pid):
                self._pid = None
                raise NginxError(f"nginx does not start: {self._last_words()}")
            problem = _get(self._check if self._tls else self._address(), f"/{size}", size)
            if not problem:
                return
            if time.monotonic() > deadline:
                raise NginxError(f"nginx does not serve a page of {size} bytes: {problem}")
            time.sleep(pause)
            pause = min(2 * pause, 0.5)

    def _address(self) -> tuple[str, int]:
        host, _, port = self._listen.rpartition(":")
        return host or "127.0.0.1", int(port)

    def _last_words(self) -> str:
        try:
            with open(self._log, "rb") as file:
                lines = file.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else "it says nothing"


def _version() -> list[int]:
    text = process.run("nginx", "-v").partition("nginx/")[2].split(" ")[0]
    return [int(part) for part in text.strip().split(".") if part.isdigit()]


def _user_line() -> str:
    """Whom nginx's workers run as: an ordinary user, but in a user namespace with a single id."""
    if os.geteuid() != 0:
        return ""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            ids = sum(int(line.split()[2]) for line in file)
        with open("/proc/self/setgroups", encoding="ascii") as file:
            allowed = file.read().strip() == "allow"
    except (OSError, ValueError, IndexError):
        ids, allowed = 1 << 32, True
    for name in ("www-data", "nginx", "nobody"):
        try:
            user = pwd.getpwnam(name)
            group = grp.getgrgid(user.pw_gid)
        except KeyError:
            continue
        if allowed and ids > user.pw_uid:
            return f"user {name} {group.gr_name};"
    return "user root;"


def _get(address: tuple[str, int] | str, path: str, size: int) -> str:
    """Why this page cannot be had whole, or ""; from a TCP address, or a socket in the file system."""
    received = b""
    try:
        with tcp.local(address, 5.0) if isinstance(address, str) else tcp.connect(address, 5.0) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            while b"\r\n\r\n" not in received and len(received) < 65_536:
                chunk = connection.recv(4096)
                if not chunk:
                    break
                received += chunk
    except OSError as error:
        return str(error)
    head = received.partition(b"\r\n\r\n")[0].decode("latin-1")
    if f"content-length: {size}" not in head.lower().split("\r\n"):
        return head.split("\r\n")[0] or "an empty answer"
    return ""
