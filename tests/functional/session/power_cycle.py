"""What an operator's script may be: powers a server off by Nova's API, and on again after so many seconds."""

# ruff: noqa: T201 - a program prints

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from typing import Any

import yaml


def post(url: str, body: object, token: str = "") -> Any:
    """The answer to a POST."""
    headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    return urllib.request.urlopen(request, timeout=10)


def main(server: str, seconds: str) -> None:
    """As the user that clouds.yaml names for the cloud under test."""
    with open(os.environ["OS_CLIENT_CONFIG_FILE"], encoding="utf-8") as file:  # noqa: PTH123
        auth = yaml.safe_load(file)["clouds"][os.environ["OS_CLOUD"]]["auth"]
    user = {"name": auth["username"], "domain": {"id": "default"}, "password": auth["password"]}
    scope = {"project": {"name": auth["project_name"], "domain": {"id": "default"}}}
    identity = {"methods": ["password"], "password": {"user": user}}
    answer = post(
        f"{auth['auth_url'].removesuffix('/v3')}/v3/auth/tokens",
        {"auth": {"identity": identity, "scope": scope}},
    )
    token = answer.headers["X-Subject-Token"]
    (compute,) = (each for each in json.load(answer)["token"]["catalog"] if each["type"] == "compute")
    action = f"{compute['endpoints'][0]['url']}/servers/{server}/action"
    post(action, {"os-stop": None}, token)
    time.sleep(float(seconds))
    post(action, {"os-start": None}, token)
    print(f"{server} was off for {seconds} s")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
