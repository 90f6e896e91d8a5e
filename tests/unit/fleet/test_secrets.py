from __future__ import annotations

from pathlib import Path

import pytest

from kb_tests.errors import FleetError
from kb_tests.fleet.secrets import Secrets

SECRETS = Secrets.generate()


def test_secrets_never_show() -> None:
    shown = repr(SECRETS) + str(SECRETS)
    assert SECRETS.controller_password not in shown
    assert SECRETS.agent_password not in shown
    assert "PRIVATE" not in shown
    assert Secrets.generate() != SECRETS


def test_secrets_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    SECRETS.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Secrets.load(path) == SECRETS
    with pytest.raises(FileExistsError):
        SECRETS.save(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"client": 1}', '{"client": {}, "host": {}}', "\x00"])
def test_a_file_that_holds_none_is_refused_without_telling_what_it_holds(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secrets"
    path.write_text(text)
    with pytest.raises(FleetError, match="holds no secrets of a run"):
        Secrets.load(path)
