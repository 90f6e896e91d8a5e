"""The UI as somebody uses it: from nothing to a verdict, a stop, another start, on any screen."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from tests.browser.ui import AXE, CHROMIUM, DRIVER, Page, Ui, browser
from tests.unit.report.build import judged, point, run

SCREENS = [(width, dark) for width in (1440, 390) for dark in (False, True)]


@pytest.fixture(scope="module", autouse=True)
def _there() -> None:
    missing = [str(path) for path in (CHROMIUM, DRIVER, AXE) if not path.exists()]
    assert not missing, f"`make browser` brings what is missing: {missing}"


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Ui]:
    started = Ui(tmp_path)
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGKILL)


@pytest.fixture
def page(ui: Ui) -> Iterator[Page]:
    with browser() as found:
        found.go(ui.address)
        found.until(lambda: bool(found.title))
        yield found


def points(page: Page) -> list[str]:
    """What became of each point of the session so far: on a busy machine one may be invalid."""
    rungs = page.driver.find_elements(By.CSS_SELECTOR, ".ladder li")
    return [str(rung.get_attribute("class")) for rung in rungs]


def until_loaded(page: Page) -> None:
    page.until(lambda: any(one != "to-come" for one in points(page)), "the first point")


def until_ended(page: Page) -> None:
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, ".verdict h1")), "the end")
    page.until(lambda: page.title != "The session ended.", "its outcome")


def fine(page: Page) -> None:
    """The page as it is now, on each screen."""
    for width, dark in SCREENS:
        page.look(width, dark=dark)
        assert page.faults() == [], (page.driver.current_url, width, dark)
    page.look(1440, dark=False)


def test_from_nothing_to_a_verdict_in_one_click(ui: Ui, page: Page) -> None:
    assert "token" not in page.driver.current_url
    page.until(lambda: page.title == "No runs yet. Three ways to begin:")
    fine(page)
    page.press("Try it")
    until_loaded(page)
    read = "return Number(/Second (\\d+)/.exec(document.querySelector('#now .read').textContent)[1])"
    page.until(lambda: page.driver.execute_script(read) >= 2, "the picture of a later second")
    fine(page)
    until_ended(page)
    assert len(points(page)) == 6
    assert {"to-come", "running", "not-run"}.isdisjoint(points(page))
    fine(page)
    page.press("See the run")
    page.until(lambda: "SLA" in page.driver.find_element(By.CSS_SELECTOR, ".verdict").text, "the run")
    fine(page)
    page.press("2 \N{MULTIPLICATION SIGN} 800")
    page.until(lambda: "1,600 req/s" in page.title, "the point")
    drawn = "const c = document.querySelector('canvas'); const d = c.getContext('2d')"
    drawn += ".getImageData(0, 0, c.width, c.height).data; return d.filter((v, i) => i % 4 === 3 && v).length"
    assert page.driver.execute_script(drawn) > 10_000
    fine(page)
    picture = page.driver.find_element(By.CSS_SELECTOR, ".plot[tabindex] svg")
    drag = ActionChains(page.driver).move_to_element_with_offset(picture, -200, -40).click_and_hold()
    drag.move_by_offset(150, 0).move_by_offset(150, 0).release().perform()
    page.until(lambda: re.search(r"\?t=\d-\d", page.driver.current_url) is not None, "a selection")
    assert "s selected" in page.driver.find_element(By.CSS_SELECTOR, ".read").text
    fine(page)
    page.press("as table")
    fine(page)
    for place in (
        "/",
        "/runs?outcome=fail",
        "/new?scenario=demo-http",
        "/scenarios",
        "/clouds",
        "/about",
        "/api",
        "/no",
    ):
        page.go(ui.base + place)
        page.until(lambda: bool(page.title))
        fine(page)
    unexpected = [text for text in page.complaints() if "/no - Failed" not in text]
    assert unexpected == []


def test_a_run_is_stopped_and_what_it_made_is_gone(ui: Ui, page: Page) -> None:
    page.go(f"{ui.base}/new?scenario=demo-http")
    page.press("Run on 5 servers")
    until_loaded(page)
    page.press("Stop…")
    assert page.driver.switch_to.active_element.text == "Keep running"
    page.press("Stop and remove")
    until_ended(page)
    assert page.title.startswith("The run was interrupted")
    log = page.driver.find_element(By.CSS_SELECTOR, "[role=log]").text
    (made,) = re.findall(r"removed (\d+) of \1$", log, re.MULTILINE)
    assert int(made) > 10
    assert "exit code 2" in log


def test_a_ui_that_was_killed_comes_back_and_nothing_is_lost(ui: Ui, page: Page) -> None:
    page.press("Try it")
    until_loaded(page)
    sid = page.driver.current_url.rpartition("/")[2]
    ui.end(signal.SIGKILL)
    ui.start()
    page.go(ui.address)
    page.until(lambda: bool(page.title))
    page.go(f"{ui.base}/sessions/{sid}")
    until_ended(page)
    assert len(points(page)) == 6
    assert {"to-come", "running", "not-run"}.isdisjoint(points(page))


def test_it_ends_at_once_while_pages_follow_a_session(ui: Ui, page: Page) -> None:
    page.press("Try it")
    until_loaded(page)
    assert ui.end() < 10
    assert ui.process.returncode == 0
    page.until(lambda: "Not heard" in page.driver.find_element(By.TAG_NAME, "main").text, "the word for it")
    ui.start()
    page.go(ui.address)
    page.until(lambda: bool(page.title))
    page.press("Watch")
    until_ended(page)


def test_names_from_a_cloud_are_text(ui: Ui, page: Page) -> None:
    evil = "<img src=x onerror=document.title='evil'><script>document.title='evil'</script>"
    record = run([judged(), judged(point(rate=2000), median=0.2)], cloud=evil, run="aaaa0001", exit_code=1)
    record.notes.append(evil)
    record.problems.append(evil)
    record.write(ui.reports)
    for place in ("/", "/runs", "/runs/aaaa0001", "/runs/aaaa0001/points/http-east-west-clients-4-rate-2000"):
        page.go(ui.base + place)
        page.until(lambda: "<img src=x" in page.driver.find_element(By.TAG_NAME, "body").text, place)
        assert "evil" not in page.driver.title
        fine(page)
    assert page.complaints() == []


def test_without_the_token_the_page_says_what_to_do(ui: Ui) -> None:
    with browser() as page:
        page.go(ui.base)
        page.until(lambda: "kb ui" in page.driver.find_element(By.TAG_NAME, "main").text)
        assert "token" in page.driver.find_element(By.TAG_NAME, "main").text
        assert json.dumps(page.driver.get_cookies()) == "[]"
