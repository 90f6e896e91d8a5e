"""Configuration files: the packages' own, with ours in place of those that say how this cloud is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.openstack.box import ETC, LIB
from tests.openstack.config import infrastructure, network, services
from tests.openstack.config.common import ini
from tests.openstack.settings import Settings, Virt

_FOLDERS = (
    "glance/images",
    "nova/instances",
    "nova/mnt",
    "cinder/mnt",
    "libvirt/qemu",
    "libvirt/lxc",
    "libvirt/images",
)


def write(settings: Settings) -> None:
    """Make state/etc anew, and what is missing in state/lib. While no daemon runs."""
    shutil.rmtree(settings.etc, ignore_errors=True)
    settings.etc.mkdir()
    for name in ETC:
        subprocess.run(["cp", "-a", Path("/etc", name), settings.etc / name], check=True)
    for name in LIB:
        _adopt(settings.lib / name, Path("/var/lib", name))
    for folder in _FOLDERS:
        (settings.lib / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("qemu", "lxc"):
        (settings.log / "box/libvirt" / folder).mkdir(parents=True, exist_ok=True)
    for name, text in files(settings).items():
        _write(settings.etc / name, text)
    for public in ("my.cnf", "hosts"):
        (settings.etc / public).chmod(0o644)
    for name in ("rabbitmq.conf", "rabbitmq-env.conf"):
        shutil.chown(settings.etc / "rabbitmq" / name, "rabbitmq", "rabbitmq")


def files(settings: Settings) -> dict[str, str]:
    """The text of every file that is ours, by its path below state/etc."""
    written = {
        "hosts": services.hosts(),
        "my.cnf": infrastructure.mariadb(),
        "rabbitmq/rabbitmq.conf": infrastructure.rabbitmq(settings),
        "rabbitmq/rabbitmq-env.conf": infrastructure.rabbitmq_environment(),
        "keystone/keystone.conf": ini(services.keystone(settings)),
        "glance/glance-api.conf": ini(services.glance(settings)),
        "placement/placement.conf": ini(services.placement(settings)),
        "nova/nova.conf": ini(services.nova(settings)),
        "nova/nova-compute.conf": _compute(settings.virt),
        "cinder/cinder.conf": ini(services.cinder(settings)),
        "cinder/nfs_shares": f"127.0.0.1:{settings.exports}\n",
    }
    written |= {f"libvirt/{name}": text for name, text in infrastructure.libvirt().items()}
    written |= {f"neutron/{name}": ini(sections) for name, sections in network.neutron(settings).items()}
    written |= {f"uwsgi-{name}.ini": text for name, text in infrastructure.uwsgi(settings).items()}
    return written


def _compute(virt: Virt) -> str:
    """The package's own file would choose another driver."""
    return ini({"DEFAULT": {"compute_driver": "libvirt.LibvirtDriver"}, "libvirt": {"virt_type": virt}})


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _adopt(folder: Path, original: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(["chown", f"--reference={original}", folder], check=True)
