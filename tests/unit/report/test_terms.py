"""Reports use the field's terms, which stand in one table."""

from __future__ import annotations

import re
from pathlib import Path

from kb_tests.report import words
from kb_tests.report.terms import SUBJECTS, TERMS, glossary
from tests.unit.report import build

ROOT = Path(__file__).parents[3]
INVENTED = re.compile(r"good answer|answered well|error share", re.IGNORECASE)


def test_the_glossary_is_the_table() -> None:
    assert (ROOT / "docs/glossary.md").read_text() == glossary()


def test_each_term_stands_once_and_is_explained() -> None:
    texts = [term.text for term in TERMS]
    assert len(set(texts)) == len(texts)
    assert all(term.keys and term.meaning.endswith(".") for term in TERMS)


def test_a_check_is_called_by_its_term() -> None:
    for name, text in SUBJECTS.items():
        assert words.subject(build.check(name, 0.5, 0.1, unit="")) == text


def test_no_report_or_guide_uses_words_of_our_own() -> None:
    told = [
        path
        for folder in ("kb_tests", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".html", ".js")
    ]
    assert len(told) > 200
    assert [path.name for path in (*told, ROOT / "README.md") if INVENTED.search(path.read_text())] == []
