"""Without a mouse: from the empty page to a stopped run, and every key that About names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.told import Told
from tests.browser.ui import Page, Ui, browser
from tests.unit.report.build import judged, point, run

SEEN = """
const one = document.activeElement, look = getComputedStyle(one);
return one !== document.body && look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 2
"""
MOST = 120
"""Stops of the Tab key on the way to what is looked for."""


class Keyboard:
    """One key after the other."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def types(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.page.driver).send_keys(key).perform()

    def shifted(self, key: str) -> None:
        ActionChains(self.page.driver).key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()

    @property
    def at(self) -> Any:
        return self.page.driver.switch_to.active_element

    def tabs_to(self, text: str) -> None:
        """Where the focus goes it is seen, and it gets to `text`."""
        for _ in range(MOST):
            self.types(Keys.TAB)
            assert self.page.driver.execute_script(SEEN), f"the focus is not seen on {self.at.text!r}"
            if self.at.text.startswith(text):
                return
        raise AssertionError(f"Tab does not come to {text!r}.")


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Ui]:
    started = Ui(tmp_path)
    yield started
    started.end()


@pytest.fixture
def page(ui: Ui) -> Iterator[Page]:
    with browser() as found:
        found.look(1440, dark=False)
        found.go(ui.address)
        found.until(lambda: bool(found.title))
        yield found


def said(page: Page) -> str:
    """What a screen reader was told."""
    return str(page.driver.find_element(By.ID, "said").get_attribute("textContent")).strip()


def names(page: Page) -> list[str]:
    """What a screen reader finds to be pressed; "" for what it cannot name."""
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    wanted = ("button", "link", "textbox", "checkbox", "radio")
    return [
        str(node.get("name", {}).get("value", ""))
        for node in tree
        if not node.get("ignored") and node.get("role", {}).get("value") in wanted
    ]


def test_from_the_empty_page_to_a_stopped_run(page: Page) -> None:
    keys = Keyboard(page)
    page.until(lambda: page.title.startswith("No runs yet"))
    assert "" not in names(page)
    keys.types(Keys.TAB)
    assert keys.at.text == "Skip to content"
    keys.types(Keys.ENTER)
    keys.tabs_to("Try it")
    keys.types(Keys.ENTER)
    page.until(lambda: "/sessions/" in page.driver.current_url, "the session")
    page.until(lambda: "look 1 of" in page.text, "a point")
    assert "" not in names(page)
    before = said(page)
    keys.shifted("s")
    page.until(lambda: keys.at.text == "Keep running", "the dialog, on its harmless button")
    keys.types(Keys.ESCAPE)
    page.until(lambda: not page.driver.find_elements(By.CSS_SELECTOR, "dialog[open]"), "no dialog")
    keys.shifted("s")
    page.until(lambda: keys.at.text == "Keep running")
    keys.tabs_to("Stop and remove")
    assert said(page) == before == "", "seconds are not said"
    keys.types(Keys.ENTER)
    page.until(lambda: page.title.startswith("The run was interrupted"), "the end")
    page.until(lambda: said(page) == page.title, "the verdict, said")


def test_every_key_does_what_about_says(ui: Ui, page: Page) -> None:
    keys = Keyboard(page)
    points = [judged(point(4, rate)) for rate in (500, 1000, 2000)]
    for name in ("aaaa0001", "aaaa0002"):
        run(points, run=name, exit_code=0).write(ui.reports)

    def goes(path: str) -> None:
        page.until(lambda: page.driver.current_url == ui.base + path, path)

    for key, path in {"r": "/runs", "s": "/scenarios", "c": "/clouds", "n": "/new", "o": "/"}.items():
        keys.types("g", key)
        goes(path)
    keys.types("?")
    goes("/about")
    keys.types("g", "r")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, "main tr.go")), "rows")
    keys.types("/")
    assert keys.at.get_attribute("type") == "search"
    keys.types("g", "n")
    assert keys.at.get_attribute("value") == "gn", "in a field keys are letters"
    keys.types(Keys.BACKSPACE, Keys.BACKSPACE)
    page.driver.execute_script("document.activeElement.blur()")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, "main tr.go")))
    keys.types("j", "j")
    second = keys.at.get_attribute("href")
    keys.types("k")
    assert keys.at.get_attribute("href") != second
    keys.types(Keys.ENTER)
    page.until(lambda: "/runs/aaaa000" in page.driver.current_url)
    chosen = page.driver.current_url
    page.go(f"{chosen}/points/{points[1].point.id}")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, ".plot[tabindex]")), "its picture")
    keys.types("[")
    page.until(lambda: page.driver.current_url.endswith(points[0].point.id), "the point before")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, "a[rel=next]")))
    keys.types("]")
    page.until(lambda: page.driver.current_url.endswith(points[1].point.id), "the point after")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, ".plot[tabindex]")))
    picture = page.driver.find_element(By.CSS_SELECTOR, ".plot[tabindex]")
    page.driver.execute_script("arguments[0].focus()", picture)
    before = page.driver.find_element(By.CSS_SELECTOR, ".read").text
    keys.types(Keys.ARROW_LEFT)
    page.until(lambda: page.driver.find_element(By.CSS_SELECTOR, ".read").text != before, "another second")
    keys.types("t")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, "figure table")), "tables")
    keys.types("t")
    page.until(lambda: not page.driver.find_elements(By.CSS_SELECTOR, "figure table"), "pictures")


def test_keys_of_a_session_and_none_where_they_are_off(ui: Ui, page: Page) -> None:
    keys = Keyboard(page)
    told = Told(ui.folder / "state/kb/sessions", "0a0b0c0d", "bbbb0001")
    told.begin()
    told.staged()
    told.runs(0)
    page.go(f"{ui.base}/sessions/0a0b0c0d")
    page.until(lambda: "second 11" in page.text)
    keys.types("m")
    page.until(lambda: keys.at.get_attribute("id") == "marker", "the marker's field")
    page.go(f"{ui.base}/about")
    page.until(lambda: "Keys" in page.text)
    page.driver.find_element(By.CSS_SELECTOR, "input[type=checkbox]").click()
    page.driver.execute_script("document.activeElement.blur()")
    keys.types("g", "r")
    keys.types("?")
    assert page.driver.current_url == f"{ui.base}/about"
    told.end()
