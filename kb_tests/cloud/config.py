"""What clouds.yaml says of one cloud: that entry alone, and nothing of the shell's environment.

A cloud is named by its entry or, where the entry lists several regions, as NAME:REGION.
"""

from __future__ import annotations

import contextlib
import copy
import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from keystoneauth1 import exceptions as ksa
from keystoneauth1 import loading
from keystoneauth1.identity import generic
from keystoneauth1.plugin import BaseAuthPlugin
from openstack import exceptions as sdk
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion
from openstack.config.loader import CONFIG_FILES, SECURE_FILES
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kb_tests.cloud.calls import said
from kb_tests.errors import CloudAccessError

API_TIMEOUT = 60.0
"""Seconds without an answer after which a call has failed, unless clouds.yaml says otherwise."""

NAMED_FILE = "OS_CLIENT_CONFIG_FILE"
NAMED_SECRETS = "OS_CLIENT_SECURE_FILE"

_WHERE = (
    "Horizon offers one under API Access, Download OpenStack RC File, OpenStack clouds.yaml File; "
    f"put it into the working directory or ~/.config/openstack, or name it by {NAMED_FILE}."
)
_SCOPE = frozenset(
    {
        "project_id",
        "project_name",
        "project_domain_id",
        "project_domain_name",
        "tenant_id",
        "tenant_name",
        "domain_id",
        "domain_name",
        "system_scope",
        "trust_id",
    }
)
_PASSWORDS = frozenset({"password", "v3password"})
_WARNINGS = threading.Lock()


_Interface = Literal["public", "internal", "admin", "publicURL", "internalURL", "adminURL"]


class _Region(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    values: dict[str, Any] = {}


class _Entry(BaseModel):
    """The keys that decide how we sign in; there are many more, of which OpenStack clients know some."""

    model_config = ConfigDict(extra="allow", strict=True)

    auth: dict[str, str | list[str]] = {}
    auth_type: str | None = None
    region_name: str | list[str] | None = None
    regions: list[str | _Region] | None = None
    interface: _Interface | list[_Interface] | None = None
    verify: bool | None = None
    insecure: bool | None = None
    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    profile: str | None = None
    api_timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)


def read(name: str, clouds_yaml: str | Path | None = None) -> CloudRegion:
    """What is needed to sign in to cloud `name` of the given clouds.yaml, or of the one that is found where
    OpenStack clients look.

    Raises CloudAccessError, in one sentence and without secrets, for an unknown name and for an entry that
    cannot work.
    """
    path = _found(name, clouds_yaml)
    entries = _entries(name, path)
    entry, region = _split(name, entries)
    if entry not in entries:
        raise CloudAccessError(f"Cloud {name!r} is unknown: {path} has {_listed(entries)}.")
    where = f"Cloud {name!r} cannot work as it stands in {path}:"
    _check(where, entries[entry])
    try:
        with sdk_warnings_ignored():
            loader = OpenStackConfig(
                config_files=[str(path)], secure_files=_secure_files(), load_envvars=False
            )
            # A key without a value is as good as none; some of them would be read.
            settings = loader.cloud_config["clouds"][entry]
            for key in [key for key, value in settings.items() if value is None]:
                del settings[key]
            found = loader.get_one(entry, region_name=_region(where, name, entry, region, entries[entry]))
    except ksa.MissingRequiredOptions as error:
        missing = " and ".join(sorted(str(option.dest) for option in error.options))
        raise CloudAccessError(
            f"{where} {missing} is missing under auth.", remedy=_completing(missing)
        ) from None
    except ksa.NoMatchingPlugin as error:
        raise CloudAccessError(f"{where} there is no auth_type {error.name!r}.") from None
    except (ksa.ClientException, sdk.SDKException) as error:
        raise CloudAccessError(f"{where} {said(error)}") from error
    except CloudAccessError:
        raise
    except Exception as error:  # what libraries make of any mapping whatever; its text may hold a secret
        raise CloudAccessError(f"{where} {_suspects(entries[entry], error)}") from error
    kind, auth = str(found.config["auth_type"]), found.config["auth"]
    if kind in _PASSWORDS:
        _require(where, auth)
    found.config["api_timeout"] = float(found.config.get("api_timeout") or API_TIMEOUT)
    # Anew, without the file's sections for caches and metrics.
    return _region_of(found, kind, auth, found.get_auth())


