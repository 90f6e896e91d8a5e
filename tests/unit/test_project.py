"""What the README promises is there, and the files around the code fit together."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from kb_tests import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TEXTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("kb_tests/**/README.md"),
        *ROOT.glob("tests/**/README.md"),
    ]
)


def commands(program: str) -> list[list[str]]:
    """The README's calls of a program, without their comments."""
    blocks = re.findall(r"```\n(.*?)```", README, re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [line[1:] for line in lines if line and Path(line[0]).name == program]


def test_its_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = commands("make")
    assert ["demo"] in targets
    assert all(re.search(f"^{target}:", makefile, re.MULTILINE) for (target,) in targets)


def test_a_night_s_parts_are_all_run_and_told_whatever_came_before(tmp_path: Path) -> None:
    parts = ["good", "bad", "last"]
    text = f"include {ROOT}/Makefile\nNIGHTLY := {' '.join(parts)}\ngood last:\n\t@true\nbad:\n\t@false\n"
    (tmp_path / "Makefile").write_text(text)
    night = ["make", "--no-print-directory", "-f", str(tmp_path / "Makefile"), "-o", "setup-dev", "nightly"]
    done = subprocess.run(night, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    told = re.findall(r"^nightly: (\w+) +(passed|FAILED) +\d+ s$", done.stdout, re.MULTILINE)
    assert told == [("good", "passed"), ("bad", "FAILED"), ("last", "passed")]


def test_each_part_of_a_night_can_be_run_alone() -> None:
    rules = (ROOT / "Makefile").read_text()
    (parts,) = re.findall(r"^NIGHTLY := ((?:\\\n\t\S+ ?)+)$", rules, re.MULTILINE)
    names = parts.replace("\\", "").split()
    assert len(names) > 4
    assert [name for name in names if not re.search(rf"^{name}:", rules, re.MULTILINE)] == []


@pytest.mark.parametrize("arguments", commands("kb"), ids=" ".join)
def test_its_kb_commands_are_understood(arguments: list[str]) -> None:
    assert cli._parser().parse_args(arguments).run


def test_its_pytest_options_exist() -> None:
    plugin = (ROOT / "kb_tests/session/options.py").read_text()
    for option in set(re.findall(r"--kb-[a-z-]+", README)):
        assert f'"{option}"' in plugin, option


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{path} leads to {target}"


def test_the_scenarios_and_what_builds_the_image_travel_with_the_package() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {name: f"kb_tests/{name}" for name in ("images", "scenarios")}


def test_every_system_package_is_one_that_the_set_up_installs() -> None:
    lines = [line for line in (ROOT / "bindep.txt").read_text().splitlines() if not line.startswith("#")]
    (pattern,) = re.findall(r'sed -nE "(s/.*?/p)"', (ROOT / "setup.sh").read_text())
    pattern = pattern.replace("($profiles)", "(localcloud|test|browser|openstack)")
    found = subprocess.run(
        ["sed", "-nE", pattern, ROOT / "bindep.txt"], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == [line.split()[0] for line in lines]


def test_ci_prints_the_closing_line_of_every_end() -> None:
    (pattern,) = re.findall(r"grep -E '(.*?)'", (ROOT / ".ci/run").read_text())
    for line in (
        "=========== 9 passed, 9 warnings in 94.39s (0:01:34) ===========",
        "=========== 1 failed, 2 passed, 1 skipped in 3.00s ===========",
        "=========== 2 errors in 1.00s ===========",
        "no tests ran in 0.01s",
    ):
        assert re.search(pattern, line), line
