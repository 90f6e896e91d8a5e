"""The hooks of the process that writes the records: pytest itself, or xdist's controller."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kb_tests.events.model import PointsSelected, SelectedPoint
from kb_tests.report import html, terminal
from kb_tests.session import outbox
from kb_tests.session.journaling import unfinished
from kb_tests.session.keys import BUS, OUTBOX
from kb_tests.session.run import Run
from kb_tests.session.scheduler import CloudScheduling
from kb_tests.session.sentences import survived


class Controller:
    """Registered as a plugin in the one process that writes records and reports."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        self._code: int | None = None
        self._selected: PointsSelected | None = None
        if getattr(config.option, "htmlpath", None):
            config.option.self_contained_html = True

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which points are going to run."""
        if not self._config.option.collectonly:
            self._run.select(item.nodeid for item in session.items)
            self._tell_selected()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Note which points the workers are going to run."""
        self._run.select(ids)
        self._tell_selected()

    def _tell_selected(self) -> None:
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
        return CloudScheduling(config, log, self._run.selection)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker said last."""
        self._run.take(outbox.read(getattr(node, "workeroutput", {}).get("kb_events", "")))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what came with a report."""
        self._run.take(outbox.read(getattr(report, "kb_events", "")))
        self._run.take_report(report)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Set the exit code by the contract, before the terminal summary explains it."""
        with survived(self._config, "The session did not end properly"):
            yield
        self._finish(session)
        self._run.take(outbox.read(self._config.stash[OUTBOX].drain()))
        if self._code is not None:
            session.exitstatus = self._code

    def _finish(self, session: pytest.Session) -> None:
        """Close the records, once: pytest-html wants to read them before the session's last hook."""
        if self._code is not None or self._config.option.collectonly:
            return
        self._run.take(outbox.read(self._config.stash[OUTBOX].drain()))
        if not self._run.written():
            return
        self._run.leave(unfinished(self._config, self._run.staged()))
        self._code = self._run.finish(
            int(session.exitstatus),
            stopped_at_failure=bool(session.shouldfail),
            inconclusive=self._config.getoption("kb_inconclusive"),
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
        summary = "<p>The summary could not be made; the results are in the record.</p>"
        with survived(self._config, "The summary of the HTML report could not be made"):
            summary = html.summary([written.record for written in self._run.written()])
        prefix.append(summary)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of each point what came out, and what failed by how much."""
        lines = [
            line for written in self._run.written() for line in terminal.summary(written.record, written.path)
        ]
        if not lines or self._code is None:
            return
        report = getattr(self._config.option, "htmlpath", None)
        terminalreporter.write_sep("=", "load test")
        for line in [*lines, *terminal.closing(self._code, report and Path(report))]:
            terminalreporter.write_line(line.text, **line.markup)
