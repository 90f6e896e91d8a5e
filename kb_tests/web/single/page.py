"""The file itself: the report's markup, data of the pages, their script, and rules that let in no other."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re

import jinja2
from markupsafe import Markup

from kb_tests.report import html
from kb_tests.report.printable import straight
from kb_tests.report.record import RunRecord
from kb_tests.report.view import view
from kb_tests.web.assets import FOLDER, PAGE
from kb_tests.web.points import point_shape
from kb_tests.web.runs import run_shape
from kb_tests.web.single import script as pages

STYLES = ("style.css", "app.css", "single/single.css")


def render(record: RunRecord) -> str:
    """A page of `record` that needs no server and no network; raises RecordError for what cannot be read.

    Without scripts it is the report, but for the charts of each point.
    """
    script, report_style = pages.script(), html.style()
    pages_style = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in STYLES)
    return (
        jinja2.Environment(
            loader=jinja2.PackageLoader("kb_tests.web", "single"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        .get_template("page.html")
        .render(
            title=html.title([record]),
            policy=_policy(script, report_style, pages_style),
            report_style=_ours(report_style),
            pages_style=_ours(pages_style),
            symbols=_ours(_symbols()),
            body=_ours(html.body(record, charts_of_points=False)),
            data=_packed(record),
            script=_ours(script),
        )
    )


def _ours(text: str) -> Markup:
    """What our own files or templates say, which has nothing to escape."""
    return Markup(text)  # noqa: S704 (strangers' text is escaped by the templates, or packed as base64)


def _policy(script: str, *styles: str) -> str:
    """Only this script and these styles; no request goes anywhere."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src-elem {' '.join(map(_hash, styles))}",
            "style-src-attr 'unsafe-inline'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8', 'replace')).digest()).decode()}'"


def _symbols() -> str:
    """The pictures of outcomes, which the page of the UI has too."""
    page = (FOLDER / PAGE).read_text(encoding="utf-8")
    found = re.search(r'<svg class="hidden".*?</svg>', page, re.DOTALL)
    assert found
    return found[0]


def _packed(record: RunRecord) -> str:
    seen = view(record)
    points = ",".join(
        f"{json.dumps(f'{point.id} {point.attempt}')}:"
        + point_shape(record, point.id, point.attempt, dict, seen).model_dump_json()
        for point in record.points
    )
    text = straight(f'{{"run":{run_shape(record).model_dump_json()},"points":{{{points}}}}}')
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), 9, mtime=0)).decode()
