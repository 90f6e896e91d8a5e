"""Turning a pytest session into one that loads clouds.

pytest loads the plugin in every session of whoever installed it; most of them are about something else.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kb_tests.errors import RecordError, ScenarioError
from kb_tests.events.bus import Bus
from kb_tests.report.folder import check_file, check_folder
from kb_tests.report.underway import fold_all
from kb_tests.scenario.settings import parse
from kb_tests.session import baseline, rotating
from kb_tests.session.attempts import Attempts
from kb_tests.session.controller import Controller
from kb_tests.session.courier import Courier
from kb_tests.session.interrupts import Interrupts
from kb_tests.session.keys import ATTEMPTS, BASELINE, BUS, INTERRUPTS, OUTBOX, RECORDS, SELECTION, STAGINGS
from kb_tests.session.outbox import Outbox
from kb_tests.session.partial import Partial
from kb_tests.session.reruns import RepeatedInJunit
from kb_tests.session.run import Run, record_ids
from kb_tests.session.selection import Selection
from kb_tests.session.stagings import Stagings
from kb_tests.session.watching import Watching

_LIBRARIES = ("openstack", "keystoneauth1", "urllib3", "paramiko")
"""They announce their own changes, and unchecked certificates that clouds.yaml asked for."""


def activate(config: pytest.Config) -> None:
    """Read the scenarios and take over reports, exit code and signals; a second time nothing happens.

    Raises pytest.UsageError for a mistake in a scenario: nothing has begun.
    """
    if SELECTION in config.stash:
        return
    try:
        selection = Selection.read(
            config.getoption("kb_cloud"),
            config.getoption("kb_scenario"),
            config.getoption("kb_testing_cloud"),
            [parse(text) for text in config.getoption("kb_set")],
            paired=bool(config.getoption("kb_pairs")),
            variant=config.getoption("kb_variant"),
        )
        selection = _held_against(config, selection)
        if config.getoption("kb_rotate"):
            rotating.check([one.scenario for one in selection.targets], paired=selection.paired)
    except ScenarioError as error:
        raise pytest.UsageError(str(error)) from None
    worker = getattr(config, "workerinput", None)
    reports = Path(config.getoption("kb_reports"))
    if worker is None:
        try:
            check_folder(reports.absolute())
        except RecordError as error:
            raise pytest.UsageError(f"{error} Name another folder by --kb-reports.") from None
        _check_files(config)
        if not config.option.collectonly:
            fold_all(reports)  # of runs whose every process was killed
        run = Run(selection, reports)
        controller = Controller(config, run)
        config.pluginmanager.register(controller, "kb_controller")
        config.pluginmanager.register(RepeatedInJunit(config), "kb_reruns")
        run_ids = run.ids
    elif "kb_run_ids" in worker:
        run_ids = worker["kb_run_ids"]
    else:
        raise pytest.UsageError("Under xdist, name what is to be loaded: --kb-scenario or --kb-cloud.")
    config.stash[SELECTION] = selection
    config.stash[RECORDS] = {
        cloud: reports.absolute() / f"{run_id}.json"
        for cloud, run_id in record_ids(selection, run_ids).items()
    }
    outbox = config.stash[OUTBOX] = Outbox()
    bus = config.stash[BUS] = Bus([outbox])
    if worker is None:
        bus.add(controller)
    config.stash[STAGINGS] = Stagings(run_ids)
    config.stash[ATTEMPTS] = Attempts()
    if worker is not None:
        config.pluginmanager.register(Courier(selection, outbox), "kb_courier")
    _hide_values(config)
    # openstacksdk announces its own changes to whoever calls it; an operator cannot act on that.
    config.addinivalue_line("filterwarnings", r"ignore:::openstack\.")
    # A test's properties are where JUnit's readers look for figures, whichever family of it they read.
    config.addinivalue_line("filterwarnings", "ignore:record_property is incompatible:pytest.PytestWarning")
    config.pluginmanager.register(_Quiet(), "kb_quiet")
    config.pluginmanager.register(Watching(config, bus, selection), "kb_watching")
    config.pluginmanager.register(Partial(config), "kb_partial")
    interrupts = config.stash[INTERRUPTS] = Interrupts()
    interrupts.install()
    config.pluginmanager.register(interrupts, "kb_interrupts")


def _check_files(config: pytest.Config) -> None:
    """UsageError where what pytest and pytest-html write at their end has no place."""
    for option, name, what in (
        ("--html", "htmlpath", "HTML report"),
        ("--junitxml", "xmlpath", "JUnit file"),
    ):
        if path := getattr(config.option, name, None):
            file = Path(os.path.expandvars(path)).expanduser().absolute()
            try:
                check_file(file, what)
            except RecordError as error:
                raise pytest.UsageError(f"{error} Name another file by {option}.") from None


def _held_against(config: pytest.Config, selection: Selection) -> Selection:
    """`selection`, with one check more a point where a baseline is named; raises ScenarioError."""
    name = config.getoption("kb_baseline")
    if selection.paired:
        _check_pairs(config)
        return selection
    if name is None:
        baseline.missing(selection.targets)
        return selection
    baseline.check(selection.targets)
    found = baseline.Baseline.read(name, Path(config.getoption("kb_reports")))
    baseline.refuse_lost(selection.targets, found)
    config.stash[BASELINE] = found
    return replace(selection, compared=True)


def _check_pairs(config: pytest.Config) -> None:
    """ScenarioError for options that have no meaning beside pairs."""
    for option in ("kb_baseline", "kb_keep", "kb_reuse", "kb_stage_only", "kb_testing_cloud"):
        if config.getoption(option):
            name = option.replace("_", "-")
            raise ScenarioError(f"--{name} and --kb-pairs cannot be used together.")


class _Quiet:
    """Keeps what libraries warn of from becoming errors by -W error, which goes before an ini's lines."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """Within pytest's own filters, which end with the test."""
        for module in _LIBRARIES:
            warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
        return (yield)


def _hide_values(config: pytest.Config) -> None:
    """Tracebacks show lines of code, and no values: some are secrets, and a CI log has many readers."""
    config.option.showlocals = config.option.fulltrace = False
    if config.option.tbstyle in ("auto", "long"):
        config.option.tbstyle = "short"
