"""The web UI in Chromium, in short: a session of a shell followed, a run begun and judged, all pages.

One `kb ui` and one browser for all of it; tests/browser has the long ways.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By

from kb_tests.report.record import load
from kb_tests.web.assets import Assets
from tests.browser.ui import Page, Ui, browser
from tests.functional.session.suite import AS_A_USER
from tests.unit.report.build import judged, point, run
from tests.waiting import SESSION

SCENARIO = """\
name: brief
kind: http
description: <img src=x onerror=document.title='evil'>
topology: {flavor: {ram: 128MiB}}
load: {page_size: 1KiB, connections: 4, rate: [50], duration: 4s, warm_up: 0s, timeout: 1s}
sla: {errors: 50%, latency: {p99: 900ms}}
"""
CLOUDS = """\
clouds:
  nobody:
    auth: {auth_url: "http://127.0.0.1:9/v3", username: somebody, password: something, project_name: some}
"""
EVIL = "<img src=x onerror=document.title='evil'><script>document.title='evil'</script>"
BROKEN = "http-east-west-clients-4-rate-2000"


class Place:
    """The folders of a user who has run something before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports = folder / "reports"
        self.scenario = folder / "scenarios" / "brief.yaml"
        self.scenario.parent.mkdir()
        self.scenario.write_text(SCENARIO)
        (folder / "clouds.yaml").write_text(CLOUDS)
        self.env = {
            "XDG_STATE_HOME": str(folder / "state"),
            "OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml"),
        }
        record = run(
            [judged(), judged(point(rate=2000), median=0.2)], cloud=EVIL, run="aaaa0001", exit_code=1
        )
        record.notes.append(EVIL)
        record.problems.append(EVIL)
        record.write(self.reports)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("user"))


@pytest.fixture(scope="module")
def shell(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A session that somebody began in a shell, before there was a UI."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "kb_tests", *AS_A_USER, "-p", "no:cacheprovider"]
    command += [f"--kb-scenario={place.scenario}", f"--kb-reports={place.reports}"]
    with (place.folder / "shell.log").open("w") as log:
        started = subprocess.Popen(
            command, env=os.environ | place.env, cwd=place.folder, stdout=log, stderr=log
        )
    yield started
    started.terminate()
    started.wait(SESSION)


@pytest.fixture(scope="module")
def ui(place: Place, shell: object) -> Iterator[Ui]:
    started = Ui(place.folder, "--scenarios", str(place.scenario.parent), env=place.env)
    yield started
    assert started.end() < SESSION
    assert started.process.returncode == 0


@pytest.fixture(scope="module")
def page(ui: Ui) -> Iterator[Page]:
    with browser() as found:
        found.look(1440, dark=False)
        found.go(ui.address)
        found.until(lambda: bool(found.title), "a page")
        yield found


def asked(
    ui: Ui, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> http.client.HTTPResponse:
    """An answer to just these headers, the body read."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(ui.base).port or 0, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": urlsplit(ui.base).netloc, **headers}.items():
        connection.putheader(name, value)
    if body:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    found = connection.getresponse()
    found.read()
    connection.close()
    return found


def seconds(page: Page) -> int:
    """The last second of the last point in its picture."""
    found = re.search(r"Second (\d+)", page.driver.find_element(By.CSS_SELECTOR, "#now .read").text)
    assert found
    return int(found[1])


def test_it_answers_its_own_page_alone(ui: Ui) -> None:
    token = {"Authorization": f"Bearer {ui.address.partition('token=')[2]}"}
    kind = {"Content-Type": "application/json"}
    assert asked(ui, "GET", "/api/v1/runs", token).status == 200
    assert asked(ui, "GET", "/api/v1/runs", {}).status == 401
    assert asked(ui, "GET", "/api/v1/runs", {"Authorization": "Bearer wrong"}).status == 401
    assert asked(ui, "GET", "/", {"Host": "evil.test"}).status == 421
    for method in ("POST", "PUT", "DELETE"):
        for foreign in ({"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
            assert asked(ui, method, "/api/v1/plans", token | kind | foreign, b"{}").status == 403
    assert asked(ui, "PATCH", "/api/v1/runs", token).status == 405
    said = asked(ui, "OPTIONS", "/api/v1/plans", {"Origin": "http://evil.test"}).getheaders()
    assert not [name for name, _ in said if name.lower().startswith("access-control")]
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/api/v1/runs/..%2f..%2fetc%2fpasswd"):
        assert asked(ui, "GET", path, token).status == 404
    assert asked(ui, "POST", "/api/v1/plans", token | kind, b" " * (2 << 20)).status == 413


def test_a_session_of_a_shell_is_followed_to_its_end(page: Page, shell: subprocess.Popen[bytes]) -> None:
    page.press("Watch")
    page.until(lambda: "started" in page.text and "in a shell, followed here" in page.text, "who began it")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, ".verdict h1")), "the end")
    assert seconds(page) >= 3
    code = shell.wait(SESSION)
    page.until(lambda: f"{code}, " in page.text, "its exit code")


def test_a_run_is_begun_here_and_comes_to_its_verdict(ui: Ui, page: Page, place: Place) -> None:
    before = set(place.reports.glob("*.json"))
    page.go(f"{ui.base}/new?scenario=brief")
    page.press("Run on 3 servers")
    page.until(lambda: "/sessions/" in page.driver.current_url, "its page")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, ".verdict h1")), "the end")
    assert seconds(page) >= 3
    (path,) = set(place.reports.glob("*.json")) - before
    record = load(path)
    (outcome,) = {one.outcome for one in record.points}
    page.press(f"See the run {record.run}")
    page.until(lambda: bool(page.driver.find_elements(By.CSS_SELECTOR, f".verdict.{outcome}")), f"{outcome}")
    assert page.driver.current_url == f"{ui.base}/runs/{record.run}"


def test_every_page_is_well_formed_and_asks_nobody_else(ui: Ui, page: Page) -> None:
    sid = next((ui.folder / "state/kb/sessions").iterdir()).name
    parts = {"run": "aaaa0001", "point": BROKEN, "sid": sid, "name": "brief", "cloud": "nobody"}
    faults = {}
    for address in Assets().pages():
        page.go(ui.base + address.format(**parts))
        page.until(lambda: bool(page.title) and not page.driver.find_elements(By.CSS_SELECTOR, "[aria-busy]"))
        assert "evil" not in page.driver.title
        if found := page.faults():
            faults[address] = found
    assert faults == {}
    page.go(f"{ui.base}/runs/aaaa0001")
    page.until(lambda: "<img src=x" in page.text, "text that stays text")
    assert page.driver.get_cookies() == []
    unexpected = [text for text in page.complaints() if "/api/v1/clouds/nobody - Failed" not in text]
    assert unexpected == [], "the cloud is not there, and that alone is complained of"
    assert page.strangers(ui.base) == []
