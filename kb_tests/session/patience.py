"""How long a session waits, as data: a plugin may put another patience into the config's stash."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kb_tests.cloud import patience as cloud
from kb_tests.fleet import patience as fleet


@dataclass(frozen=True)
class Patience:
    """All in seconds.

    `agents` is from ACTIVE servers to ready agents, since a slow image boots for minutes; `packages` the same
    where servers install packages first, and try that again for some minutes. After `teardown` what is left
    counts as leaked.
    """

    agents: float = 300.0
    packages: float = 1200.0
    teardown: float = 300.0
    cloud: cloud.Patience = cloud.USUAL
    fleet: fleet.Patience = fleet.USUAL


PATIENCE: pytest.StashKey[Patience] = pytest.StashKey()


def patience(config: pytest.Config) -> Patience:
    """That of this session."""
    return config.stash.get(PATIENCE, Patience())
