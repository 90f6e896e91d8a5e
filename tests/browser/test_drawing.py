"""A chart that is drawn second by second shows, pixel by pixel, what one shows that is drawn at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.told import Told
from tests.browser.ui import Page, Ui, browser

DRAWN = """
const [changes, ratio, done] = arguments;
Object.defineProperty(window, "devicePixelRatio", {value: ratio, configurable: true});
const {timeline} = await import("/static/charts/timeline.js");
const place = () => {
  const host = document.createElement("div");
  host.className = "plot";
  host.style.width = "700px";
  document.body.append(host);
  return host;
};
const picture = (host) => {
  const canvas = host.querySelector("canvas");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.width, data, host.querySelector("svg").outerHTML];
};
const grown = place();
const differ = [];
let painted = 0;
const known = new Map();
for (const [number, change] of changes.entries()) {
  const rows = change.rows.map((row) => {
    const name = JSON.stringify(row);
    if (!known.has(name)) known.set(name, row);
    return known.get(name);
  });
  const data = {
    title: "x", at: change.at, rates: [{name: "r", values: change.rate}], failed: change.failed, offered: [],
    unit: "",
    lines: [{name: "p50", values: change.p50}, {name: "p99", values: change.p99}],
    heat: {at: change.at[0], step: 1, rows}, limits: [{name: "p99", seconds: 0.05}], until: change.until,
  };
  grown.style.width = `${change.width}px`;
  grown.replaceChildren();
  timeline(grown, data, {});
  const whole = place();
  whole.style.width = `${change.width}px`;
  timeline(whole, structuredClone(data), {});
  const [a, b] = [picture(grown), picture(whole)];
  const wrong = a[1].length !== b[1].length ? -1 : a[1].filter((value, i) => value !== b[1][i]).length;
  if (wrong || a[2] !== b[2]) differ.push([number, wrong, a[2] === b[2]]);
  painted += b[1].some((value) => value > 0) ? 1 : 0;
  whole.remove();
}
done([differ, painted]);
"""
ASYNC = "(async () => {" + DRAWN + "}).apply(null, arguments).catch((error) => arguments[2](String(error)));"


def changes() -> list[dict[str, Any]]:
    """A point that grows by a second or several, has gaps, gets wider and higher, and loses its oldest."""
    found = []
    rows: list[list[list[int]]] = []
    for second in range(900):
        slow = 70 if second == 640 else 52 + second % 5
        many = 4000 if second > 700 else 300
        rows.append([] if second % 97 == 5 else [[44 + second % 3, many], [slow, 1 + second % 7]])
    steps = [*range(1, 40), *range(40, 900, 37), *range(880, 900)]
    for number, end in enumerate(steps):
        first = max(0, end - 600)
        at = list(range(first, end))
        found.append(
            {
                "at": at,
                "rows": rows[first:end],
                "p50": [None if not rows[s] else 0.003 + s % 3 / 1000 for s in at],
                "p99": [None if not rows[s] else 0.01 + s % 11 / 500 for s in at],
                "rate": [None if not rows[s] else 300 + s % 4 for s in at],
                "failed": [int(s % 13 == 0) for s in at],
                "until": 60 if end <= 30 else 900,
                "width": 500 if number % 23 == 7 else 700,
            }
        )
    return found


def test_each_second_adds_its_own_column_alone_and_nothing_looks_different(tmp_path: Path) -> None:
    ui = Ui(tmp_path)
    try:
        with browser() as page:
            page.go(ui.address)
            page.until(lambda: bool(page.title), "a page")
            for dark, ratio in ((False, 1), (True, 1.25)):
                page.look(1440, dark=dark)
                asked = changes()
                differ, painted = drawn(page, asked, ratio)
                assert differ == [], (dark, ratio)
                assert painted == len(asked)
    finally:
        ui.end()


BEYOND = """
(async (done) => {
  const {timeline} = await import("/static/charts/timeline.js");
  const host = document.createElement("div");
  host.className = "plot";
  host.style.width = "700px";
  document.body.append(host);
  const at = [0, 1, 2, 3, 4];
  const values = at.map(() => 0.01);
  timeline(host, {
    title: "x", at, rates: [{name: "r", values: at.map(() => 9)}], failed: at.map(() => 0),
    offered: [], unit: "",
    lines: [{name: "p99", values}], limits: [{name: "p99", seconds: 0.05}], until: 5,
    heat: {at: 0, step: 1, rows: Array.from({length: 8}, () => [[52, 100]])},
  }, {});
  const canvas = host.querySelector("canvas");
  const limit = host.querySelector("line.lim").getAttribute("x2");
  const right = Math.ceil(Number(limit) * devicePixelRatio);
  const drawn = (x, width) => canvas.getContext("2d").getImageData(x, 0, width, canvas.height).data;
  const seen = (x, width) => drawn(x, width).filter((v, i) => i % 4 === 3 && v).length;
  done([seen(0, right), seen(right, canvas.width - right)]);
})(arguments[0]);
"""


def test_what_ended_after_the_window_is_not_painted_over_its_labels(tmp_path: Path) -> None:
    ui = Ui(tmp_path)
    try:
        with browser() as page:
            page.look(1440, dark=False)
            page.go(ui.address)
            page.until(lambda: bool(page.title), "a page")
            within, beyond = page.driver.execute_async_script(BEYOND)
            assert within > 1000
            assert beyond == 0
    finally:
        ui.end()


DRAWINGS = """
addEventListener("DOMContentLoaded", () => {
  window.drawings = [];
  const look = () => {
    const told = document.querySelector("#now h2")?.textContent;
    if (told && told !== window.drawings.at(-1)) window.drawings.push(told);
    requestAnimationFrame(look);
  };
  look();
});
"""


def test_what_was_there_before_is_drawn_once_as_a_whole(tmp_path: Path) -> None:
    """Of an hour that passed before somebody looks, no page shows how it went by."""
    ui = Ui(tmp_path)
    session = Told(tmp_path / "state/kb/sessions", "0a0b0c0d", "bbbb0001")
    try:
        session.begin()
        session.staged()
        session.runs(0, 3600)
        with browser() as page:
            page.look(1440, dark=False)
            page.go(ui.address)
            page.until(lambda: bool(page.title), "a page")
            page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": DRAWINGS})
            page.go(f"{ui.base}/sessions/0a0b0c0d")
            page.until(lambda: "second 3599" in page.text, "the last second")
            assert len(page.driver.execute_script("return window.drawings")) == 1
    finally:
        session.end()
        ui.end()


def drawn(page: Page, asked: list[dict[str, Any]], ratio: float) -> Any:
    found = page.driver.execute_async_script(ASYNC, asked, ratio)
    assert isinstance(found, list), found
    return found
