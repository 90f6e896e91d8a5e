"""An HTTP server that was rebooted serves again as it did, before anybody tells it to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.agent.nginx import Nginx
from kb_tests.fleet import certificate
from simulated.plane import free_port


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that nginx's workers, who are another user, may enter."""
    with tempfile.TemporaryDirectory(prefix="kb-nginx-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_the_agent_of_a_rebooted_server_finds_what_it_served(place: Path, *, tls: bool) -> None:
    folder, listen = str(place), f"127.0.0.1:{free_port()}"
    first = Nginx(folder, listen, 1)
    first.start()
    first.serve([4096], 3000, certificate.make() if tls else "")
    served = (place / "nginx.conf").read_text()
    first.stop()
    again = Nginx(folder, listen, 1)
    again.start()
    try:
        assert (place / "nginx.conf").read_text() == served
        assert ("ssl_certificate" in served) == tls
        again.serve([4096], 10)
        assert "ssl_certificate" not in (place / "nginx.conf").read_text()
    finally:
        again.stop()
