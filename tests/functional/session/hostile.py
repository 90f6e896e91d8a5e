"""An HTTP server that misbehaves in one way: `hostile.py BEHAVIOUR`, on port 80 of where it is started."""

from __future__ import annotations

import asyncio
import errno
import itertools
import random
import sys

BODY = random.Random("kb_tests page of 1024").randbytes(1024)  # as `agent.page` has it
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + BODY
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
_count = itertools.count(1)


class Client(asyncio.Protocol):
    """One connection."""

    behaviour = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        number = next(_count)
        match self.behaviour:
            case "errors" if number % 100 == 0:
                self.transport.write(ERROR)
            case "slow" if number % 2 == 0:
                asyncio.get_running_loop().call_later(1.2, self.transport.write, OK)
            case "truncates" if number % 20 == 0:
                self.transport.write(OK[:600])
                self.transport.close()
            case "hangs":
                pass
            case _:
                self.transport.write(OK)


async def main(behaviour: str) -> None:
    """Serve until killed; says when it can."""
    Client.behaviour = behaviour
    while True:
        try:
            server = await asyncio.get_running_loop().create_server(Client, "0.0.0.0", 80, backlog=1024)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            await asyncio.sleep(0.02)  # nginx is on its way out
        else:
            break
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
