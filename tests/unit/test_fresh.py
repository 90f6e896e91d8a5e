"""What a bare root is told of where packages come from; `make fresh` makes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fresh import FreshError, settings_of, sources


def test_a_release_comes_from_where_this_machine_gets_its_own() -> None:
    listed = (
        "Debian http://mirror.example/debian/\n"
        "Debian http://second.example/debian/\n"
        "Debian-Security http://mirror.example/security/\n"
        "Another Vendor https://vendor.example/apt\n"
    )
    assert sources(listed, "trixie") == (
        "deb http://mirror.example/debian/ trixie main\n"
        "deb http://mirror.example/debian/ trixie-updates main\n"
        "deb http://mirror.example/security/ trixie-security main\n"
    )
    assert sources("Debian file:/srv/mirror", "sid").splitlines()[0] == "deb file:/srv/mirror sid main"


def test_without_a_source_of_debian_s_there_is_no_root() -> None:
    with pytest.raises(FreshError, match="None of this machine's apt sources is Debian's"):
        sources("Ubuntu http://mirror.example/ubuntu/\n", "bookworm")


def test_pip_is_told_what_it_is_told_here(tmp_path: Path) -> None:
    (tmp_path / "index" / "simple").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "caps.txt").touch()
    settings = settings_of(
        f":env:.find-links='{tmp_path}/wheels'\n"
        f"global.constraint='{tmp_path}/caps.txt'\n"
        f"global.extra-index-url='\\nfile://{tmp_path}/index/simple\\nhttps://two.example/simple'\n"
        "global.find-links='/elsewhere'\n"
    )
    assert settings.conf.splitlines() == [
        "[global]",
        f"constraint = {tmp_path}/caps.txt",
        f"extra-index-url =  file://{tmp_path}/index/simple https://two.example/simple",
        f"find-links = {tmp_path}/wheels",
    ]
    assert settings.files == (tmp_path / "caps.txt",)
    assert settings.folders == (tmp_path / "index", tmp_path / "wheels")


def test_a_pip_that_was_told_nothing() -> None:
    assert settings_of("") == settings_of("\n")
    assert settings_of("").conf == "[global]\n"
