"""Where a run goes, by clicks alone: a region of a cloud that has two; the embedded one, to stay there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from selenium.webdriver.common.by import By

from kb_tests.localcloud import control
from kb_tests.localcloud.client import AdminClient
from kb_tests.localcloud.control import Running
from tests.browser.ui import Page, Ui, browser
from tests.waiting import eventually

REGIONS = ("RegionOne", "RegionTwo")
SCENARIO = """\
name: short
kind: http
topology: {servers_per_network: 1, flavor: {vcpus: 1, ram: 256MiB, disk: 0GiB}}
load: {rate: [100], connections: 2, warm_up: 1s, duration: 6s}
sla: {latency: {p99: 5s}, errors: 50%}
"""


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "cloud"
    yield control.up(folder, parent_pid=os.getpid(), regions=REGIONS[1:])
    control.down(folder)


@pytest.fixture
def page() -> Iterator[Page]:
    with browser() as found:
        found.look(1440, dark=False)
        yield found


def started(folder: Path, page: Page, env: dict[str, str]) -> Ui:
    (folder / "scenarios").mkdir()
    (folder / "scenarios/short.yaml").write_text(SCENARIO)
    ui = Ui(folder, "--scenarios", str(folder / "scenarios"), env=env)
    page.go(ui.address)
    page.until(lambda: page.title.startswith("No runs yet"), "the empty page")
    return ui


def label(page: Page, text: str) -> str:
    """What the choice says that begins with `text`."""
    found = page.driver.find_elements(By.TAG_NAME, "label")
    return next((one.text for one in found if one.is_displayed() and one.text.startswith(text)), "")


def tick(page: Page, text: str) -> None:
    """Choose what is labelled so."""

    def chosen() -> bool:
        for one in page.driver.find_elements(By.TAG_NAME, "label"):
            if one.is_displayed() and one.text.startswith(text):
                one.click()
                return True
        return False

    page.until(chosen, f"{text!r}, to be chosen,")


def sees(page: Page, name: str) -> None:
    if folder := os.environ.get("KB_SCREENSHOTS"):
        page.picture(Path(folder) / f"where-{name}.png")


def session(page: Page) -> str:
    page.until(lambda: "/sessions/" in page.driver.current_url, "the session")
    return page.driver.current_url.rpartition("/")[2]


def test_a_region_of_a_cloud(regions: Running, tmp_path: Path, page: Page) -> None:
    entry = yaml.safe_load(regions.clouds_yaml.read_text())["clouds"][regions.cloud]
    entry = {key: value for key, value in entry.items() if key != "region_name"} | {"regions": [*REGIONS]}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"both": entry}}))
    ui = started(tmp_path, page, {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")})
    try:
        page.press("New run")
        page.until(lambda: label(page, "both:RegionOne") != "")
        tick(page, "both:RegionTwo")
        tick(page, "short")
        page.until(lambda: "on both:RegionTwo, loads for" in page.text, "what it takes")
        page.until(lambda: " free" in page.text, "the region's room")
        assert "--kb-cloud=both:RegionTwo" in page.text
        page.fine("where-region-new")
        page.press("Run on")
        sid = session(page)
        page.until(lambda: "Response time of every one" in page.text, "a second")
        there, elsewhere = (AdminClient(regions, region).servers() for region in reversed(REGIONS))
        assert len(there) == 3
        assert elsewhere == []
        page.go(f"{ui.base}/new")
        page.until(lambda: "busy" in label(page, "both:RegionTwo"), "the word that it is busy")
        assert label(page, "both:RegionOne") == "both:RegionOne"
        page.go(f"{ui.base}/sessions/{sid}")
        page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, ".verdict h1")), "the end")
        page.until(lambda: page.title.startswith("Every point ran and kept its SLA"), "its outcome")
        sees(page, "region-ended")
        page.press("See the run")
        page.until(lambda: "both:RegionTwo" in page.text, "where it was")
        sees(page, "region-run")
        page.press("Clouds")
        page.press("both:RegionTwo")
        page.until(lambda: "Nothing of ours is here" in page.text, "what is there")
        page.fine("where-region-cloud")
        page.go(ui.base)
        page.until(lambda: "Recent runs" in page.text)
        page.fine("where-region-overview")
        assert page.complaints() == []
    finally:
        ui.end()


def test_the_embedded_cloud_is_staged_loaded_and_ended(tmp_path: Path, page: Page) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: {}\n")
    ui = started(tmp_path, page, {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")})
    try:
        page.go(f"{ui.base}/new")
        tick(page, "short")
        page.press("Stage only")
        page.until(lambda: "loads nothing, and leaves them there for a day" in page.text, "what it takes")
        page.fine("where-embedded-new")
        page.press("Stage and keep")
        session(page)
        page.until(lambda: "Nothing was measured" in page.title, "the end of staging")
        page.fine("where-embedded-staged")
        page.press("Load it")
        page.press("Load what is kept")
        session(page)
        page.until(lambda: page.title.startswith("Every point ran and kept its SLA"), "its verdict")
        page.until(lambda: "stays on" in page.text, "what stays")
        sees(page, "embedded-loaded")
        page.go(ui.base)
        page.until(lambda: "Recent runs" in page.text)
        page.fine("where-embedded-overview")
        page.press("End")
        page.press("Remove 3 servers")
        clouds = tmp_path / "state/kb/localclouds"
        eventually(lambda: not any(clouds.iterdir()), what="The embedded cloud is still there.")
        page.go(ui.base)
        page.until(lambda: "Recent runs" in page.text)
        assert re.search(r"stays on", page.text) is None
        assert page.complaints() == []
    finally:
        ui.end()
