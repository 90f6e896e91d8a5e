"""What fio's jobs had of the CPUs, by what the kernel counts of them."""

from __future__ import annotations

import os

import pytest

from kb_tests.agent.storage import effort
from kb_tests.agent.storage.effort import Effort, Share

Counted = dict[int, tuple[float, float]]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """(seconds waited, seconds run) by process, as the kernel counts them."""
    counted: Counted = {}
    monkeypatch.setattr(effort, "_counted", counted.get)
    return counted


def test_a_second_tells_of_the_job_that_waited_most_and_of_the_one_that_ran_most(kernel: Counted) -> None:
    found = Effort()
    kernel.update({1: (1.0, 5.0), 2: (2.0, 5.0)})
    found.look([1, 2])
    assert found.since() == Share(2.0, 5.0)
    kernel.update({1: (1.25, 5.25), 2: (2.0, 6.0)})
    found.look([1, 2])
    assert (found.since(), found.waited) == (Share(0.25, 1.0), 3.25)
    found.look([1, 2])
    assert found.since() == Share(0.0, 0.0)


def test_a_job_that_has_ended_counts_as_when_it_was_last_seen(kernel: Counted) -> None:
    found = Effort()
    kernel.update({1: (1.0, 5.0), 2: (2.0, 5.0)})
    found.look([1, 2])
    found.since()
    del kernel[2]
    found.look([1, 2])
    assert (found.since(), found.waited) == (Share(0.0, 0.0), 3.0)


def test_jobs_that_take_over_from_the_program_that_forked_them_are_not_added_to_it(kernel: Counted) -> None:
    found = Effort()
    kernel.update({1: (1.0, 1.0), 2: (0.5, 0.5)})
    found.look([1])
    found.look([2])
    assert (found.since(), found.waited) == (Share(0.5, 0.5), 1.0)


def test_where_the_kernel_counts_nothing_nothing_is_told(kernel: Counted) -> None:
    found = Effort()
    found.look([*kernel, 1])
    assert (found.since(), found.waited) == (None, 0.0)


def test_the_kernel_s_own_file_is_understood() -> None:
    found = Effort()
    found.look([os.getpid()])
    share = found.since()
    assert share is not None
    assert share.ran > 0
