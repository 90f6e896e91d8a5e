"""What the plugin is to the pytest sessions of those who installed it, most of which load no cloud."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("openstack", "paramiko", "redis", "pydantic", "numpy", "scipy", "matplotlib", "jinja2", "starlette")

LOADED = """
import sys
import pytest
def test_of_something_else():
    loaded = set({heavy}) & set(sys.modules)
    assert not loaded, loaded
"""

OWN = """
def test_checkout_holds(kb_http):
    assert kb_http.run(rate=50)
"""

FAILS = """
def sign_in(password):
    shown = password.upper()
    raise RuntimeError("nobody expects this")
def test_of_something_else():
    sign_in("hunter" + "2")
"""


def run(folder: Path, source: str, *arguments: str) -> tuple[int, str]:
    """A session with no plugin but ours and xdist; its exit code and what it printed."""
    (folder / "test_it.py").write_text(source)
    command = [
        sys.executable,
        "-m",
        "pytest",
        *(["test_it.py"] if "--pyargs" not in arguments else []),
        "-p",
        "kb_tests.plugin",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_session_that_loads_no_cloud_imports_nothing_heavy(tmp_path: Path) -> None:
    code, output = run(tmp_path, LOADED.format(heavy=HEAVY))
    assert code == 0, output


def test_a_test_of_somebodys_own_is_enough_to_load_the_demo(tmp_path: Path) -> None:
    code, output = run(tmp_path, OWN, "--collect-only", "-q")
    assert code == 0, output
    assert "test_checkout_holds[demo-http]" in output


@pytest.mark.parametrize(
    ("named", "hint"),
    [
        (["--kb-scenario", "demo-http"], "--kb-scenario demo-http --kb-scenario demo-storage"),
        ([], "demo-http is of kind http"),
        pytest.param(
            ["--kb-cloud", "other", "-p", "xdist", "-n", "2"],
            "--kb-scenario http-east-west --kb-scenario storage-",
            marks=pytest.mark.nightly,
        ),
    ],
    ids=["named", "default", "spread"],
)
def test_a_test_that_asks_for_a_scenario_that_nobody_named_is_a_mistake(
    tmp_path: Path, named: list[str], hint: str
) -> None:
    other = OWN + "def test_disks_hold(kb_storage):\n    pass\n"
    code, output = run(tmp_path, other, *named)
    assert code == 4, output
    assert output.count("asks for kb_storage, and no scenario of kind storage is named") == 1
    assert hint in output
    assert "Traceback" not in output
    assert run(tmp_path, other, *named, "--collect-only", "-k", "checkout")[0] == 0


def test_the_suites_own_tests_of_another_kind_are_left_out(tmp_path: Path) -> None:
    scenario = ("--kb-scenario", "demo-http", "--collect-only")
    code, output = run(tmp_path, "", "--pyargs", "kb_tests", *scenario)
    assert code == 0, output
    assert "6/9 tests collected (3 deselected)" in output
    code, output = run(tmp_path, "", "--pyargs", "kb_tests.test_storage", *scenario)
    assert code == 4, output
    assert "no scenario of kind storage is named" in output


def test_under_xdist_the_controller_has_to_know_what_to_load(tmp_path: Path) -> None:
    code, output = run(tmp_path, OWN, "-p", "xdist", "-n", "1")
    assert code != 0
    assert "Under xdist, name what is to be loaded: --kb-scenario or --kb-cloud." in output


def test_an_unexpected_error_shows_no_value_that_may_be_a_secret(tmp_path: Path) -> None:
    scenario = Path(__file__).parents[3] / "scenarios" / "demo-http.yaml"
    talkative = ("--showlocals", "--full-trace", "-vv", "--tb=long")
    code, output = run(tmp_path, FAILS, "--kb-scenario", str(scenario), *talkative)
    assert code != 0
    assert "RuntimeError: nobody expects this" in output
    assert "hunter2" not in output.lower()


@pytest.mark.parametrize(
    "port", ["0", *(pytest.param(each, marks=pytest.mark.nightly) for each in ("65536", "ssh"))]
)
def test_a_wrong_port_is_a_usage_error(tmp_path: Path, port: str) -> None:
    code, output = run(tmp_path, OWN, "--kb-ssh-port", port)
    assert code == 4
    assert "--kb-ssh-port" in output


WARNS = """
import warnings
import pytest
@pytest.fixture(scope="session")
def library():
    warnings.warn_explicit("going away", DeprecationWarning, "proxy.py", 1, module="openstack.proxy")
def test_of_something_else(library):
    warnings.warn_explicit("unverified", UserWarning, "pool.py", 1, module="urllib3.connectionpool")
def test_that_warns_itself():
    warnings.warn("its own", UserWarning)
"""


@pytest.mark.parametrize(
    "strict",
    [
        pytest.param(("-W", "error"), id="all"),
        pytest.param(
            ("-Werror::DeprecationWarning", "-Werror::UserWarning"), id="some", marks=pytest.mark.nightly
        ),
    ],
)
def test_what_libraries_warn_of_is_no_error_however_strict_a_session_is(
    tmp_path: Path, strict: tuple[str, ...]
) -> None:
    scenario = Path(__file__).parents[3] / "scenarios" / "demo-http.yaml"
    code, output = run(tmp_path, WARNS, "--kb-scenario", str(scenario), *strict)
    assert code != 0
    assert "1 failed, 1 passed" in output
    assert "UserWarning: its own" in output


@pytest.mark.parametrize(
    "patterns",
    [
        "*_test.py",
        *(pytest.param(each, marks=pytest.mark.nightly) for each in ("test_*.py", "test_*.py *_test.py")),
    ],
)
@pytest.mark.parametrize("named", ["kb_tests", pytest.param("kb_tests.test_http", marks=pytest.mark.nightly)])
def test_an_inis_pattern_for_other_tests_hides_none_of_ours(
    tmp_path: Path, patterns: str, named: str
) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npython_files = {patterns}\n")
    code, output = run(tmp_path, "", "--pyargs", named, "--collect-only", "-q")
    assert code == 0, output
    assert output.count("test_http_load[demo-http-clients-1-rate-") >= 1
    assert len(set(output.splitlines())) == len(output.splitlines())


def test_a_folder_that_takes_no_records_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, output = run(tmp_path, OWN, "--kb-scenario", "demo-http", "--kb-reports", "file/below")
    assert code == 4
    assert "Name another folder by --kb-reports" in output
    assert run(tmp_path, OWN, "--kb-scenario", "demo-http", "--kb-reports", "new", "--collect-only")[0] == 0
    assert not (tmp_path / "new").exists()
