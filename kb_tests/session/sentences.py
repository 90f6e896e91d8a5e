"""What goes wrong outside of the points, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kb_tests.errors import KbError
from kb_tests.session.keys import OUTBOX
from kb_tests.session.outbox import Problem


@contextmanager
def one_sentence(config: pytest.Config, cloud: str) -> Iterator[None]:
    """Say what the project's own errors say, without a traceback."""
    try:
        yield
    except KbError as error:
        config.stash[OUTBOX].put(Problem(cloud=cloud, sentence=str(error)))
        raise pytest.fail.Exception(str(error), pytrace=False) from None
