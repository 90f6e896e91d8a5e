"""An entry of clouds.yaml works, or one sentence says why it cannot, and shows nobody's secret."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kb_tests.cloud import config
from kb_tests.errors import CloudAccessError

SECRET = "s3cret-7f"
AUTH = {
    "auth_url": "https://cloud.example:5000/v3",
    "username": "me",
    "password": SECRET,
    "project_name": "mine",
    "user_domain_name": "Default",
    "project_domain_name": "Default",
}
GOOD: dict[str, Any] = {"auth": AUTH, "region_name": "RegionOne"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of this machine's user gets in."""
    monkeypatch.setattr(config, "CONFIG_FILES", [str(tmp_path / "clouds.yaml")])
    monkeypatch.setattr(config, "SECURE_FILES", [str(tmp_path / "secure.yaml")])
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE", raising=False)


def written(folder: Path, entry: object, name: str = "mine") -> Path:
    path = folder / "clouds.yaml"
    path.write_text(yaml.safe_dump({"clouds": {name: entry, "other": GOOD}}))
    return path


def refused(path: Path, name: str = "mine") -> str:
    with pytest.raises(CloudAccessError) as error:
        config.read(name, path)
    text = str(error.value)
    assert text.isprintable()
    assert SECRET not in text
    return text.replace(str(path), "clouds.yaml")


def without(*keys: str) -> dict[str, Any]:
    return {"auth": {key: value for key, value in AUTH.items() if key not in keys}}


STANDS = "Cloud 'mine' cannot work as it stands in clouds.yaml: "


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (
            without("password"),
            "password is missing under auth. Horizon's download leaves the password out: add it",
        ),
        (without("username", "password"), "username and password are missing under auth."),
        (without("auth_url"), "auth_url is missing under auth."),
        (None, "it has to be a mapping of keys"),
        ({}, "auth_url is missing under auth."),
        ("secret", "it has to be a mapping of keys"),
        ([GOOD], "it has to be a mapping of keys"),
        ({"auth": None}, "auth has to be a mapping of keys"),
        ({"auth": [AUTH]}, "auth has to be a mapping of keys"),
        ({"auth": SECRET}, "auth has to be a mapping of keys"),
        ({"auth": AUTH | {"password": None}}, "password under auth has to be a text"),
        (
            {"auth": AUTH | {"password": 12345}},
            "password under auth has to be a text; put a number into quotes.",
        ),
        ({"auth": AUTH | {"password": {SECRET: 1}}}, "password under auth has to be a text"),
        ({"auth": AUTH | {"passwort": SECRET}}, "auth_type password knows no passwort under auth."),
        ({"auth": AUTH, "auth_type": "v3passwort"}, "there is no auth_type 'v3passwort'."),
        ({"auth": AUTH, "auth_type": ["password"]}, "auth_type has to be a text."),
        (
            {
                "auth": {"auth_url": "x", "application_credential_id": "a"},
                "auth_type": "v3applicationcredential",
            },
            "You must provide an auth secret.",
        ),
        (
            {
                "auth": {
                    "auth_url": "x",
                    "application_credential_id": "a",
                    "application_credential_secret": SECRET,
                }
            },
            "auth_type password knows no application_credential_id and no application_credential_secret "
            "under auth. Give auth_type: v3applicationcredential.",
        ),
        (GOOD | {"api_timeout": "soon"}, "api_timeout has to be a number of seconds."),
        (GOOD | {"cacert": "/nonexistent/ca.pem"}, "its cacert names no file that can be read here."),
        (GOOD | {"cacert": 5}, "cacert has to be a text."),
        (GOOD | {"verify": "perhaps"}, "verify has to be true or false."),
        (GOOD | {"interface": {"public": True}}, "interface has to be public, internal or admin."),
        (GOOD | {"region_name": {"a": 1}}, "region_name has to be a text."),
        ({"auth": AUTH, "regions": "RegionOne"}, "regions has to be a list"),
        ({"auth": AUTH, "regions": [None]}, "regions has to be a list"),
        ({"auth": AUTH, "regions": [{"values": {}}]}, "regions has to be a list"),
    ],
)
def test_what_cannot_work(tmp_path: Path, entry: object, why: str) -> None:
    text = refused(written(tmp_path, entry))
    assert text.startswith(STANDS + why), text


