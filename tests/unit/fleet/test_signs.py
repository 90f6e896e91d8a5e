"""Whose the figures are that agents send of their kernels."""

from __future__ import annotations

from typing import get_args

from kb_tests.agent import protocol
from kb_tests.fleet.messages import SignName, Signs
from kb_tests.fleet.signs import own


def signs(agent: str, boot: str = "", network: int = 0, *, contained: bool = False) -> Signs:
    return Signs(
        v=1,
        agent=agent,
        seq=1,
        kind="signs",
        id="x",
        boot=boot or f"boot-{agent}",
        network=network or 4026531840,
        contained=contained,
        seconds=10.0,
        cost=1e-4,
        figures={"steal": (1.0, 0.5, 3.0), "retransmitted": (7.0, 7.0, 0.0)},
    )


def named(*reports: Signs) -> dict[str, set[str]]:
    return {one.server: set(one.figures) for one in own(reports)}


def test_the_names_are_those_of_the_protocol() -> None:
    assert set(get_args(SignName)) == {*protocol.SIGNS_OF_MACHINE, *protocol.SIGNS_OF_NETWORK}


def test_a_kernel_of_its_own_has_all() -> None:
    """Networks of the first namespace have the same inode everywhere."""
    both = {"steal", "retransmitted"}
    assert named(signs("a"), signs("b")) == {"a": both, "b": both}


def test_what_two_on_one_kernel_count_is_their_hosts() -> None:
    assert named(signs("a", "k"), signs("b", "k"), signs("c")) == {"c": {"steal", "retransmitted"}}


def test_networks_of_one_kernel_may_be_their_own() -> None:
    assert named(signs("a", "k", 1), signs("b", "k", 2)) == {"a": {"retransmitted"}, "b": {"retransmitted"}}


def test_a_container_has_no_machine() -> None:
    assert named(signs("a", "k", 1, contained=True)) == {"a": {"retransmitted"}}
    hidden = signs("a").model_copy(update={"boot": ""})
    assert named(hidden) == {"a": {"retransmitted"}}
