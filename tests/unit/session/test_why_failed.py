"""Why a test of one's own failed, in one line."""

from __future__ import annotations

import pytest

from kb_tests.session.attempts import why_failed

pytest_plugins = ("pytester",)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("measured = len([0] * 3)\n    assert max(measured, 2) < 1", "assert 3 < 1"),
        ("assert False, 'two\\nlines'", "AssertionError: two"),
        ("raise ValueError('no')", "ValueError: no"),
        ("import pytest\n    pytest.fail('no cloud', pytrace=False)", "no cloud"),
    ],
)
def test_what_was_raised_is_said_and_not_its_parts(pytester: pytest.Pytester, body: str, why: str) -> None:
    pytester.makepyfile(f"def test_it():\n    {body}")
    (report,) = pytester.inline_run("-p", "no:kb_tests").getfailures()
    assert isinstance(report, pytest.TestReport)
    assert why_failed(report) == why
