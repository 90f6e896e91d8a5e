"""Mistakes of usage that show before anything is staged: a session that has one loads nothing, says it once
and ends as any command that was called wrongly.

What needs no request is looked at always. Where one topology follows another the clouds are asked as well,
for all of them, so that the last one's unknown flavor does not show after an hour. Of a single topology its
own staging finds the rest.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from threading import Event

import pytest

from kb_tests.cloud import config as entries
from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import understood
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.existing import adopt
from kb_tests.cloud.layout import Layout, apart
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.preflight import check, check_size
from kb_tests.cloud.workloads import plan
from kb_tests.errors import KbError, is_mistake
from kb_tests.session import keeping
from kb_tests.session.patience import patience
from kb_tests.session.staging import options_for
from kb_tests.session.target import LOCAL, Target


def refuse(config: pytest.Config, targets: Iterable[Target]) -> None:
    """Raise pytest.UsageError, a sentence a line, for every mistake that shows of these `targets`."""
    sides = (side for target in targets for side in (target, target.against) if side is not None)
    staged = list({id(target): target for target in sides}.values())
    found = list(_without_asking(config, staged))
    if not found and len(staged) > 1:
        found = list(_by_asking(config, staged))
    if found:
        raise pytest.UsageError("\n".join(dict.fromkeys(found)))


def _without_asking(config: pytest.Config, targets: Iterable[Target]) -> Iterator[str]:
    reuse = config.getoption("kb_reuse")
    for target in targets:
        try:
            options = options_for(config, target)
            check_size(_layouts(target), options)
            for name in _clouds(target):
                entries.read(name)
            if reuse:
                keeping.matching(target, reuse)
        except KbError as error:
            yield str(error)


def _by_asking(config: pytest.Config, targets: Iterable[Target]) -> Iterator[str]:
    clouds: dict[str, Cloud] = {}
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")  # of libraries' own changes: no test runs yet whose filters hide them
        for target in targets:
            try:
                for name in _clouds(target):
                    if name not in clouds:
                        clouds[name] = stack.enter_context(
                            closing(connect(name, patience=patience(config).cloud))
                        )
                if not config.getoption("kb_reuse"):
                    for name, layout in zip(_clouds(target), _layouts(target), strict=False):
                        _ask(clouds[name], layout, options_for(config, target))
            except KbError as error:
                if is_mistake(error):  # whatever else it is will show again, at a point
                    yield str(error)


def _ask(cloud: Cloud, layout: Layout, options: StageOptions) -> None:
    caller = Caller(cloud, until=time.monotonic() + cloud.patience.questions, stop=Event())
    with understood(cloud.name):
        check(caller, adopt(cloud, layout, options), {}, options)


def _layouts(target: Target) -> tuple[Layout, ...]:
    layout = plan(target.scenario)
    return apart(layout) if target.testing_cloud else (layout,)


def _clouds(target: Target) -> list[str]:
    """Those that clouds.yaml has to know: the embedded one is started for the session."""
    return [name for name in (target.place, target.testing_cloud) if name not in ("", LOCAL)]
