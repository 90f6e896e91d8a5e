from __future__ import annotations

from collections.abc import Iterator

import pytest

from kb_tests.fleet import boot
from kb_tests.fleet.secrets import Secrets
from simulated.plane import Plane, plane, user


@pytest.fixture
def control_plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plane]:
    """Redis and sshd up, no agent yet; the tests' own user stands in for the proxy's user kb."""
    monkeypatch.setattr(boot, "SSH_USER", user())
    with plane(Secrets.generate()) as made:
        yield made
