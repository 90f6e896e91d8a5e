"""An nginx of a test's own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kb_tests.agent.page import Page
from kb_tests.fleet import certificate
from simulated.plane import free_port
from tests.waiting import PATIENCE, eventually, listens

CONFIG = """
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/temp;
    ssl_certificate {folder}/tls.pem;
    ssl_certificate_key {folder}/tls.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        listen 127.0.0.1:{tls_port} ssl backlog=4096;
        root {folder}/pages;
    }}
}}
"""
PAGE = Page(32 << 10)


class Nginx(NamedTuple):
    """Its ports, and its folder, where `pages` are; `signal` goes to its worker."""

    folder: Path
    port: int
    tls_port: int
    pid: int

    def signal(self, number: signal.Signals) -> None:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), number)


@contextlib.contextmanager
def nginx() -> Iterator[Nginx]:
    """The server, with PAGE at /page."""
    with tempfile.TemporaryDirectory() as name:  # pytest's folders are closed to nginx's user
        yield from _running(Path(name))


def _running(folder: Path) -> Iterator[Nginx]:
    port, tls_port = free_port(), free_port()
    (folder / "pages").mkdir()
    (folder / "pages" / "page").write_bytes(b"".join(PAGE.pieces()))
    folder.chmod(0o755)
    (folder / "tls.pem").write_text(certificate.make())
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port, tls_port=tls_port))
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        eventually(lambda: listens(port))
        yield Nginx(folder, port, tls_port, process.pid)
    finally:
        process.terminate()
        process.wait(PATIENCE)
