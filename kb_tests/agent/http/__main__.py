"""Try the generator by hand: `python3 -m kb_tests.agent.http --url http://127.0.0.1/32768 --rate 1000`."""

from __future__ import annotations

import argparse
import os
import select
import ssl
import sys
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from .. import histogram
from ..page import Page
from .engine import HttpLoad, LoadError


def run(load: HttpLoad) -> dict[str, Any]:
    """Run a prepared load from now on to its end; returns the `done` body; raises LoadError."""
    load.start(time.monotonic() + 0.05)
    while True:
        select.select([load], [], [])
        for kind, body in load.events():
            if kind == "failed":
                raise LoadError(body["error"])
            if kind == "done":
                return body


def _page(url: str) -> Page:
    """What a GET of `url` gets now: all answers have to be that."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(url, timeout=30, context=context) as answer:  # noqa: S310 - a person's own URL
        content = answer.read()
    return Page(len(content), content)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m kb_tests.agent.http", description=__doc__)
    parser.add_argument(
        "--url", required=True, help="http://IPV4[:PORT]/PATH, or https://...; what it holds now is the page"
    )
    parser.add_argument("--rate", type=float, default=1000, help="requests/s; 0 for a closed loop")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--duration", type=float, default=5)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--new-connections", action="store_true", help="a connection for each request")
    return parser.parse_args()


def main() -> None:
    """Run one load and print what came out."""
    asked = _arguments()
    url = urlsplit(asked.url)
    options = {
        **{key: getattr(asked, key) for key in ("rate", "connections", "duration", "warm_up", "timeout")},
        "port": url.port or (443 if url.scheme == "https" else 80),
        "tls": url.scheme == "https",
        "path": url.path or "/",
        "keep_alive": not asked.new_connections,
        "block": 10,
    }
    try:
        page = _page(asked.url)
        load = HttpLoad(url.hostname or "", options | {"size": page.size}, asked.workers, page)
        begin = time.monotonic()
        load.prepare(begin + 30)
        ramp = time.monotonic() - begin
        done = run(load)
    except (LoadError, OSError) as error:
        sys.exit(str(error))
    total = done["counts"]
    if done["tls"]:
        print(f"TLS          {done['tls']}")
    print(f"connections  {asked.connections} opened in {ramp:.2f} s, {done['workers']} workers")
    print(f"requests     {total['completed'] / asked.duration:,.1f}/s completed, {total['due']} due")
    print(f"bodies       {total['bytes'] / asked.duration / 1e6:,.1f} MB/s")
    print(f"not done     {total['errors']}, unsent {total['unsent']}, in flight {total['inflight']}")
    for name, times in (("response", load.response), ("service", load.service)):
        values = ((p, histogram.percentile(times, p) * 1e3) for p in (50, 90, 99, 99.9, 100))
        print(f"{name:12} " + ", ".join(f"p{p:g} {ms:.3f} ms" for p, ms in values))
    print(f"send lag     p99 {done['lag_p99'] * 1e3:.3f} ms, max {done['lag_max'] * 1e3:.3f} ms")
    print(f"CPU          {done['cpu']:.1%} of one CPU (busiest worker)")


if __name__ == "__main__":
    main()