def test_what_one_file_leaves_out_another_may_have(tmp_path: Path) -> None:
    path = written(tmp_path, without("password"))
    (tmp_path / "secure.yaml").write_text(
        yaml.safe_dump({"clouds": {"mine": {"auth": {"password": SECRET}}}})
    )
    assert config.read("mine", path).config["auth"]["password"] == SECRET


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("clouds: [", "is no YAML, see line 1."),
        (f"clouds:\n  mine: {{auth: {{password: {SECRET}]", "is no YAML, see line 2."),
        ("", "has no mapping `clouds`."),
        ("- mine", "has no mapping `clouds`."),
        ("clouds: null", "has no mapping `clouds`."),
        ("mine: {}", "has no mapping `clouds`."),
        ("clouds: {mine: 2024-13-41}", "is no YAML."),
        ("clouds: !!python/object:os.system {}", "is no YAML, see line 1."),
        ("clouds: {other: {}, zz: {}}", "has other, zz."),
        ("\0", "is no YAML"),
    ],
)
def test_a_file_that_says_nothing_of_it(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(content)
    assert why in refused(path)


def test_where_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CloudAccessError) as error:
        config.read("mine")
    assert "there is no clouds.yaml in" in str(error.value)
    assert "Horizon offers one under API Access" in str(error.value)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "mistyped.yaml"))
    with pytest.raises(
        CloudAccessError, match=r"OS_CLIENT_CONFIG_FILE names .*mistyped.yaml, and there is no such"
    ):
        config.read("mine")


REGIONS = {"auth": AUTH, "regions": ["north", {"name": "south", "values": {"interface": "internal"}}]}


@pytest.mark.parametrize(
    ("entry", "name", "region"),
    [
        (GOOD, "mine", "RegionOne"),
        ({"auth": AUTH}, "mine", None),
        ({"auth": AUTH}, "mine:west", "west"),
        (GOOD, "mine:RegionOne", "RegionOne"),
        (REGIONS, "mine:north", "north"),
        (REGIONS, "mine:south", "south"),
        (REGIONS | {"region_name": "south"}, "mine", "south"),
        ({"auth": AUTH, "regions": ["north"]}, "mine", "north"),
        ({"auth": AUTH, "region_name": "north,south"}, "mine:south", "south"),
        ({"auth": AUTH, "region_name": ["north", "south"]}, "mine:south", "south"),
    ],
)
def test_the_region_that_is_meant(tmp_path: Path, entry: object, name: str, region: str | None) -> None:
    found = config.read(name, written(tmp_path, entry))
    assert (found.get_region_name() or None) == region
    assert found.get_interface() == ("internal" if region == "south" and "values" in str(entry) else "public")


def test_which_region_is_not_guessed(tmp_path: Path) -> None:
    path = written(tmp_path, REGIONS)
    assert refused(path) == (
        "Cloud 'mine' has the regions north, south in clouds.yaml. "
        "Name the one that is meant, such as mine:north."
    )
    assert refused(path, "mine:west") == (
        "Cloud 'mine:west' cannot work as it stands in clouds.yaml: "
        "it has no region 'west', but north, south."
    )
    assert "is unknown: clouds.yaml has mine, other." in refused(path, "yours:north")


def test_a_name_may_have_a_colon(tmp_path: Path) -> None:
    assert config.read("a:b", written(tmp_path, GOOD, name="a:b")).get_region_name() == "RegionOne"


SIGNING_IN = ["auth_url", "username", "user_id", "password", "project_name", "project_id", "token", "methods"]
SETTINGS = [
    "region_name",
    "interface",
    "verify",
    "cacert",
    "cert",
    "key",
    "profile",
    "api_timeout",
    "metrics",
]
OTHERS = ["force_ipv4", "identity_api_version", "networks", "cache", "compute_endpoint_override", "x"]
KEYS = st.sampled_from(["auth", "auth_type", "regions", *SIGNING_IN, *SETTINGS, *OTHERS])
WORDS = st.sampled_from(
    ["", "x", SECRET, "{", "{x}", "password", "v3password", "v3token", "none", "http://[", "3", "latest"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 4), st.floats(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=8,
)


@given(st.one_of(VALUES, st.dictionaries(KEYS, VALUES).map(lambda more: GOOD | more)))
def test_any_entry_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, entry: object
) -> None:
    path = written(tmp_path_factory.mktemp("wild"), entry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = ""
        try:
            assert config.read("mine", path).get_auth() is not None
        except CloudAccessError as error:
            said = str(error)
        assert said.isprintable()
        assert SECRET not in said
