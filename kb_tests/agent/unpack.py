"""Runs in a server, once, as it boots: lays down the agent's configuration and its sources, compiled.

One process that ends does it all: what a compiler leaves behind would be a third of an idle agent's memory.
Nothing of the agent is imported: to load ssl takes as long as to compile everything.
"""

from __future__ import annotations

import os
import zlib
from binascii import a2b_base64
from importlib.machinery import SourceFileLoader

CONFIG = "@config@"
BUNDLE = "@bundle@"
"""In place of both stands what `kb_tests.fleet.boot` puts there: JSON, and `bundle.packed` as base64."""


def main() -> None:
    """Write both into the working directory."""
    with open("config.json", "w", encoding="utf-8") as file:
        file.write(CONFIG)
    rest = zlib.decompress(a2b_base64(BUNDLE))
    while rest:
        head, _, rest = rest.partition(b"\n")
        name, size = head.decode().split()
        path = "agent/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as source:
            source.write(rest[: int(size)])
        rest = rest[int(size) :]
        SourceFileLoader("agent", path).get_code("agent")


if __name__ == "__main__":
    main()
