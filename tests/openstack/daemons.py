"""The daemons of the cloud: what is started in the box, in which order, and when each serves."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.openstack.box import Box
from tests.openstack.config.infrastructure import SOCKET
from tests.openstack.settings import OpenStackError, Settings, Virt

PATIENCE = 240.0
"""Seconds for a daemon to serve: on a busy machine OpenStack's take their time to start."""


@dataclass(frozen=True)
class Daemon:
    """A program of the box; `url` answers below 500, or `probe` ends well in the box, when it serves."""

    name: str
    command: tuple[str, ...]
    url: str = ""
    probe: tuple[str, ...] = ()


def infrastructure(settings: Settings) -> tuple[Daemon, ...]:
    """Database, cache, queue, and libvirt."""
    hypervisor = "lxc:///" if settings.virt is Virt.LXC else "qemu:///system"
    options = f"--defaults-file={settings.etc / 'my.cnf'}"
    as_rabbit: tuple[str, ...] = ("setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", "env")
    as_rabbit += ("HOME=/var/lib/rabbitmq", "RABBITMQ_LOG_BASE=/var/lib/rabbitmq/log")
    memcached = ("memcached", "-u", "memcache", "-l", "127.0.0.1", "-p", "11211", "-m", "128", "-c", "4096")
    return (
        Daemon("mariadb", ("mariadbd", options), probe=("mariadb", options, "-S", SOCKET, "-e", "select 1")),
        Daemon("memcached", memcached),
        Daemon("libvirtd", ("libvirtd",), probe=("virsh", "-c", hypervisor, "version")),
        Daemon(
            "rabbitmq",
            (*as_rabbit, "/usr/lib/rabbitmq/bin/rabbitmq-server"),
            probe=("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5672"),
        ),
    )


def keystone(settings: Settings) -> Daemon:
    """Who all others sign in with."""
    return _wsgi(settings, "keystone", "/v3")


def control(settings: Settings) -> tuple[Daemon, ...]:
    """The APIs, and who works for them by the queue."""
    neutron = (*_files("/etc/neutron/neutron.conf"), *_files("/etc/neutron/plugins/ml2/ml2_conf.ini"))
    nova, cinder = _files("/etc/nova/nova.conf"), _files("/etc/cinder/cinder.conf")
    glance = ("glance-api", *_files("/etc/glance/glance-api.conf"))
    return (
        _wsgi(settings, "placement", "/"),
        Daemon("glance", glance, url=f"{settings.url('glance')}/healthcheck"),
        Daemon("neutron-rpc", ("neutron-rpc-server", *neutron)),
        _wsgi(settings, "neutron-api", "/", " ".join(neutron)),
        Daemon("nova-conductor", ("nova-conductor", *nova)),
        Daemon("nova-scheduler", ("nova-scheduler", *nova)),
        _wsgi(settings, "nova-api", "/"),
        _wsgi(settings, "nova-metadata"),
        Daemon("cinder-scheduler", ("cinder-scheduler", *cinder)),
        _wsgi(settings, "cinder-api", "/healthcheck"),
    )


def host(settings: Settings) -> tuple[Daemon, ...]:
    """What makes servers, networks and volumes. They call the control plane as they start, and wait
    minutes for an answer that nobody was there to give.
    """
    neutron = _files("/etc/neutron/neutron.conf")
    bridge = (*neutron, *_files("/etc/neutron/plugins/ml2/linuxbridge_agent.ini"))
    metadata = (*neutron, *_files("/etc/neutron/metadata_agent.ini"))
    compute = (*_files("/etc/nova/nova.conf"), *_files("/etc/nova/nova-compute.conf"))
    return (
        Daemon("neutron-linuxbridge", ("neutron-linuxbridge-agent", *bridge)),
        Daemon("neutron-l3", ("neutron-l3-agent", *neutron, *_files("/etc/neutron/l3_agent.ini"))),
        Daemon("neutron-dhcp", ("neutron-dhcp-agent", *neutron, *_files("/etc/neutron/dhcp_agent.ini"))),
        Daemon("neutron-metadata", ("neutron-metadata-agent", *metadata)),
        Daemon("nova-compute", ("nova-compute", *compute)),
        Daemon("cinder-volume", ("cinder-volume", *_files("/etc/cinder/cinder.conf"))),
    )


def _files(path: str) -> tuple[str, str]:
    return ("--config-file", path)


def _wsgi(settings: Settings, name: str, path: str = "", arguments: str = "") -> Daemon:
    command: tuple[str, ...] = ("uwsgi_python3", "--ini", str(settings.etc / f"uwsgi-{name}.ini"))
    if arguments:
        command += ("--pyargv", arguments)
    return Daemon(name, command, url=settings.url(name) + path if path else "")


def start(box: Box, daemons: Iterable[Daemon]) -> None:
    """Start those that do not run."""
    for daemon in daemons:
        if not box.is_running(daemon.name):
            box.spawn(daemon.name, *daemon.command)


def wait(box: Box, settings: Settings, daemons: Iterable[Daemon]) -> None:
    """Return when all serve; OpenStackError when one ends, or is too slow."""
    until = time.monotonic() + PATIENCE
    for daemon in daemons:
        while not _serves(box, daemon):
            log = settings.log / f"{daemon.name}.log"
            if not box.is_running(daemon.name):
                raise OpenStackError(f"{daemon.name} has ended: see {log}.")
            if time.monotonic() > until:
                raise OpenStackError(f"{daemon.name} does not serve after {PATIENCE:.0f} s: see {log}.")
            time.sleep(0.5)


def _serves(box: Box, daemon: Daemon) -> bool:
    if daemon.probe:
        return box.succeeds(*daemon.probe)
    return not daemon.url or _answers(daemon.url)


def _answers(url: str) -> bool:
    """By the forwarder, as a user would ask. No proxy of the environment stands between."""
    opener: Callable[..., object] = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    try:
        opener(url, timeout=30)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True
