"""What a compromised generator may do with the password of the agents: run in its namespaces."""

from __future__ import annotations

import json
import os
import random
import sys
import time

import redis


def main() -> int:
    """Arguments: the agent's config file, `garbage`, `altered` or `flood`, a seed."""
    with open(sys.argv[1]) as file:  # noqa: PTH123 - through /proc/PID/root
        config = json.load(file)
    rng = random.Random(sys.argv[3])
    client = redis.Redis(config["host"], config["port"], username=config["user"], password=config["password"])
    reports = f"kb:{config['run']}:reports"
    client.ping()
    began = time.monotonic()
    try:
        while time.monotonic() - began < 2.0:
            for message in _messages(sys.argv[2], rng):
                client.xadd(reports, {"m": message})
            time.sleep(0 if sys.argv[2] == "flood" else 0.05)
    except redis.RedisError:
        pass  # full, or gone with the run
    return 0


def _messages(what: str, rng: random.Random) -> list[bytes]:
    if what == "flood":
        return [rng.randbytes(100_000)]
    if what == "garbage":
        return [rng.randbytes(rng.randint(0, 200)), b"[" * 5000, b"{}", b"null", b"\xff", b""]
    kinds = ("hello", "ready", "second", "block", "done", "failed", "io_done", "quit")
    return [
        json.dumps(
            {
                "v": 1,
                "kind": rng.choice(kinds),
                "seq": rng.choice([1, 2, 3, 10**9]),
                "agent": rng.choice([os.uname().nodename, "../../etc/passwd", "<script>alert(1)</script>"]),
                "id": rng.choice(["", "0" * 12, os.urandom(6).hex()]),
                "index": rng.choice([-(2**63), 0, 1, 2**70, 1e308]),
                "counts": {"due": 1e12, "completed": 1e12},
                "problem": "<img src=x onerror=alert(1)>" * 20,
            }
        ).encode()
    ]


if __name__ == "__main__":
    sys.exit(main())
