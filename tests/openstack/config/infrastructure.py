"""Configuration of what OpenStack stands on: database, queue, web server, libvirt."""

from __future__ import annotations

from tests.openstack.config.common import QUEUE_USER, ini
from tests.openstack.settings import METADATA_PORT, PORTS, Settings

SOCKET = "/run/mysqld/mysqld.sock"

_WSGI = {
    # service: program, processes, threads
    "keystone": ("/usr/bin/keystone-wsgi-public", 2, 4),
    "placement": ("/usr/bin/placement-api", 1, 4),
    "nova-api": ("/usr/bin/nova-api-wsgi", 2, 1),
    "nova-metadata": ("/usr/bin/nova-metadata-wsgi", 1, 1),
    "neutron-api": ("/usr/bin/neutron-api", 2, 1),
    "cinder-api": ("/usr/bin/cinder-wsgi", 2, 1),
}
"""Nova's, Neutron's and Cinder's programs are eventlet's, which does not go with threads of uWSGI."""


def mariadb() -> str:
    """my.cnf: little memory, and no care for a crash of the machine."""
    return ini(
        {
            "mysqld": {
                "user": "mysql",
                "datadir": "/var/lib/mysql",
                "socket": SOCKET,
                "pid-file": "/run/mysqld/mysqld.pid",
                "bind-address": "127.0.0.1",
                "max_connections": 1000,
                "character-set-server": "utf8mb3",
                "innodb_buffer_pool_size": "256M",
                "innodb_flush_log_at_trx_commit": 0,
                "innodb_doublewrite": 0,
                "performance_schema": 0,
            }
        }
    ).replace("[mysqld]", "[mysqld]\nskip-name-resolve\nskip-log-bin")


def rabbitmq(settings: Settings) -> str:
    """rabbitmq.conf: one user, on the loopback."""
    return "\n".join(
        (
            "listeners.tcp.1 = 127.0.0.1:5672",
            f"default_user = {QUEUE_USER}",
            f"default_pass = {settings.password}",
            "vm_memory_high_watermark.absolute = 1GB",
            "disk_free_limit.absolute = 100MB",
            "log.console = true",
            "log.console.level = warning",
            "log.file = false\n",
        )
    )


def rabbitmq_environment() -> str:
    """rabbitmq-env.conf: idle schedulers sleep in place of spinning."""
    idle = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
    loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
    return f'NODENAME=rabbit@localhost\nSERVER_ADDITIONAL_ERL_ARGS="{idle} {loopback}"\n'


def uwsgi(settings: Settings) -> dict[str, str]:
    """An ini file for each API that uWSGI serves."""
    ports = PORTS | {"nova-metadata": METADATA_PORT}
    return {
        service: ini(
            {
                "uwsgi": {
                    "http-socket": f"{settings.address}:{ports[service]}",
                    "wsgi-file": program,
                    "processes": processes,
                    "threads": threads,
                    "enable-threads": True,
                    "master": True,
                    "lazy-apps": True,
                    "thunder-lock": True,
                    "die-on-term": True,
                    "no-orphans": True,
                    "buffer-size": 65535,
                    "listen": 1024,
                    # uWSGI's http-socket closes after each answer; clients have to be told.
                    "add-header": "Connection: close",
                    "wsgi-manage-chunked-input": True,
                    "disable-logging": True,
                }
            }
        )
        for service, (program, processes, threads) in _WSGI.items()
    }


def libvirt() -> dict[str, str]:
    """Daemon and drivers: as root, without security modules and, for machines, control groups.

    No keepalive: a busy machine defines a domain more slowly than libvirt waits for, and Nova then gives the
    server up.
    """
    return {
        "libvirtd.conf": 'unix_sock_rw_perms = "0700"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\n'
        "keepalive_interval = -1\nmax_client_requests = 40\n",
        "lxc.conf": 'security_driver = "none"\n',
        "qemu.conf": "\n".join(
            (
                'user = "root"',
                'group = "root"',
                "dynamic_ownership = 0",
                "remember_owner = 0",
                'security_driver = "none"',
                "namespaces = [ ]",
                "cgroup_controllers = [ ]",
                'stdio_handler = "file"\n',
            )
        ),
    }
