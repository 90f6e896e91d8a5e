"""Somebody at the pages who has read nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

from selenium.webdriver.common.by import By

from tests.browser.ui import PATIENCE, Page


class Newcomer:
    """Reads what is on the screen, and presses what that says; counts how often, and how long it waits."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.began = time.monotonic()
        self.waited = 0.0
        self.clicks: list[str] = []

    def press(self, text: str) -> None:
        self.page.press(text)
        self.clicks.append(text)

    def tick(self, text: str) -> None:
        """Choose what is labelled so."""

        def chosen() -> bool:
            for label in self.page.driver.find_elements(By.TAG_NAME, "label"):
                if label.is_displayed() and label.text.startswith(text):
                    label.click()
                    return True
            return False

        self.page.until(chosen, f"{text!r}, to be chosen,")
        self.clicks.append(text)

    def waits(self, text: str, seconds: float = PATIENCE) -> None:
        began = time.monotonic()
        self.page.until(lambda: text in self.page.text, f"{text!r}", seconds)
        self.waited += time.monotonic() - began

    def sees(self, name: str) -> None:
        if folder := os.environ.get("KB_SCREENSHOTS"):
            self.page.picture(Path(folder) / f"{name}.png")
