"""The hooks of the process that writes the records: pytest itself, or xdist's controller."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import pytest

from kb_tests.events.model import AnyEvent, PointsSelected, ProbeEnded, SelectedPoint
from kb_tests.report import html, terminal, words
from kb_tests.session import mistakes, outbox
from kb_tests.session.journaling import unfinished
from kb_tests.session.keys import ATTEMPTS, BUS, OUTBOX
from kb_tests.session.partial import STAGED_ONLY, asked_to_end, stages_only
from kb_tests.session.run import Run
from kb_tests.session.scheduler import CloudScheduling
from kb_tests.session.selection import Load
from kb_tests.session.sentences import survived


class Controller:
    """Registered as a plugin in the one process that writes records and reports."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        self._session: pytest.Session | None = None
        self._code: int | None = None
        self._selected: PointsSelected | None = None
        self._failures = 0
        self._stopped = False
        self._collects = bool(config.option.collectonly)
        if getattr(config.option, "htmlpath", None):
            config.option.self_contained_html = True

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which points are going to run."""
        if not self._config.option.collectonly:
            found = ((item.nodeid, self._run.selection.load_of(item)) for item in session.items)
            self._select({test: load for test, load in found if load})

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Refuse, before anything is staged, what can never work."""
        if not self._config.option.collectonly:
            self._refuse(load for item in session.items if (load := self._run.selection.load_of(item)))

    def _refuse(self, loads: Iterable[Load]) -> None:
        mistakes.refuse(self._config, (load.target for load in loads))

    def _select(self, loads: Mapping[str, Load]) -> None:
        """Note and tell which points are going to run, by test."""
        self._run.select(loads, STAGED_ONLY if stages_only(self._config) else "The session ended before it.")
        records = [(written.record.run, written.record) for written in self._run.written()]
        points = [
            SelectedPoint(
                cloud=record.cloud,
                id=point.id,
                scenario=point.point.scenario,
                kind=next((each.kind for each in record.scenarios if each.name == point.point.scenario), ""),
                clients=point.point.clients,
            )
            for _, record in records
            for point in record.points
        ]
        selected = PointsSelected(points=tuple(points), runs={record.cloud: run for run, record in records})
        if selected != self._selected:
            self._selected = selected
            self._config.stash[BUS].put(selected)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give every worker the same run ids."""
        node.workerinput["kb_run_ids"] = self._run.ids

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> CloudScheduling:
        """Schedule by cloud."""
        return CloudScheduling(config, log, self._run.selection, self._select, self._refuse)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker said last."""
        output = getattr(node, "workeroutput", {})
        self._stopped |= bool(output.get("shouldfail"))
        self._run.take(outbox.read(output.get("kb_events", "")))
        self._run.take_untold(output.get("kb_untold", {}))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell a run that stops at a failure, of which xdist makes an interrupt, from a cancelled one."""
        most = self._config.getoption("maxfail") or 0
        self._stopped |= 0 < most <= self._failures
        self._stopped &= excinfo.type.__module__.startswith("xdist.")

    def handle(self, event: AnyEvent) -> None:
        """Put a probe of a search, which may last for hours, onto the disk when it ends."""
        if isinstance(event, ProbeEnded):
            self._run.take(outbox.read(self._config.stash[OUTBOX].drain()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what came with a report."""
        self._run.take(outbox.read(getattr(report, "kb_events", "")))
        self._run.take(outbox.read(self._config.stash[OUTBOX].drain()))
        if lost := self._run.take_report(report):
            self._config.stash[BUS].put(lost)
        self._failures += report.failed

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Set the exit code by the contract, before the terminal summary explains it."""
        with survived(self._config, "The session did not end properly"):
            yield
        if self._collects:
            return  # there is no record for what became of it
        self._finish(session)
        self._run.take(outbox.read(self._config.stash[OUTBOX].drain()))
        self._session = session
        self.pytest_unconfigure()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Let the exit code stand, whatever a plugin that had its say after us made of it."""
        if self._session is not None and self._code is not None:
            self._session.exitstatus = self._code

    def _finish(self, session: pytest.Session) -> None:
        """Close the records, once: pytest-html wants to read them before the session's last hook.

        A session that only collects has none. It is told by what was asked for at its beginning: a plugin
        that says so at the end is not believed.
        """
        if self._code is not None or self._collects:
            return
        self._run.take(outbox.read(self._config.stash[OUTBOX].drain()))
        if not self._run.written():
            return
        self._run.take_untold(self._config.stash[ATTEMPTS].untold())
        for leak in self._run.left(unfinished(self._config, self._run.staged())):
            self._config.stash[BUS].put(leak)
        self._run.take(outbox.read(self._config.stash[OUTBOX].drain()))
        status = pytest.ExitCode.TESTS_FAILED if self._stopped else session.exitstatus
        if asked_to_end(self._config) and self._run.left_out:
            status = pytest.ExitCode.INTERRUPTED
        if self._run.mistakes:
            status = pytest.ExitCode.TESTS_FAILED if self._run.began else pytest.ExitCode.USAGE_ERROR
        self._code = self._run.finish(
            int(status),
            stopped_at_failure=self._stopped or bool(session.shouldfail),
            inconclusive=self._config.getoption("kb_inconclusive"),
            staged_only=stages_only(self._config),
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the report."""
        report.title = "OpenStack load test"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """A column for verdicts."""
        html.table_header(cells)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """The verdict of a test's point."""
        html.table_row(cells, *self._run.point_of(report.nodeid))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str], session: pytest.Session) -> None:
        """Put verdicts and charts where they can be read without JavaScript."""
        self._finish(session)
        if not self._run.written():
            prefix.extend(f"<p>{escape(mistake)}</p>" for mistake in self._run.mistakes)
            return
        summary = "<p>The summary could not be made; the results are in the record.</p>"
        with survived(self._config, "The summary of the HTML report could not be made"):
            summary = html.summary([written.record for written in self._run.written()])
        prefix.append(summary)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of each point what came out, and what failed by how much."""
        if self._run.mistakes and not self._run.began:
            for mistake in self._run.mistakes:
                terminalreporter.write_line(f"ERROR: {words.printable(mistake)}", red=True)
            for line in terminal.closing(pytest.ExitCode.USAGE_ERROR):
                terminalreporter.write_line(line.text, **line.markup)
        lines = [
            line for written in self._run.written() for line in terminal.summary(written.record, written.path)
        ]
        if not lines or self._code is None:
            return
        report = getattr(self._config.option, "htmlpath", None)
        terminalreporter.write_sep("=", "load test")
        for line in [*lines, *terminal.closing(self._code, report and Path(report))]:
            terminalreporter.write_line(line.text, **line.markup)