def as_user(region: CloudRegion, auth_url: str, user_id: str, password: str, project_id: str) -> CloudRegion:
    """The same cloud for another user, who signs in with a password, however the entry's own one does."""
    plugin = generic.Password(auth_url, user_id=user_id, password=password, project_id=project_id)
    auth = {"auth_url": auth_url, "user_id": user_id, "password": password, "project_id": project_id}
    return _region_of(region, "password", auth, plugin)


def in_project(region: CloudRegion, project_id: str) -> CloudRegion:
    """The same cloud for the same user in another project."""
    kind, auth = str(region.config["auth_type"]), region.config["auth"]
    auth = {key: value for key, value in auth.items() if key not in _SCOPE} | {"project_id": project_id}
    return _region_of(region, kind, auth, loading.get_plugin_loader(kind).load_from_options(**auth))


def _region_of(
    region: CloudRegion, kind: str, auth: dict[str, Any], plugin: BaseAuthPlugin | None
) -> CloudRegion:
    config = copy.deepcopy(region.config) | {"auth_type": kind, "auth": auth}
    with sdk_warnings_ignored():
        made = CloudRegion(
            name=region.name,
            region_name=region.config.get("region_name"),
            config=config,
            force_ipv4=region.force_ipv4,
            auth_plugin=plugin,
        )
    # What is known of the versions of its APIs is the same for every user, and need be asked once. Given to
    # the constructor, an empty one would be lost: it takes that for none.
    known = getattr(region, "_discovery_cache", None)
    made._discovery_cache = {} if known is None else known  # noqa: SLF001 - it has no other way in
    return made


