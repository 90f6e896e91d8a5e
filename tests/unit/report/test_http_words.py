from __future__ import annotations

from dataclasses import replace

import pytest

from kb_tests.measure.http.measurement import Connections, Start
from kb_tests.report.http import words as http_words
from kb_tests.report.http.figures import Figures
from kb_tests.report.http.measured import HttpMeasurementRecord
from kb_tests.report.record import PointRecord
from tests.unit.report import build


def facts(start: Start | None = None, tls: str | None = None) -> dict[str, str]:
    asked = replace(build.point(), tls=tls is not None)
    measured = replace(build.measurement(asked), start=start)
    agents = tuple(replace(agent, tls=tls or "", skew=0.001, clock_error=2e-4) for agent in measured.agents)
    record = PointRecord.measured(asked, replace(measured, agents=agents))
    assert isinstance(record.measurement, HttpMeasurementRecord)
    return dict(http_words.facts(record, record.measurement, Figures.of(record.measurement)))


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (None, "30s after 5s of warm-up"),
        (Start(0.0, True, 0, 0.1), "30s, steady from its beginning"),
        (
            Start(4.0, True, 1600, 0.12),
            "30s after 4s of warm-up, found and cut off: 1,600 requests, p99 120ms",
        ),
        (
            Start(0.0, False, 0, 0.1),
            "30s, nothing cut off: response times did not settle in its first half",
        ),
    ],
)
def test_the_window_tells_what_was_left_out_before_it(start: Start | None, told: str) -> None:
    assert facts(start)["window"] == told


FEW = Connections(asked=4000, open=20, least=18, reopened=7, refused=3120, unavailable=0)


@pytest.mark.parametrize(
    ("keep_alive", "found", "told"),
    [
        (True, None, "1,000 each, kept alive"),
        (
            True,
            FEW,
            "1,000 each, kept alive: 20 of 4,000 at first, 18 at least, 7 opened again, 3,120 refused",
        ),
        (
            True,
            replace(FEW, open=4000, least=4000, reopened=0, refused=0),
            "1,000 each, kept alive: 4,000 of 4,000 at first, 4,000 at least",
        ),
        (False, replace(FEW, open=0, least=0, reopened=0), "1,000 each, one a request, 3,120 refused"),
    ],
)
def test_connections_are_told_as_they_were(keep_alive: bool, found: Connections | None, told: str) -> None:
    asked = replace(build.point(), keep_alive=keep_alive)
    record = PointRecord.measured(asked, replace(build.measurement(asked), connections=found))
    assert isinstance(record.measurement, HttpMeasurementRecord)
    assert record.measurement.restore().connections == found
    all_ = dict(http_words.facts(record, record.measurement, Figures.of(record.measurement)))
    assert all_["connections"] == told


def test_tls_is_told_where_it_was_asked_for() -> None:
    assert "TLS" not in facts()
    assert facts(tls="TLSv1.3 X\x00, OpenSSL 3")["TLS"] == "TLSv1.3 X , OpenSSL 3"
    assert facts(tls="")["TLS"] == "no handshake succeeded"


def test_a_skew_is_known_as_well_as_the_clocks_are() -> None:
    assert facts()["widest start skew"] == "1ms ± 200µs"
