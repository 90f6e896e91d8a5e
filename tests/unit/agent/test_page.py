"""The page that servers serve and generators expect."""

from __future__ import annotations

import pytest

from kb_tests.agent import page
from kb_tests.agent.page import Page


@pytest.mark.parametrize(
    "size", [0, 1, 1024, page.PERIOD - 1, page.PERIOD, page.PERIOD + 1, 3 * page.PERIOD + 7]
)
def test_a_page_is_its_size_and_holds_its_own_pieces_and_no_others(size: int) -> None:
    made = Page(size)
    whole = b"".join(made.pieces())
    assert len(whole) == size
    for begin, end in ((0, size), (0, size // 2), (size // 3, size), (max(0, size - 5), size), (size, size)):
        piece = whole[begin:end]
        assert Page(size).holds(begin, piece)
        if piece:
            assert not made.holds(begin, piece[:-1] + bytes([piece[-1] ^ 1]))
            assert not made.holds(begin, bytes([piece[0] ^ 1]) + piece[1:])
            assert not made.holds(begin + 1, piece) or begin + len(piece) < size
    assert not made.holds(0, whole + b"x")


def test_pages_of_other_sizes_have_other_content() -> None:
    assert Page(1000).pieces()[0] != Page(1001).pieces()[0][:1000]


def test_the_content_is_that_of_every_other_version() -> None:
    """Server and generator may run on images with different Pythons."""
    assert Page(8).pieces()[0].hex() == "b2795199999b69e6"
