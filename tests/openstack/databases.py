"""The databases, and what each service puts into its own before it can start."""

from __future__ import annotations

from tests.openstack.box import Box
from tests.openstack.config.common import REGION
from tests.openstack.config.infrastructure import SOCKET
from tests.openstack.settings import Settings

_DATABASES = {
    "keystone": ("keystone",),
    "glance": ("glance",),
    "placement": ("placement",),
    "nova": ("nova", "nova_api", "nova_cell0"),
    "neutron": ("neutron",),
    "cinder": ("cinder",),
}
"""By user."""


def install(box: Box, settings: Settings) -> None:
    """The tables of MariaDB itself, before it starts."""
    options = f"--defaults-file={settings.etc / 'my.cnf'}"
    install = ("mariadb-install-db", options, "--user=mysql", "--skip-test-db")
    box.run(*install, "--auth-root-authentication-method=socket", log="setup-mariadb")


def create(box: Box, settings: Settings) -> None:
    """All databases, empty, each with a user of its own."""
    statements = []
    for user, names in _DATABASES.items():
        for name in names:
            statements.append(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb3;")
            rights = f"GRANT ALL ON {name}.* TO '{user}'@'127.0.0.1'"
            statements.append(f"{rights} IDENTIFIED BY '{settings.password}';")
    box.run("mariadb", "-S", SOCKET, log="setup-databases", stdin="\n".join(statements))


def keystone(box: Box, settings: Settings) -> None:
    """Tables, keys, the admin and the catalog's first entry. The password travels by the environment."""
    log = "setup-keystone"
    box.run("keystone-manage", "db_sync", log=log)
    for keys in ("fernet_setup", "credential_setup"):
        box.run("keystone-manage", keys, "--keystone-user", "root", "--keystone-group", "root", log=log)
    url = f"{settings.url('keystone')}/v3"
    script = 'OS_BOOTSTRAP_PASSWORD=$(cat) exec keystone-manage bootstrap "$@"'
    urls = [word for kind in ("admin", "internal", "public") for word in (f"--bootstrap-{kind}-url", url)]
    options = ["--bootstrap-region-id", REGION, *urls]
    box.run("sh", "-c", script, "sh", *options, log=log, stdin=settings.password)


def nova(box: Box, _settings: Settings) -> None:
    """The API's tables, cell 0 for what could not be scheduled, and the one cell there is."""
    log = "setup-nova"
    box.run("nova-manage", "api_db", "sync", log=log)
    box.run("nova-manage", "cell_v2", "map_cell0", log=log)
    box.run("nova-manage", "cell_v2", "create_cell", "--name", "cell1", log=log)
    box.run("nova-manage", "db", "sync", log=log)


def neutron(box: Box, _settings: Settings) -> None:
    """Neutron's tables."""
    files = ("/etc/neutron/neutron.conf", "/etc/neutron/plugins/ml2/ml2_conf.ini")
    options = [word for file in files for word in ("--config-file", file)]
    box.run("neutron-db-manage", *options, "upgrade", "heads", log="setup-neutron")


def others(box: Box, _settings: Settings) -> None:
    """Tables of Glance, Placement and Cinder."""
    box.run("glance-manage", "db_sync", log="setup-glance")
    box.run("placement-manage", "db", "sync", log="setup-placement")
    box.run("cinder-manage", "db", "sync", log="setup-cinder")
