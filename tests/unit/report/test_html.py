from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kb_tests.report import html, telling
from kb_tests.report.charts import page as charts
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.point import LookRecord
from kb_tests.report.record import PointRecord, PointStatus, RunRecord, load
from kb_tests.report.view import view
from tests.unit.report import build

VOID = {"meta", "br", "link", "img", "input"}


class Page(HTMLParser):
    """What a browser would see: text, tags, ids and links; raises AssertionError if tags do not nest."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not (self._open and self._open[-1] == "style"):
            self.text += data


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of words alone: charts take nearly all the time of a page."""
    monkeypatch.setattr(charts, "point_charts", lambda *_: [])
    monkeypatch.setattr(charts, "scale_charts", lambda *_: [])


def page(*points: PointRecord, **changes: object) -> Page:
    run: RunRecord = build.run(points, **changes)  # type: ignore[arg-type]
    return Page(html.render(run))


def test_a_page_names_every_point_check_and_note() -> None:
    shown = page(
        build.judged(build.point(1, 500)),
        build.judged(build.point(4, 1000), median=0.03, spread=0.8),
        build.without(PointStatus.NOT_RUN, "The session ended before it.", build.point(4, 2000)),
    ).text
    assert "west-1 under load" in shown
    assert "24 November 2026, 09:30 to 09:37 UTC" in shown
    assert "embedded local cloud" in shown
    assert "3 points: 1 pass, 1 fail, 1 not run" in shown
    assert "p99 of response time 190ms is over its limit 50ms by 140ms (3.8x)" in shown
    assert "140ms (3.8x) over" in shown
    assert "184ms to 196ms" in shown
    assert "The session ended before it." in shown
    assert "41.7s, 83 API requests" in shown
    assert "connections: 1000" in shown
    assert "compute-1" in shown


@pytest.mark.usefixtures("without_charts")
def test_a_page_tells_what_does_not_stand_against_a_pass() -> None:
    assert (
        "1 of 4 generators sent too late."
        in page(build.judged(notes=["1 of 4 generators sent too late."])).text
    )


def test_what_it_ran_on_counts_what_loads_and_is_loaded() -> None:
    (scenario,) = view(build.run([build.judged()])).scenarios
    assert [name for name, _ in scenario.topology][:3] == ["HTTP servers", "generators", "networks"]


@pytest.mark.usefixtures("without_charts")
def test_a_page_tells_what_earlier_looks_at_a_point_found() -> None:
    """A pass after a look that could not decide is told with that look, however bad it was."""
    last = build.judged()
    assert isinstance(last.measurement, HttpMeasurementRecord)
    first = build.judged(median=0.03, undecided=True)
    assert first.verdict is not None
    look = LookRecord(
        started=build.STARTED, duration=7.0, measurement=first.measurement, verdict=first.verdict
    )
    without = page(last).text
    text = page(last.model_copy(update={"earlier": (look, look)})).text
    for number in (1, 2):
        assert f"look {number}, 7s" in text
        assert f"look {number}, 7s" not in without
    assert "p50 of response time 30" in text
    assert "p50 of response time 30" not in without


@pytest.mark.usefixtures("without_charts")
def test_who_stands_out_is_told_of_the_last_look_alone() -> None:
    first = build.judged(median=0.03, undecided=True)
    assert isinstance(first.measurement, HttpMeasurementRecord)
    assert first.verdict is not None
    look = LookRecord(
        started=build.STARTED, duration=7.0, measurement=first.measurement, verdict=first.verdict
    )
    last = first.model_copy(update={"earlier": (look, look), "culprits": ("Host c5 stands out.",)})
    assert all("c5" not in told for _, told in telling.earlier_looks(last))
    assert "Host c5 stands out." in telling.findings(last)


def test_links_lead_to_places_in_the_page_and_nowhere_else() -> None:
    shown = page(build.judged(build.point(1, 500)), build.judged(build.point(4, 1000), share=0.9))
    assert shown.links
    assert {link.removeprefix("#") for link in shown.links} <= set(shown.ids)
    assert len(set(shown.ids)) == len(shown.ids)


def test_a_page_needs_no_script_and_nothing_from_outside() -> None:
    markup = html.render(build.run([build.judged()]))
    assert not {"script", "link", "img", "iframe", "object"} & Page(markup).tags
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import|https?://(?!www\.w3\.org/)", markup)


def test_twenty_points_stay_under_a_megabyte() -> None:
    """By what each further point adds: pytest-html's own page takes about 40 kB."""
    sizes = [
        len(
            html.summary(
                [build.run([build.judged(build.point(4, 100.0 * rate)) for rate in range(1, count + 1)])]
            )
        )
        for count in (2, 4)
    ]
    assert 40_000 + sizes[0] + 18 * (sizes[1] - sizes[0]) / 2 < 700_000


HOSTILE = '<script>alert(1)</script>" onload="alert(2)'


