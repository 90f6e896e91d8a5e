"""A person with a stopwatch: asks a web server for a page over a new connection, ever again.

Prints a line for each attempt: the Unix time at which it began, and 1 for a page, 0 for none.
"""

# ruff: noqa: T201 - a program prints

from __future__ import annotations

import socket
import sys
import time

EVERY = 0.05
PATIENCE = 0.2


def answers(address: str, path: str) -> bool:
    """Whether the server at `address` sends a page within `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    try:
        with socket.create_connection((address, 80), PATIENCE) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            received = b""
            while time.monotonic() < deadline:
                chunk = connection.recv(65_536)
                if not chunk:
                    break
                received += chunk
    except OSError:
        return False
    return received.startswith(b"HTTP/1.1 200")


def main(address: str, path: str) -> None:
    """Ask until killed."""
    while True:
        begun = time.time()
        print(f"{begun:.3f} {int(answers(address, path))}", flush=True)
        time.sleep(max(0.0, begun + EVERY - time.time()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
