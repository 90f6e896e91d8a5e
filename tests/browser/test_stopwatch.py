"""Somebody new, without documentation: from the empty page to the host of a red point, by the pages alone.

One server of the cloud is made slow meanwhile. What it took stands in `stopwatch.txt` of the test's folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import Running
from tests.browser.newcomer import Newcomer
from tests.browser.ui import Page, Ui, browser

DELAY = 400
CLICKS = 6


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "cloud"
    yield control.up(folder, parent_pid=os.getpid())
    control.down(folder)


def test_from_the_empty_page_to_the_host_of_a_red_point(cloud: Running, tmp_path: Path) -> None:
    ui = Ui(tmp_path / "ui", env={"OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml)})
    try:
        with browser() as page:
            page.look(1440, dark=False)
            page.go(ui.address)
            somebody = Newcomer(page)
            somebody.waits("No runs yet")
            somebody.sees("stopwatch-1-empty")
            somebody.press("New run")
            somebody.tick(cloud.cloud)
            somebody.tick("demo-http")
            somebody.waits("Server hours of load")
            somebody.sees("stopwatch-2-new")
            somebody.press("Run on")
            somebody.waits("look 1 of")
            slow = make_slow(cloud)
            somebody.sees("stopwatch-3-live")
            somebody.waits("Exit code")
            somebody.sees("stopwatch-4-ended")
            somebody.press("See that point")
            somebody.waits("By host")
            somebody.sees("stopwatch-5-point")
            assert slowest(page) == slow
            took = time.monotonic() - somebody.began
            (tmp_path / "stopwatch.txt").write_text(
                f"{len(somebody.clicks)} clicks: {', '.join(somebody.clicks)}\n"
                f"{took:.0f} s, of which {somebody.waited:.0f} s were staging and load\n"
            )
            assert len(somebody.clicks) <= CLICKS
            assert page.complaints() == []
    finally:
        ui.end()


def make_slow(cloud: Running) -> str:
    """The host whose only server answers late from now on."""
    admin = AdminClient(cloud)
    server = sorted(
        (one for one in admin.servers() if "-server-" in one["name"]), key=lambda one: one["name"]
    )[-1]
    admin.harm_server(server["id"], "delay", milliseconds=DELAY)
    return str(server["host"])


def slowest(page: Page) -> str:
    """The host of the servers in the first row of the table by host, which the map beside it shows, too."""
    table = page.driver.find_element(By.XPATH, "//h2[text()='By host']/following::table[1]")
    heads = [one.text for one in table.find_elements(By.CSS_SELECTOR, "thead th")]
    cells = [one.text for one in table.find_elements(By.CSS_SELECTOR, "tbody tr:first-child td")]
    host = cells[heads.index("Servers on")]
    picture = page.driver.find_element(By.CSS_SELECTOR, ".plot.hosts svg").get_attribute("aria-label")
    times = dict(one.rsplit(" ", 1) for one in str(picture).removeprefix("p99 by host: ").split(", "))
    assert times[host] == "\N{INFINITY}" or "s" in times[host], picture
    return host
