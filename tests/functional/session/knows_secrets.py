"""A pytest plugin that tells a test the secrets of a session, in a file for its owner alone.

It wraps the one place where secrets are made; what is made there is left as it is.
"""

from __future__ import annotations

import os
from pathlib import Path

from kb_tests.fleet.secrets import Secrets

_generate = Secrets.generate


def _told() -> Secrets:
    secrets = _generate()
    secrets.save(Path(os.environ["KB_TEST_SECRETS"]))
    return secrets


Secrets.generate = staticmethod(_told)  # type: ignore[method-assign]
