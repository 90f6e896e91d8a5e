"""The report as HTML: inside pytest-html's page, or a page of its own made from a record.

Everything stands in the static markup, since CI servers often block a report's scripts; pytest-html
would keep what is attached to a test in a JSON blob that only a script can show.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from html import escape

import jinja2
from markupsafe import Markup

from kb_tests.report import scaling, telling, words
from kb_tests.report.record import PointRecord, RunRecord
from kb_tests.report.view import anchor, view

VERDICT_COLUMN = 1


def title(records: Sequence[RunRecord]) -> str:
    """The title of a page about `records`."""
    if len(records) == 1:
        return records[0].title
    return f"{' and '.join(record.cloud for record in records) or 'No cloud'} under load"


def render(record: RunRecord) -> str:
    """A complete page of `record`; raises RecordError if a histogram in it cannot be read."""
    return (
        _environment()
        .get_template("page.html")
        .render(title=title([record]), style=style(), body=body(record))
    )


def body(record: RunRecord, *, charts_of_points: bool = True) -> Markup:
    """What stands in a page of `record`; raises RecordError if a histogram in it cannot be read."""
    made = _summary([record], charts_of_points=charts_of_points)
    return Markup(made)  # noqa: S704 (made by our template, which escapes)


def style() -> Markup:
    """The style sheet of `body` in a page of its own."""
    return Markup("body { margin: 0; }\n") + _asset("report.css")


def summary(records: Sequence[RunRecord]) -> str:
    """What goes into `prefix` of pytest_html_results_summary: style, verdicts, tables and charts."""
    return f"<style>{_asset('report.css')}{_asset('pytest-html.css')}</style>{_summary(records)}"


def table_header(cells: list[str]) -> None:
    """Add our column to pytest-html's table of tests."""
    cells.insert(VERDICT_COLUMN, '<th class="sortable" data-column-type="verdict">Verdict</th>')


def table_row(cells: list[str], record: RunRecord | None, point: PointRecord | None) -> None:
    """Add the verdict of a test's `point`, with a link to its place in the summary; None for other tests."""
    told = ""
    if record is not None and point is not None:
        told = f'<a href="#{escape(anchor(record, point))}">{escape(telling.label(point))}</a>'
    cells.insert(VERDICT_COLUMN, f'<td class="col-verdict">{told}</td>')


def _summary(records: Sequence[RunRecord], *, charts_of_points: bool = True) -> str:
    # matplotlib takes most of a second to import: only who wants a report waits for it
    from kb_tests.report.charts.page import point_charts, scale_charts

    return (
        _environment()
        .get_template("summary.html")
        .render(
            runs=[view(record) for record in records],
            point_charts=point_charts if charts_of_points else lambda _: [],
            scale_charts=scale_charts,
            sentences=scaling.sentences,
            number=words.number,
            share=words.share,
        )
    )


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("kb_tests.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(name: str) -> Markup:
    """A style sheet, which has nothing to escape."""
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704 (a file of ours)
