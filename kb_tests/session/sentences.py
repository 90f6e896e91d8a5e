"""What goes wrong outside of the points, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kb_tests.errors import KbError
from kb_tests.events.model import Problem
from kb_tests.session.keys import BUS, SELECTION


@contextmanager
def one_sentence(config: pytest.Config, cloud: str, scenario: str = "") -> Iterator[None]:
    """While something is staged for `scenario`, or for all on `cloud`, say what the project's own errors say
    without a traceback.
    """
    try:
        yield
    except KbError as error:
        config.stash[BUS].put(Problem(cloud=cloud, sentence=str(error), staging=scenario))
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """As `one_sentence`, within a point: its record holds the sentence."""
    try:
        yield
    except KbError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@contextmanager
def survived(config: pytest.Config, what: str) -> Iterator[None]:
    """Let an error at the session's end become a problem of the record: pytest would end with a traceback,
    and lose exit code and summary. Our own failures were noted when they came.
    """
    try:
        yield
    except pytest.fail.Exception:
        pass
    except (Exception, KeyboardInterrupt) as error:
        sentence = f"{what}: {type(error).__name__} {error}".rstrip() + "."
        for cloud in config.stash[SELECTION].clouds[:1]:
            config.stash[BUS].put(Problem(cloud=cloud, sentence=sentence))
