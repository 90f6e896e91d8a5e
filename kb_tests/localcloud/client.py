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


class AdminClient:
    """As the administrator of a running cloud, or of one of its regions.

    Raises:
        LocalCloudError: the cloud does not answer, or says no; the message is its own.

    """

    def __init__(self, running: Running, region: str | None = None) -> None:
        self._url = running.url
        auth = json.loads(running.clouds_yaml.read_text())["clouds"][running.cloud]["auth"]
        user = {"name": auth["username"], "password": auth["password"], "domain": {"id": "default"}}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": auth["project_name"], "domain": {"id": "default"}}},
            }
        }
        _, headers = self._send("POST", "/identity/v3/auth/tokens", body, None)
        self._token = headers["X-Subject-Token"]
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
        """Set none."""
        self._ask("DELETE", "/admin/faults")

    def harm_server(self, server_id: str, kind: str, **values: float) -> None:
        """Let a running server `crash`, `freeze`, lose its network (`cut`) or have a bad one (`link`): see
        `harm.harm_server` for the values.
        """
        self._ask("POST", f"/admin/servers/{server_id}/faults", {"fault": {"kind": kind, **values}})

    def harm_volume(self, volume_id: str, kind: str, **values: int) -> None:
        """Let an attached volume be `slow` or `full`: see `harm.harm_volume` for the values."""
        self._ask("POST", f"/admin/volumes/{volume_id}/faults", {"fault": {"kind": kind, **values}})

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer, _ = self._send(method, path, body, self._token)
        return answer

    def _send(
        self, method: str, path: str, body: object, token: str | None
    ) -> tuple[dict[str, Any], Message]:
        headers = {"Content-Type": "application/json", "User-Agent": SPARED_AGENT}
        if token is not None:
            headers["X-Auth-Token"] = token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - our own
        try:
            with _OPENER.open(request, timeout=30) as response:
                raw = response.read()
                return (json.loads(raw) if raw else {}), response.headers
        except urllib.error.HTTPError as error:
            raise LocalCloudError(_message(error.read(), error.code)) from None
        except OSError as error:
            raise LocalCloudError(f"The local cloud at {self._url} does not answer: {error}.") from None


def _message(raw: bytes, code: int) -> str:
    try:
        return str(json.loads(raw)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The local cloud answered {code}."
