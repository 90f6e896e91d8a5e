"""A client of the cloud's own API: the request log, the settings and the faults. Standard library only."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from email.message import Message
from typing import Any
from urllib.parse import urlencode

from kb_tests.localcloud.api.requestlog import SPARED_AGENT
from kb_tests.localcloud.control import LocalCloudError, Running

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy can reach this machine's 127.0.0.1."""

_UNAUTHORIZED = 401


class _TokenEndedError(LocalCloudError):
    """Whoever signs in again may ask again."""


class AdminClient:
    """As the administrator of a running cloud, or of one of its regions.

    Raises:
        LocalCloudError: the cloud does not answer, or says no; the message is its own.

    """

    def __init__(self, running: Running, region: str | None = None) -> None:
        self._url = running.url
        auth = json.loads(running.clouds_yaml.read_text())["clouds"][running.cloud]["auth"]
        user = {"name": auth["username"], "password": auth["password"], "domain": {"id": "default"}}
        self._sign_in_body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": auth["project_name"], "domain": {"id": "default"}}},
            }
        }
        self._identity = running.url
        self._token = self._signed_in()
        if region is not None:
            if region not in running.regions:
                raise LocalCloudError(f"There is no region {region}: there are {', '.join(running.regions)}.")
            self._url = running.regions[region]

    def get(self, path: str) -> dict[str, Any]:
        """What any call of any service answers to the administrator, whatever faults are set."""
        return self._ask("GET", path)

    def requests(
        self, since: int = 0, *, method: str | None = None, path: str | None = None
    ) -> list[dict[str, Any]]:
        """The entries of the request log from number `since` on, perhaps of one method, and with `path` in
        their path: see `api.requestlog.Entry`.
        """
        wanted = {"since": since, "method": method, "path": path}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        found: list[dict[str, Any]] = self._ask("GET", f"/admin/requests?{query}")["requests"]
        return found

    def settings(self) -> dict[str, str]:
        """What the cloud's operator chose: see `settings.Settings`."""
        found: dict[str, str] = self._ask("GET", "/admin/settings")["settings"]
        return found

    def set(self, **values: str) -> None:
        """Choose otherwise, with `_` for `-` in names: what was made before stays as it is."""
        settings = {name.replace("_", "-"): value for name, value in values.items()}
        self._ask("PUT", "/admin/settings", {"settings": settings})

    def add_fault(self, kind: str, **values: object) -> str:
        """Set a fault; the values are those of `faults.Fault`. Returns its id."""
        answer = self._ask("POST", "/admin/faults", {"fault": {"kind": kind, **values}})
        return str(answer["fault"]["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Those that are set."""
        found: list[dict[str, Any]] = self._ask("GET", "/admin/faults")["faults"]
        return found

    def clear_faults(self) -> None:
        """Set none, and undo what was done to servers and volumes."""
        self._ask("DELETE", "/admin/faults")
        self.end_harms()

    def servers(self) -> list[dict[str, Any]]:
        """All servers of all projects: see `harm.api.list_servers`."""
        found: list[dict[str, Any]] = self._ask("GET", "/admin/servers")["servers"]
        return found

    def harms(self) -> list[dict[str, Any]]:
        """What is wrong on request just now with servers and volumes."""
        found: list[dict[str, Any]] = self._ask("GET", "/admin/harms")["harms"]
        return found

    def harm_server(self, server: str, kind: str, **values: object) -> list[str]:
        """Let a running server, given by its id, its name or a pattern that only its name has, `crash`,
        `freeze`, lose its network (`cut`) and so on: `harm.servers` has the kinds and their values. Returns
        the names of those harmed.
        """
        return self._harm("servers", {"server": server, "kind": kind, **values})

    def harm_servers(self, pattern: str, kind: str, **values: object) -> list[str]:
        """`harm_server` for all whose names have a pattern."""
        return self._harm("servers", {"server": pattern, "all": True, "kind": kind, **values})

    def harm_host(self, host: str, kind: str, **values: object) -> list[str]:
        """`harm_server` for all that run on a host."""
        return self._harm("servers", {"host": host, "kind": kind, **values})

    def harm_volume(self, volume: str, kind: str, **values: object) -> list[str]:
        """Let an attached volume, given by its id or name, be `slow` or `full`: `harm.volumes` has the
        values. Those left out end it.
        """
        return self._harm("volumes", {"volume": volume, "kind": kind, **values})

    def _harm(self, of: str, harm: dict[str, object]) -> list[str]:
        harmed = self._ask("POST", f"/admin/harms/{of}", {"harm": harm})["harmed"]
        return [each["name"] or each["id"] for each in harmed]

    def end_harms(self, *, server: str | None = None, volume: str | None = None) -> None:
        """Undo what was done to a server (or those of a pattern), to a volume, or to all."""
        chosen = {
            name: value for name, value in (("server", server), ("volume", volume)) if value is not None
        }
        self._ask("DELETE", f"/admin/harms?{urlencode(chosen)}")

    def _signed_in(self) -> str:
        _, headers = self._send("POST", f"{self._identity}/identity/v3/auth/tokens", self._sign_in_body, None)
        return str(headers["X-Subject-Token"])

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        try:
            answer, _ = self._send(method, self._url + path, body, self._token)
        except _TokenEndedError:
            self._token = self._signed_in()
            answer, _ = self._send(method, self._url + path, body, self._token)
        return answer

    def _send(self, method: str, url: str, body: object, token: str | None) -> tuple[dict[str, Any], Message]:
        headers = {"Content-Type": "application/json", "User-Agent": SPARED_AGENT}
        if token is not None:
            headers["X-Auth-Token"] = token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own
        try:
            with _OPENER.open(request, timeout=30) as response:
                raw = response.read()
                return (json.loads(raw) if raw else {}), response.headers
        except urllib.error.HTTPError as error:
            kind = _TokenEndedError if token is not None and error.code == _UNAUTHORIZED else LocalCloudError
            raise kind(_message(error.read(), error.code)) from None
        except OSError as error:
            raise LocalCloudError(f"The local cloud at {self._url} does not answer: {error}.") from None


def _message(raw: bytes, code: int) -> str:
    try:
        return str(json.loads(raw)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The local cloud answered {code}."
