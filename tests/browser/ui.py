"""A `kb ui` of its own, and a browser that reaches nothing but this machine."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
AXE = Path(__file__).parent / "vendor/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
SCREENS = [(width, dark) for width in (1440, 390) for dark in (False, True)]
PATIENCE = 240.0


class Ui:
    """The process; started again it shows the same."""

    def __init__(self, folder: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.reports = folder / "reports"
        self._options = ["--no-open", "--port", "0", "--reports", str(self.reports), *options]
        self._env = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), **(env or {})}
        self.start()

    def start(self) -> None:
        program = "import sys; from kb_tests.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "ui", *self._options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=self._env, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().removeprefix("kb ui: ").strip()
        self.base = self.address.partition("/#")[0]

    def end(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Seconds that it took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return time.monotonic() - began


class Page:
    """What is on the screen."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.width = 0

    @property
    def title(self) -> str:
        found = self.driver.find_elements(By.TAG_NAME, "h1")
        return found[0].text if found else ""

    @property
    def text(self) -> str:
        """All that can be read."""
        return str(self.driver.find_element(By.TAG_NAME, "body").text)

    def go(self, address: str) -> None:
        self.driver.get(address)

    def press(self, text: str) -> None:
        """Press what begins with `text`; a page that is drawn anew meanwhile has another one of it."""

        def pressed() -> bool:
            for one in self.driver.find_elements(By.CSS_SELECTOR, "button, a"):
                if one.is_displayed() and one.is_enabled() and one.text.startswith(text):
                    one.click()
                    return True
            return False

        self.until(pressed, f"{text!r}, to be pressed,")

    def until(self, wanted: Callable[[], bool], what: str = "", seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(Exception):
                if wanted():
                    return
            time.sleep(0.1)
        raise AssertionError(f"{what or 'It'} did not come to be; the page says {self.title!r}.")

    def look(self, width: int, *, dark: bool) -> None:
        self.width = width
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def faults(self) -> list[Any]:
        """What axe finds wrong, and whether the page is wider than the screen."""
        self.driver.execute_script(AXE.read_text())
        found: list[Any] = self.driver.execute_async_script(
            "const done = arguments[1]; axe.run(document, {runOnly: arguments[0]})"
            ".then((found) => done(found.violations.map((one) => [one.id, one.nodes[0].html])))",
            RULES,
        )
        # innerWidth is no help: a small screen shows all of a page that is too wide for it, smaller.
        wide = self.driver.execute_script("return document.documentElement.scrollWidth") > self.width > 0
        return [*found, *(["wider than the screen"] if wide else [])]

    def fine(self, name: str) -> None:
        """The page as it is now, on each screen; a picture of each where KB_SCREENSHOTS names a folder."""
        for width, dark in SCREENS:
            self.look(width, dark=dark)
            if folder := os.environ.get("KB_SCREENSHOTS"):
                self.picture(Path(folder) / f"{name}-{width}{'-dark' if dark else ''}.png")
            assert self.faults() == [], (name, width, dark)
        self.look(1440, dark=False)

    def picture(self, path: Path) -> None:
        """All of the page, as long as it is."""
        path.parent.mkdir(parents=True, exist_ok=True)
        found = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(found["data"]))

    def complaints(self) -> list[str]:
        """What the browser's console says: anything of the rules for it, any error."""
        return [str(entry["message"]) for entry in self._log("browser")]

    def strangers(self, base: str) -> list[str]:
        """What was asked for anywhere but at `base`, and what was not to be had, since the last call."""
        found = []
        for entry in self._log("performance"):
            message = json.loads(entry["message"])["message"]
            about = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                url = about["request"]["url"]
                found += [url] if not url.startswith((f"{base}/", "data:", "blob:")) else []
            if message["method"] == "Network.loadingFailed" and not about.get("canceled"):
                found.append(about["errorText"])
        return found

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.execute("getLog", {"type": kind})["value"]
        return entries


@contextlib.contextmanager
def browser(*more: str, performance: bool = True) -> Iterator[Page]:
    """A browser; without `performance` it keeps no account of what it asks for, which costs it time."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *more):
        options.add_argument(argument)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
    options.add_argument("--no-proxy-server")
    logged = ["browser", *(["performance"] if performance else [])]
    options.set_capability("goog:loggingPrefs", dict.fromkeys(logged, "ALL"))
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.set_script_timeout(PATIENCE)
    try:
        yield Page(driver)
    finally:
        driver.quit()
