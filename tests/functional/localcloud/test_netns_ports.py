"""Where the low ports of floating IPs are, on machines that leave them to us and on those that don't."""

from __future__ import annotations

import subprocess
import sys

ASK = """
import socket
from kb_tests.localcloud.netns.forwarder import local_port
with socket.create_server(("0.0.0.0", {taken})):
    print([local_port(port) for port in (22, 80, 8080)])
"""


def answered(taken: int) -> str:
    """The ports in a network of its own, where a program listens to port `taken` of all addresses."""
    result = subprocess.run(
        ["unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
         sys.executable, "-c", ASK.format(taken=taken)],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    return result.stdout.strip()


def test_they_are_what_they_are_called() -> None:
    assert answered(2222) == "[22, 80, 8080]"


def test_beside_an_ssh_server_of_the_machine_they_are_moved() -> None:
    assert answered(22) == "[10022, 10080, 8080]"
