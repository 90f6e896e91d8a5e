"""What our servers listen on: the second piece of an answer waits for no acknowledgement of the first."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from kb_tests.localcloud import server as localcloud
from kb_tests.web import server as web


@pytest.mark.parametrize("listen", [localcloud._listen, web._listen], ids=["localcloud", "web"])
def test_the_second_piece_of_an_answer_goes_at_once(listen: Callable[[int], socket.socket]) -> None:
    async def delays() -> bool:
        accepted: asyncio.Queue[bool] = asyncio.Queue()

        def ask(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.put_nowait(not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen(0)
        async with await asyncio.start_server(ask, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            writer.close()
            return await accepted.get()

    assert not asyncio.run(delays())
