"""Passes Redis on, but sets its clock by an hour between the first `load` and its `start`, until the next.

`skewed.py HOST PORT` listens on 127.0.0.1 and the same port.
"""

from __future__ import annotations

import asyncio
import re
import sys

TIME = re.compile(rb"(?<=\*2\r\n\$10\r\n)\d{10}(?=\r\n\$\d\r\n)")
"""The seconds in an answer to TIME."""


class Clock:
    """How many seconds Redis's clock is ahead at the moment."""

    ahead = 0
    loads = 0

    def show(self, data: bytes) -> bytes:
        """What passes to the agent."""
        if b'"kind":"load"' in data:
            self.loads += 1
            self.ahead = 3600 if self.loads == 1 else 0
        return TIME.sub(lambda found: b"%d" % (int(found[0]) + self.ahead), data)


async def main(host: str, port: int) -> None:
    """Serve until killed; says when it can."""
    clock = Clock()

    async def up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(clock.show(data))
        writer.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection(host, port)
        await asyncio.gather(up(reader, to_there), down(there, writer))

    server = await asyncio.start_server(take, "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