@contextlib.contextmanager
def sdk_warnings_ignored() -> Iterator[None]:
    """Without the warning of InfluxDB's end that openstacksdk 4.22 gives whether or not it is used."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _found(name: str, clouds_yaml: str | Path | None) -> Path:
    if clouds_yaml is not None:
        if Path(clouds_yaml).is_file():
            return Path(clouds_yaml)
        raise CloudAccessError(f"There is no file {clouds_yaml} to look up cloud {name!r} in.")
    if named := os.environ.get(NAMED_FILE):
        if Path(named).is_file():
            return Path(named)
        raise CloudAccessError(
            f"Cloud {name!r} cannot be looked up: {NAMED_FILE} names {named}, and there is no such file.",
            remedy=f"Correct {NAMED_FILE}, or unset it, so that the usual folders are looked into.",
        )
    candidates = [Path(path) for path in CONFIG_FILES]
    for path in candidates:
        if path.is_file():
            return path
    folders = ", ".join(dict.fromkeys(str(path.parent) for path in candidates))
    raise CloudAccessError(f"Cloud {name!r} is unknown: there is no clouds.yaml in {folders}.", remedy=_WHERE)


def _secure_files() -> list[str]:
    named = os.environ.get(NAMED_SECRETS)
    return [named, *SECURE_FILES] if named else list(SECURE_FILES)


def _entries(name: str, path: Path) -> Mapping[str, Any]:
    """Those of the file. Of what YAML says of its mistakes only the line is told: it may quote secrets."""
    why = f"Cloud {name!r} cannot be looked up:"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CloudAccessError(f"{why} {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CloudAccessError(f"{why} {path} is no text.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", see line {mark.line + 1}" if mark else ""
        raise CloudAccessError(f"{why} {path} is no YAML{line}.") from None
    except (ValueError, RecursionError):  # such as a date of month 13
        raise CloudAccessError(f"{why} {path} is no YAML.") from None
    clouds = content.get("clouds") if isinstance(content, dict) else None
    if not isinstance(clouds, dict):
        raise CloudAccessError(f"{why} {path} has no mapping `clouds`.")
    return {str(key): value for key, value in clouds.items()}


def _split(name: str, entries: Mapping[str, Any]) -> tuple[str, str]:
    """Entry and region; an entry may have a colon in its name."""
    entry, colon, region = name.rpartition(":")
    return (entry, region) if colon and name not in entries else (name, "")


def _listed(entries: Mapping[str, Any]) -> str:
    return ", ".join(sorted(entries)) or "no clouds"


def _check(where: str, entry: Any) -> None:
    """What libraries would stumble at, or take for something else."""
    try:
        _Entry.model_validate(entry)
    except ValidationError as error:
        place = tuple(str(key) for key in error.errors(include_input=False, include_url=False)[0]["loc"])
        raise CloudAccessError(f"{where} {_should_be(place)}.") from None
    for key in ("cacert", "cert", "key"):
        file = entry.get(key)
        if file and not os.access(Path(file).expanduser(), os.R_OK):
            raise CloudAccessError(f"{where} its {key} names no file that can be read here.")


def _should_be(place: tuple[str, ...]) -> str:
    match place:
        case ():
            return "it has to be a mapping of keys, such as auth and region_name"
        case ("auth",):
            return "auth has to be a mapping of keys, such as auth_url and username"
        case ("auth", key, *_):
            return f"{key} under auth has to be a text; put a number into quotes"
        case ("regions", *_):
            return "regions has to be a list of names, or of mappings with a name and perhaps values"
        case ("interface", *_):
            return "interface has to be public, internal or admin"
        case ("verify" | "insecure" as key, *_):
            return f"{key} has to be true or false"
        case ("api_timeout", *_):
            return "api_timeout has to be a number of seconds"
        case _:
            return f"{place[0]} has to be a text"


def _region(where: str, name: str, entry: str, wanted: str, settings: dict[str, Any]) -> str:
    """The one region to use; "" leaves it to the catalog."""
    listed, single = settings.get("regions"), settings.get("region_name")
    found = listed or (single.split(",") if isinstance(single, str) else single) or []
    names = [str(each["name"]) if isinstance(each, dict) else str(each) for each in found]
    if wanted and names and wanted not in names:
        raise CloudAccessError(f"{where} it has no region {wanted!r}, but {', '.join(names)}.")
    if wanted:
        return wanted
    if isinstance(single, str) and single in names:
        return single
    if len(names) > 1:
        raise CloudAccessError(
            f"Cloud {name!r} has the regions {', '.join(names)} in clouds.yaml.",
            remedy=f"Name the one that is meant, such as {entry}:{names[0]}.",
        )
    return names[0] if names else ""


def _require(where: str, auth: Mapping[str, Any]) -> None:
    """What keystoneauth notices too late, and says in no class of its own."""
    missing = [] if auth.get("username") or auth.get("user_id") else ["username"]
    missing += [] if auth.get("password") else ["password"]
    if missing:
        names = " and ".join(missing)
        verb = "are" if len(missing) > 1 else "is"
        raise CloudAccessError(f"{where} {names} {verb} missing under auth.", remedy=_completing(names))


def _completing(missing: str) -> str:
    if "password" in missing:
        return (
            "Horizon's download leaves the password out: add it there, or in a secure.yaml beside it, which "
            "has the same keys."
        )
    return "Complete it; `auth_type` says which keys are needed."


def _suspects(entry: dict[str, Any], error: Exception) -> str:
    """What is likely to be wrong with an entry that a library could not use."""
    auth, kind = entry.get("auth") or {}, str(entry.get("auth_type") or "password")
    with contextlib.suppress(Exception):
        options = loading.get_plugin_loader(kind).get_options()
        known = {each.dest for option in options for each in (option, *option.deprecated)}
        if unknown := sorted(str(key) for key in auth if key not in known):
            other = [key for key in unknown if key.startswith("application_credential")]
            hint = " Give auth_type: v3applicationcredential." if other else ""
            return f"auth_type {kind} knows no {' and no '.join(unknown)} under auth.{hint}"
    return f"its keys do not make a way to sign in ({type(error).__name__})."
