"""A run in a file of its own, opened from a disk: with scripts its pages, without them the report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from kb_tests.report.html import render as static
from kb_tests.web.single.page import render
from tests.browser.ui import browser
from tests.unit.report import build
from tests.unit.session import test_searching as searches

SCREENS = [(width, dark) for width in (1440, 390) for dark in (False, True)]
EVIL = "</script><img src=x onerror=document.title='evil'>"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    points = [build.judged(build.point(clients, rate)) for clients in (2, 4) for rate in (500, 1000)]
    points.append(build.judged(build.point(4, 2000), median=0.05, failing=0.02))
    record = build.run(points, run="aaaa0001", exit_code=1)
    record.notes.append(EVIL)
    folder = tmp_path_factory.mktemp("single")
    (folder / "run.html").write_text(render(record))
    (folder / "static.html").write_text(static(record))
    return folder / "run.html"


def test_its_pages_work_from_a_disk(file: Path) -> None:
    with browser() as page:
        page.go(file.as_uri())
        page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, ".plot svg")), "a chart")
        assert page.driver.find_elements(By.ID, "report") == []
        for width, dark in SCREENS:
            page.look(width, dark=dark)
            assert page.faults() == [], (width, dark)
        page.look(1440, dark=False)
        page.press("4 \N{MULTIPLICATION SIGN} 2,000")
        page.until(lambda: "8,000 req/s" in page.title, "the point")
        assert "#/runs/aaaa0001/points/" in page.driver.current_url
        assert len(page.driver.find_elements(By.CSS_SELECTOR, ".plot svg")) >= 3
        for width, dark in SCREENS:
            page.look(width, dark=dark)
            assert page.faults() == [], (width, dark)
        page.look(1440, dark=False)
        page.press("as table")
        page.until(lambda: "as picture" in page.driver.find_element(By.TAG_NAME, "main").text, "the table")
        page.press("as picture")
        page.go(f"{file.as_uri()}#/runs/aaaa0001/points/http-east-west-clients-4-rate-2000?t=3-9")
        page.until(lambda: "3 to 9 s selected" in page.driver.find_element(By.TAG_NAME, "main").text)
        page.driver.back()
        assert "evil" not in page.driver.title
        assert page.complaints() == []


def test_without_scripts_it_is_the_report(file: Path) -> None:
    with browser("--blink-settings=scriptEnabled=false") as page:
        page.go(file.as_uri())
        source = page.driver.page_source
        assert "SLA broken" in page.driver.find_element(By.ID, "report").text
        assert source.count("<figure><figcaption>") >= 2
        assert page.driver.find_element(By.CSS_SELECTOR, "#report svg").is_displayed()


def test_pages_and_report_tell_the_same_of_each_chart(file: Path) -> None:
    """Names of lines and limits in the report's pictures stand in the pages', units with a space."""
    words = re.findall(
        r"<text[^>]*>((?:p[\d.]+ ≤ )[^<]+|\d+ generators)</text>", file.with_name("static.html").read_text()
    )
    assert len(set(words)) >= 4
    with browser() as page:
        page.look(1440, dark=False)
        page.go(file.as_uri())
        page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, ".plot svg")), "a chart")
        script = "return [...document.querySelectorAll('svg text')].map((one) => one.textContent).join('|')"
        shown = page.driver.execute_script(script)
        page.press("4 \N{MULTIPLICATION SIGN} 2,000")
        page.until(lambda: "8,000 req/s" in page.title, "the point")
        shown = (shown + page.driver.execute_script(script)).replace("\u00a0", "")
        assert [word for word in set(words) if word not in shown] == []


def test_a_search_has_its_page_in_the_file_too(tmp_path: Path) -> None:
    found, probes, _ = searches.run(searches.scenario(), 150)
    path = tmp_path / "search.html"
    path.write_text(render(searches.told(found, probes)))
    with browser() as page:
        page.look(1440, dark=False)
        page.go(path.as_uri())
        page.until(lambda: "requests/s keep the SLA" in page.title, "what it found")
        page.press("How it was searched")
        page.until(lambda: "Loads tried" in page.text, "its page")
        assert "/capacity/" in page.driver.current_url
        page.press("See the run")
        page.until(lambda: "How it was searched" in page.text, "the run again")
        assert page.complaints() == []
