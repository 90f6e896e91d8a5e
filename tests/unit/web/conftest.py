"""A UI over a folder of records and one of sessions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kb_tests.web.app import App, Options
from kb_tests.web.assets import Assets
from kb_tests.web.tokens import Tokens
from tests.unit.report.build import judged, run
from tests.unit.web.client import TOKEN, VIEWER
from tests.unit.web.session import write_session

ASSETS = Assets()


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run([judged()]).write(tmp_path_factory.mktemp("record"))


@pytest.fixture
def reports(tmp_path: Path, record: Path) -> Path:
    folder = tmp_path / "reports"
    folder.mkdir()
    shutil.copy(record, folder)
    return folder


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    folder = tmp_path / "sessions"
    write_session(folder, "0a0b0c0d")
    return folder


@pytest.fixture
def app(reports: Path, sessions: Path) -> App:
    return App(Options(reports=reports, sessions=sessions, assets=ASSETS), Tokens(TOKEN, VIEWER))
