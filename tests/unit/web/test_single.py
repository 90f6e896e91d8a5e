"""A run as one file: what stands in it, that strangers' text does nothing, and that nothing is asked for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from kb_tests.cli import main
from kb_tests.web.assets import FOLDER
from kb_tests.web.bundle import lean
from kb_tests.web.single.page import render
from kb_tests.web.single.script import script
from tests.unit.report import build

EVIL = "</script><img src=x onerror=alert(1)><script>alert(1)</script>"


@pytest.fixture(scope="module")
def page() -> str:
    points = [build.judged(build.point(4, 1000)), build.judged(build.point(4, 2000), failing=0.02)]
    record = build.run(points, cloud=EVIL, run="aaaa0001")
    record.notes.append(EVIL)
    return render(record)


def test_it_holds_the_run_and_its_points(page: str) -> None:
    packed = re.search(r'id="data">([^<]*)</script>', page)
    assert packed
    found = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    assert found["run"]["run"] == "aaaa0001"
    assert found["run"]["cloud"] == EVIL
    assert len(found["points"]) == 2
    for point in found["points"].values():
        assert [chart["kind"] for chart in point["charts"]] == ["plot", "plot", "strips"]
    assert "NaN" not in gzip.decompress(base64.b64decode(packed[1])).decode()


def test_text_of_strangers_is_text(page: str) -> None:
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 2
    assert "&lt;img src=x" in page


def test_its_rules_let_in_its_own_script_and_styles_and_nothing_else(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    rules = policy[1].replace("&#39;", "'")
    assert rules.startswith("default-src 'none'; ")
    assert "connect-src" not in rules
    inline = re.findall(r"<(script|style)(?: id=\"style[^>]*)?>(.*?)</\1>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for _, text in inline]
    assert len(hashes) == 3
    assert set(re.findall(r"sha256-([^']+)'", rules)) == set(hashes)


def test_it_asks_for_nothing_elsewhere(page: str) -> None:
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', markup) == []
    assert "@import" not in page
    assert re.findall(r"url\((?!#)[^)]*\)", page) == []


def test_without_scripts_the_report_stands_in_it(page: str) -> None:
    report = page.partition('<div id="report">')[2].partition('<div id="app">')[0]
    assert "p99 of response time" in report
    assert "SLA broken" in report


@pytest.mark.nightly
def test_thirty_points_with_everything_stay_under_a_megabyte() -> None:
    points = [
        build.judged(build.point(clients, rate, 60.0))
        for clients in (2, 4, 8, 16, 20)
        for rate in range(100, 700, 100)
    ]
    assert len(points) == 30
    assert len(render(build.run(points, run="aaaa0001"))) < 1_000_000


def test_the_command_writes_it_beside_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build.run([build.judged()], run="aaaa0001").write(tmp_path)
    assert main(["report", str(tmp_path / "aaaa0001.json"), "--interactive"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "aaaa0001.html")
    assert 'id="data"' in (tmp_path / "aaaa0001.html").read_text()


def test_a_form_of_import_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb_tests.web.single.script.lean", lambda _: 'import * as all from "./x.js";\n')
    with pytest.raises(ValueError, match="no form of import"):
        script()


def test_comments_are_left_out_and_nothing_else() -> None:
    for path in FOLDER.rglob("*.js"):
        if "vendor" not in path.parts:
            text = lean(path.read_text())
            assert "@param" not in text
            assert "@typedef" not in text
    assert lean("const a = 1; // b\n/** @type {x} */ const c = `http://d`;\n  // e\nf();\n") == (
        "const a = 1; // b\nconst c = `http://d`;\nf();\n"
    )
