"""Which existing flavor a run takes that may make none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.flavors import find_flavor
from kb_tests.cloud.layout import Layout


def test_another_runs_flavor_is_not_taken() -> None:
    """It is gone as soon as that run ends."""
    assert _found("kb-0123abcd-flavor", "small") == "id of small"


def test_somebody_elses_flavor_may_begin_as_ours_do() -> None:
    assert _found("kb-medium", "small") == "id of kb-medium"


def test_a_named_flavor_is_taken_whatever_its_name() -> None:
    assert _found("small", "kb-0123abcd-flavor", wanted="kb-0123abcd-flavor") == "id of kb-0123abcd-flavor"


@pytest.mark.parametrize(
    "specs",
    [
        {"resources:CUSTOM_BAREMETAL_SMALL": "1"},
        {"resources:VGPU": "1"},
        {"trait:CUSTOM_GPU": "required"},
        {"trait1:HW_CPU_X86_AVX": "required"},
        {"pci_passthrough:alias": "gpu:1"},
        {"hw:cpu_policy": "dedicated"},
        {"hw:mem_page_size": "large"},
        {"hw:numa_nodes": "2"},
        {"aggregate_instance_extra_specs:ssd": "true"},
    ],
)
def test_one_for_special_hosts_is_not_taken_for_its_size(specs: dict[str, str]) -> None:
    assert _found("small", "large", small=specs) == "id of large"
    assert _found("small", "large", wanted="small", small=specs) == "id of small"


@pytest.mark.parametrize(
    "specs", [{"hw:cpu_policy": "shared"}, {"hw_rng:allowed": "True"}, {"quota:cpu": "9"}]
)
def test_one_with_other_words_is(specs: dict[str, str]) -> None:
    assert _found("small", "large", small=specs) == "id of small"


def _found(*names: str, wanted: str = "", **specs: dict[str, str]) -> str:
    """The choice among flavors of rising size; `specs` are extra specs by name."""
    flavors = [
        SimpleNamespace(
            name=name,
            id=f"id of {name}",
            vcpus=1,
            ram=256 + extra,
            disk=2,
            extra_specs=specs.get(name),
            is_disabled=False,
        )
        for extra, name in enumerate(names)
    ]
    compute = SimpleNamespace(flavors=lambda **_: flavors)
    cloud = SimpleNamespace(name="lab", connection=SimpleNamespace(compute=compute))
    caller: Any = SimpleNamespace(cloud=cloud, call=lambda _what, work: work())
    need = SimpleNamespace(flavor=SimpleNamespace(vcpus=1, ram=256 << 20, disk=0))
    return find_flavor(cast("Caller", caller), cast("Layout", need), 2, wanted).id
