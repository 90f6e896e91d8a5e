"""user_data: what each server does at its first boot, as a `#!` script.

The script asks little of the image: cloud-init, or anything else that runs it as root; with or
without systemd; python3 for agents, nginx for HTTP servers, sshd and Redis 7 (or Valkey) for the proxy.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources

from kb_tests.agent import protocol
from kb_tests.cloud.topology import Role
from kb_tests.errors import FleetError
from kb_tests.fleet import bundle
from kb_tests.fleet.secrets import Secrets

MAX_USER_DATA = 49_149
"""Bytes; Nova allows 65,535 after base64."""

SSH_USER = "kb"
CONTROLLER = "controller"
AGENT = "agent"
REDIS_PORT = 6379
HTTP_PORT = 80

_COMMON = "resetchannels resetkeys -@all +auth +ping +time +xadd +xread"


PACKAGES = {
    Role.PROXY: ("sshd=openssh-server", "ssh-keyscan=openssh-client", "redis-server=redis"),
    Role.SERVER: ("python3=python3", "nginx=nginx"),
    Role.CLIENT: ("python3=python3",),
    Role.STORAGE: ("python3=python3", "fio=fio", "mkfs.ext4=e2fsprogs", "mkfs.xfs=xfsprogs"),
}
"""What each role needs: COMMAND=PACKAGE, by names that Debian, Ubuntu and Fedora share for the most part."""


def user_data(role: Role, run_id: str, redis_host: str, secrets: Secrets, *, packages: bool = False) -> str:
    """The boot script of one role; `redis_host` is the proxy's fixed address. With `packages` it installs
    what its image lacks.

    Raises FleetError when it is larger than Nova takes.
    """
    if role is Role.PROXY:
        script = _proxy(run_id, redis_host, secrets, packages)
    else:
        script = _agent(role, run_id, redis_host, secrets, packages)
    size = len(script.encode())
    if size > MAX_USER_DATA:
        raise FleetError(
            f"The user_data of role {role} has {size} bytes; Nova takes {MAX_USER_DATA}.",
            remedy="The agent's sources have grown too large.",
        )
    return script


def acl(run_id: str, secrets: Secrets) -> str:
    """The Redis ACL file: passwords as SHA-256, nobody but our two users."""
    commands, one, engines, reports = (
        protocol.commands_key(run_id),
        protocol.agent_key(run_id, "*"),
        protocol.engine_key(run_id, "*"),
        protocol.reports_key(run_id),
    )
    every = f"~{protocol.commands_key(run_id).removesuffix('commands')}*"
    return "\n".join(
        (
            "user default off resetchannels -@all",
            f"user {CONTROLLER} on {_hash(secrets.controller_password)} {_COMMON} {every} +xtrim +del +info",
            f"user {AGENT} on {_hash(secrets.agent_password)} {_COMMON}"
            f" %R~{commands} %R~{one} %R~{engines} %W~{reports}",
        )
    )


def redis_conf(redis_host: str, port: int = REDIS_PORT, acl_file: str = "users.acl") -> str:
    """redis.conf but for `maxmemory`: no disk, bounded messages and buffers, many clients."""
    return "\n".join(
        (
            f"bind {redis_host}",
            f"port {port}",
            "protected-mode no",
            f"aclfile {acl_file}",
            "daemonize no",
            'save ""',
            "appendonly no",
            "maxmemory-policy noeviction",
            "maxclients 65000",
            "tcp-backlog 4096",
            "tcp-keepalive 30",
            "timeout 0",
            "proto-max-bulk-len 2mb",
            "client-query-buffer-limit 4mb",
            "client-output-buffer-limit normal 128mb 0 0",
            'logfile ""',
        )
    )


def agent_config(role: Role, run_id: str, redis_host: str, secrets: Secrets) -> dict[str, object]:
    """What `kb_tests.agent.main.Config` reads."""
    return {
        "run": run_id,
        "role": str(role),
        "host": redis_host,
        "port": REDIS_PORT,
        "user": AGENT,
        "password": secrets.agent_password,
        "folder": "/var/lib/kb-nginx",
        "listen": str(HTTP_PORT),
        "engines": {name: bundle.digest(packed) for name, packed in bundle.engines().items()},
    }


def _agent(role: Role, run_id: str, redis_host: str, secrets: Secrets, packages: bool) -> str:
    return _fill(
        "agent.sh",
        run=run_id,
        role=str(role),
        packages=_packages(role) if packages else "",
        unpack=_unpack(role, json.dumps(agent_config(role, run_id, redis_host, secrets))),
    )


def _unpack(role: Role, config: str) -> str:
    """The program of `kb_tests.agent.unpack` with its data in place."""
    program = bundle.without_docstrings((resources.files("kb_tests.agent") / "unpack.py").read_text("utf-8"))
    values = {"config": config, "bundle": base64.b64encode(bundle.packed(role)).decode("ascii")}
    return re.sub(r'"@([a-z]+)@"', lambda match: repr(values[match[1]]), program).strip()


def _proxy(run_id: str, redis_host: str, secrets: Secrets, packages: bool) -> str:
    options = f'restrict,port-forwarding,permitopen="{redis_host}:{REDIS_PORT}"'
    return _fill(
        "proxy.sh",
        run=run_id,
        user=SSH_USER,
        packages=_packages(Role.PROXY) if packages else "",
        host_key=secrets.host.private.strip(),
        host_public=secrets.host.public,
        authorized=f"{options} {secrets.client.public}",
        acl=acl(run_id, secrets),
        redis_conf=redis_conf(redis_host),
    )


def _packages(role: Role) -> str:
    return _fill("packages.sh", wanted=" ".join(PACKAGES[role]))


def _fill(template: str, **values: str) -> str:
    text = (resources.files(__package__) / template).read_text("utf-8")
    return re.sub(r"@([a-z_]+)@", lambda match: values[match[1]], text)


def _hash(password: str) -> str:
    return "#" + hashlib.sha256(password.encode()).hexdigest()
