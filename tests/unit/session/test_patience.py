"""How long a cloud may take, which the person who knows it can say."""

from __future__ import annotations

from argparse import ArgumentTypeError
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.session.options import _duration
from kb_tests.session.patience import PATIENCE, Patience
from kb_tests.session.staging import boot_timeout, options_of


def test_a_slow_cloud_gets_the_time_that_it_is_given() -> None:
    config = _config(kb_build_timeout=2400.0)
    assert boot_timeout(config) == 2400.0
    assert options_of(config).deadline == 2400.0


def test_without_a_word_servers_get_minutes_and_more_where_they_install() -> None:
    assert boot_timeout(_config()) == Patience.agents
    assert boot_timeout(_config(kb_packages=True)) == Patience.packages
    assert options_of(_config()).deadline == 900.0


def test_a_plugin_of_ones_own_may_have_less_patience() -> None:
    config = _config()
    config.stash[PATIENCE] = Patience(agents=7.0)
    assert boot_timeout(config) == 7.0


def test_a_duration_has_its_unit() -> None:
    assert _duration("40min") == 2400.0
    for wrong in ("40", "0s", "long"):
        with pytest.raises(ArgumentTypeError):
            _duration(wrong)


def _config(**given: Any) -> pytest.Config:
    options = {"kb_build_timeout": None, "kb_nameserver": [], "kb_packages": False} | given
    return cast(
        "pytest.Config", SimpleNamespace(getoption=lambda name: options.get(name, ""), stash=pytest.Stash())
    )
