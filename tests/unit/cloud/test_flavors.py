"""Which existing flavor a run takes that may make none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.preflight import find_flavor


def test_another_runs_flavor_is_not_taken() -> None:
    """It is gone as soon as that run ends."""
    assert _found("kb-0123abcd-flavor", "small") == "id of small"


def test_somebody_elses_flavor_may_begin_as_ours_do() -> None:
    assert _found("kb-medium", "small") == "id of kb-medium"


def test_a_named_flavor_is_taken_whatever_its_name() -> None:
    assert _found("small", "kb-0123abcd-flavor", wanted="kb-0123abcd-flavor") == "id of kb-0123abcd-flavor"


def _found(*names: str, wanted: str = "") -> str:
    """The choice among flavors of rising size."""
    flavors = [
        SimpleNamespace(name=name, id=f"id of {name}", vcpus=1, ram=256 + extra, disk=2)
        for extra, name in enumerate(names)
    ]
    compute = SimpleNamespace(flavors=lambda **_: flavors)
    cloud = SimpleNamespace(name="lab", connection=SimpleNamespace(compute=compute))
    caller: Any = SimpleNamespace(cloud=cloud, call=lambda _what, work: work())
    need = SimpleNamespace(flavor=SimpleNamespace(vcpus=1, ram=256 << 20, disk=0))
    return find_flavor(cast("Caller", caller), cast("Layout", need), 2, wanted)
