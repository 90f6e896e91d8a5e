"""What the person running the suite may choose about staging, beside the scenario."""

from __future__ import annotations

from dataclasses import dataclass

MOST_SERVERS = 500
"""Servers of one scenario, proxies included, unless more are allowed: a digit too many costs money."""


@dataclass(frozen=True)
class StageOptions:
    """Options of one staging; names are names or ids.

    `external_network`: default is the only one there is. `flavor`: an existing one in place of one
    made for the run (with own projects) or chosen by need (without). `own_projects`: stage in
    projects of the run's own, which takes the admin role; None means where the rights suffice.
    `network`, `router`: existing ones, used as they are (see `existing.adopt`).
    `packages`: servers install what their image lacks, for which all of them get a way out, and
    `nameservers` where the cloud has none of its own.
    `public_key`: an OpenSSH public key for every server's keypair. `floating_ip`: False where the
    proxy's fixed address can be reached directly or through `proxy_command` (ssh_config(5)).
    `ssh_port`: where the proxy's SSH, port 22 of its own, is reached from here; None means as the
    cloud says.
    `deadline`: seconds that the whole staging may take. `max_servers`: a guard, proxy included.
    """

    image: str = "kb-node"
    external_network: str = ""
    flavor: str = ""
    own_projects: bool | None = None
    network: str = ""
    router: str = ""
    packages: bool = False
    nameservers: tuple[str, ...] = ()
    public_key: str = ""
    floating_ip: bool = True
    ssh_port: int | None = None
    redis_port: int = 6379
    proxy_command: str = ""
    availability_zone: str = ""
    config_drive: bool = False
    concurrency: int = 12
    deadline: float = 900.0
    max_servers: int | None = None
