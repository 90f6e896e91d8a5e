"""What a console says of a boot that failed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from openstack import exceptions as sdk

from kb_tests.cloud import console
from kb_tests.cloud.topology import Role, Server

BOOT = "[  1.2] systemd[1]: Started\r\nkb: installing nginx\r\n"


def said(*outputs: Any) -> str:
    """Of servers whose consoles show these, or raise them."""
    by_id = {str(number): output for number, output in enumerate(outputs)}

    def output_of(id_: str, length: int) -> dict[str, Any]:
        assert length > 0
        if isinstance(by_id[id_], Exception):
            raise by_id[id_]
        return {"output": by_id[id_]}

    cloud: Any = SimpleNamespace(
        connection=SimpleNamespace(compute=SimpleNamespace(get_server_console_output=output_of))
    )
    servers = [Server(id_, f"kb-1-server-{id_}", Role.SERVER, "10.0.0.1", "n", "p") for id_ in by_id]
    return console.failure(cloud, servers)


@pytest.mark.parametrize(
    ("outputs", "sentence"),
    [
        ((), ""),
        ((BOOT, None, ""), ""),
        ((BOOT + "kb-agent: run 1, server x\r\nkb: agent started\r\n",), ""),
        (
            (BOOT, BOOT + "kb: failed: cannot install nginx: E: no such host.\r\n"),
            "The boot of kb-1-server-1 failed, as its console says: cannot install nginx: E: no such host.",
        ),
        (
            (sdk.HttpException("no console"), "kb-agent: nginx is not installed in this image\r\n"),
            "The boot of kb-1-server-1 failed, as its console says: nginx is not installed in this image.",
        ),
        (
            ("kb: failed: \x1b[2J\u202e one\nkb: failed: two\x07 " + "x" * 9000,),
            f"The boot of kb-1-server-0 failed, as its console says: two  {'x' * 295}.",
        ),
    ],
)
def test_the_first_that_says_why(outputs: tuple[Any, ...], sentence: str) -> None:
    assert said(*outputs) == sentence
