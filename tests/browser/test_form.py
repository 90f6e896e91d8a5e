"""The form of a scenario: what it cannot read it says, and never writes over what it did not understand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.ui import Page, Ui, browser

PLAIN = """\
name: odd
kind: http
topology: {servers_per_network: 2, placement: {servers: &zone [nova], clients: *zone}}
"load":
  'rate': [100, 200]  # each
  duration: 30s
description: |
  Two lines,
  as they are.
sla:
  latency: {p99: 50ms}
  errors: 1%
"""
FLOW = (
    "{name: odd, kind: http, topology: {}, load: {rate: [100], duration: 30s}, sla: {latency: {p99: 50ms}}}\n"
)
WRONG = "name: odd\nkind: http\nload: often\nsla: [1, {p99: 1s}]\ntopology: {servers_per_network: {a: 1}}\n"
TWO = f"{PLAIN}---\n{PLAIN}"


class Form:
    """The page of a scenario that is written."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base

    @property
    def text(self) -> str:
        """The scenario, as it stands now."""
        found = self.page.driver.find_element(By.CSS_SELECTOR, "textarea[aria-label='Scenario as YAML']")
        return str(found.get_attribute("value"))

    def copy_of(self, name: str) -> str:
        """Begin a new copy; its text."""
        self.page.driver.execute_script("sessionStorage.clear()")
        self.page.go(f"{self.base}/write?from={name}")
        self.page.until(lambda: bool(self.text), "the text")
        return self.text

    def put(self, label: str, value: str) -> None:
        """Type into a field as soon as that can be, and leave it."""
        selector = f"form input[aria-label^='{label}']:enabled"
        found = self.page.driver.find_elements
        self.page.until(lambda: bool(found(By.CSS_SELECTOR, selector)), label)
        field = found(By.CSS_SELECTOR, selector)[0]
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(value or Keys.DELETE, Keys.TAB)

    def says(self, text: str) -> None:
        """Wait for words on the page."""
        self.page.until(lambda: text in self.page.text, repr(text))


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Form]:
    folder = tmp_path_factory.mktemp("form")
    (folder / "scenarios").mkdir()
    for name, text in {"plain": PLAIN, "flow": FLOW, "wrong": WRONG, "two": TWO}.items():
        (folder / f"scenarios/{name}.yaml").write_text(text)
    ui = Ui(folder, "--scenarios", str(folder / "scenarios"))
    with browser() as page:
        page.go(ui.address)
        page.until(lambda: bool(page.title))
        yield Form(page, ui.base)
    ui.end()


@pytest.mark.parametrize(
    ("label", "value", "before", "after"),
    [
        ("load rate", "300, 400", "'rate': [100, 200]  # each", "'rate': [300, 400]  # each"),
        ("load duration", "40s", "duration: 30s", "duration: 40s"),
        ("sla latency p99", "60ms", "{p99: 50ms}", "{p99: 60ms}"),
        ("sla errors", "", "  errors: 1%\n", ""),
        ("topology placement clients", "other", "clients: *zone", "clients: [other]"),
        ("load max duration", "90s", "30s\ndesc", "30s\n  max_duration: 90s\ndesc"),
    ],
)
def test_a_field_changes_its_key_and_nothing_else(
    form: Form, label: str, value: str, before: str, after: str
) -> None:
    whole = form.copy_of("plain")
    assert whole == PLAIN.replace("name: odd", "name: plain-mine")
    form.put(label, value)
    form.page.until(lambda: form.text == whole.replace(before, after), f"{label} as {value!r}")
    assert "Edit it as text" not in form.page.text


@pytest.mark.parametrize(
    ("name", "label", "value"),
    [
        ("plain", "topology placement servers", "other"),
        ("plain", "Description", "One."),
        ("flow", "Description", "One."),
    ],
)
def test_what_it_does_not_understand_it_leaves_and_says_so(
    form: Form, name: str, label: str, value: str
) -> None:
    whole = form.copy_of(name)
    form.put(label, value)
    form.says("Edit it as text")
    assert form.text == whole


def test_several_changes_one_right_after_the_other_are_all_there(form: Form) -> None:
    whole = form.copy_of("plain")
    for label, value in (("load rate", "1"), ("load duration", "50s"), ("sla errors", "2%")):
        form.put(label, value)
    wanted = whole.replace("[100, 200]", "[1]").replace("30s", "50s").replace("1%", "2%")
    form.page.until(lambda: form.text == wanted, "three changes")


def test_a_text_that_is_wrong_is_shown_and_not_as_empty(form: Form) -> None:
    whole = form.copy_of("wrong")
    assert "name: wrong-mine" in whole
    form.page.until(lambda: form.page.text.count("as the text says") > 10, "what stands in no field")
    form.put("topology networks per router", "2")
    form.page.until(lambda: "networks_per_router: 2" in form.text, "what can be changed")
    form.page.fine("scenario-form-wrong")


def test_a_text_of_two_documents_has_no_form_and_stays(form: Form) -> None:
    whole = form.copy_of("two")
    assert whole == TWO
    form.says("no form can show it")
    assert form.page.driver.find_elements(By.CSS_SELECTOR, "form input:enabled") == []
    form.page.fine("scenario-form-two")
