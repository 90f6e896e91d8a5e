"""What a kernel's queues drop is counted, once, in a network of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SETUP = """\
ip link add here type veth peer name there
ip link set here up
ip link set there up
tc qdisc add dev here root handle 1: htb default 1
tc class add dev here parent 1: classid 1:1 htb rate 10kbit burst 1k quantum 2000
tc qdisc add dev here parent 1:1 bfifo limit 2000
"""
PROGRAM = """\
import contextlib, json, socket
from kb_tests.agent.queues import Queues
queues = Queues()
before = queues.dropped()
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
    sender.bind(("here", 0x88B5))
    for _ in range(50):
        with contextlib.suppress(OSError):  # the queue is full
            sender.send(b"\\xff" * 12 + b"\\x88\\xb5" + bytes(900))
print(json.dumps([before, queues.dropped()]))
"""


@pytest.mark.nightly
@pytest.mark.root_only("a network namespace")
def test_a_full_queue_is_seen_and_what_is_below_it_not_counted_again() -> None:
    command = f"set -e\n{SETUP}exec {sys.executable} -c '{PROGRAM}'"
    told = subprocess.run(
        ["unshare", "--net", "sh", "-c", command], check=True, capture_output=True, text=True
    ).stdout
    before, after = (int(number) for number in told.strip("[]\n").split(","))
    assert before == 0
    assert 40 <= after <= 50
