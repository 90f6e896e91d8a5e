from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_tests.cloud.mark import RUN_ID, Mark, new_run_id, resource_name, run_of_name

RUN_IDS = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)


@settings(deadline=None)
@given(RUN_IDS, st.integers(0, 2**33))
def test_a_mark_reads_as_it_was_written(run_id: str, until: int) -> None:
    mark = Mark(run_id, until)
    assert Mark.parse(f"ssh-ed25519 AAAA comment {mark}") == mark
    assert len(str(mark)) < 255


@settings(deadline=None)
@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    Mark.parse(text)
    run_of_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kb_tests run ABCDEF01, lease until 2026-01-01T00:00:00Z",
        "kb_tests run 0123456789, lease until 2026-01-01T00:00:00Z",
        "kb_tests run 01234567, lease until 2026-13-01T00:00:00Z",
        "kb_tests run 01234567",
        "somekb_tests run 01234567, lease until 2026-01-01T00:00:00Z",
    ],
)
def test_what_is_no_mark(text: str) -> None:
    assert Mark.parse(text) is None


def test_names() -> None:
    assert resource_name("01234567", "proxy") == "kb-01234567-proxy"
    assert run_of_name("kb-01234567-proxy") == "01234567"
    assert run_of_name("kb-01234567-") is None
    assert run_of_name("kb-node") is None
    assert run_of_name("akb-01234567-proxy") is None
    with pytest.raises(ValueError, match="longer"):
        resource_name("01234567", "x" * 60)


def test_run_ids_differ() -> None:
    made = {new_run_id() for _ in range(100)}
    assert len(made) == 100
    assert all(RUN_ID.fullmatch(run_id) for run_id in made)
