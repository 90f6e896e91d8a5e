"""What goes wrong outside of the points, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kb_tests.errors import KbError, is_mistake
from kb_tests.events.model import Problem
from kb_tests.session.keys import BUS, SELECTION, STAGED

NOTHING_STAGED = "called wrongly: nothing was staged"


@contextmanager
def one_sentence(config: pytest.Config, cloud: str, scenario: str = "") -> Iterator[None]:
    """While something is staged for `scenario`, or for all on `cloud`, say what the project's own errors say
    without a traceback. A mistake of usage ends the session as long as nothing was staged.
    """
    try:
        yield
    except KbError as error:
        usage = is_mistake(error) and STAGED not in config.stash
        config.stash[BUS].put(Problem(cloud=cloud, sentence=str(error), staging=scenario, usage=usage))
        if usage:
            raise _end_of(config) from None
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def _end_of(config: pytest.Config) -> BaseException:
    """What ends the session; raised in an xdist worker it ends the whole one."""
    session = config.pluginmanager.get_plugin("session")
    if session is not None and hasattr(config, "workerinput"):
        session.shouldstop = NOTHING_STAGED
    return pytest.exit.Exception(NOTHING_STAGED, pytest.ExitCode.USAGE_ERROR)


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