def test_what_servers_and_files_say_is_escaped() -> None:
    judged = build.judged(reasons=[HOSTILE])
    assert isinstance(judged.measurement, HttpMeasurementRecord)
    judged.measurement.counts.errors[HOSTILE] = 3
    run = build.run([judged, build.without(PointStatus.ERROR, HOSTILE, build.point(1))], notes=[HOSTILE])
    run.cloud = HOSTILE
    run.problems = run.leaks = [HOSTILE]
    run.versions = {HOSTILE: HOSTILE}
    scenario = run.scenarios[0]
    scenario.file = HOSTILE
    scenario.settings = {HOSTILE: HOSTILE}
    assert scenario.topology is not None
    scenario.topology = scenario.topology.model_copy(
        update={
            "tools": {HOSTILE: (HOSTILE,)},
            "servers": tuple(
                server.model_copy(update={"host": HOSTILE}) for server in scenario.topology.servers
            ),
        }
    )
    for markup in (html.render(run), html.summary([run])):
        shown = Page(markup)
        assert "script" not in shown.tags
        assert 'onload="alert' not in markup
        assert shown.text.count("<script>alert(1)</script>") >= 8


@pytest.mark.usefixtures("without_charts")
@pytest.mark.parametrize(
    ("points", "changes", "banner"),
    [
        ([build.judged()], {}, "SLA kept"),
        ([build.judged(share=0.9)], {}, "SLA broken"),
        ([build.judged(undecided=True)], {"exit_code": 0}, "Inconclusive"),
        ([build.judged(reasons=["late"])], {}, "Invalid"),
        ([build.without(PointStatus.LOST, "gone")], {}, "Invalid"),
        ([build.judged(), build.without(PointStatus.NOT_RUN, "ended", build.point(1))], {}, "Incomplete"),
        ([build.without(PointStatus.NOT_RUN, "not yet")], {"ended": None}, "Not finished"),
        (
            [build.judged(share=0.9), build.without(PointStatus.NOT_RUN, "-x", build.point(1))],
            {"exit_code": 1},
            "SLA broken",
        ),
        ([build.judged()], {"ended": None}, "Not finished"),
        ([build.judged()], {"exit_code": 2}, "Interrupted"),
        ([build.judged()], {"exit_code": 1}, "SLA kept"),
        ([build.judged()], {"leaks": ["server x"]}, "Resources left on the cloud"),
        ([build.judged()], {"problems": ["The tunnel broke."]}, "Invalid"),
        ([], {}, "Nothing judged"),
    ],
)
def test_the_banner_says_what_became_of_this_cloud(
    points: list[PointRecord], changes: dict[str, object], banner: str
) -> None:
    assert f"<strong>{banner}</strong>" in html.render(build.run(points, **changes))  # type: ignore[arg-type]


def test_a_point_whose_scenario_is_not_in_the_record_is_still_shown() -> None:
    assert "http-east-west-clients-4-rate-1000" in page(build.judged(), scenarios=[]).text


def test_a_page_can_be_made_again_from_the_file(tmp_path: Path) -> None:
    run = build.run([build.judged(), build.judged(build.point(1), failing=0.02)])
    assert html.render(load(run.write(tmp_path))) == html.render(run)


def test_several_clouds_share_a_page() -> None:
    runs = [build.run([build.judged()]), build.run([build.judged()], run="00000000", cloud="east")]
    shown = Page(html.summary(runs))
    assert len(set(shown.ids)) == len(shown.ids)
    assert html.title(runs) == "west-1 and east under load"


def test_a_row_of_pytest_html_leads_to_the_point() -> None:
    judged = build.judged()
    run = build.run([judged])
    header = ["<th>Result</th>", "<th>Test</th>"]
    html.table_header(header)
    assert "Verdict" in header[1]
    cells, other = ["<td>Passed</td>", "<td>test</td>"], ["<td>Passed</td>", "<td>test</td>"]
    html.table_row(cells, run, judged)
    html.table_row(other, None, None)
    assert cells[1] == (
        '<td class="col-verdict"><a href="#point-1f2e3d4c-http-east-west-clients-4-rate-1000">pass</a></td>'
    )
    assert other[1] == '<td class="col-verdict"></td>'
    assert 'id="point-1f2e3d4c-http-east-west-clients-4-rate-1000"' in html.summary([run])


def test_what_is_broken_comes_before_what_is_undecided() -> None:
    undecided, broken = (
        build.judged(build.point(1), undecided=True),
        build.judged(build.point(4), failing=0.02),
    )
    text = Page(html.render(build.run([undecided, broken]))).text
    assert text.index("http-east-west-clients-4") < text.index("http-east-west-clients-1")


def test_one_more_is_one() -> None:
    made = html.render(build.run([build.judged()], notes=["First.", "Second."]))
    assert "and 1 more note<" in made
    assert "and 2 more notes<" in html.render(
        build.run([build.judged()], notes=["First.", "Second.", "Third."])
    )
