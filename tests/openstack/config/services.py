"""Configuration of Keystone, Glance, Placement, Nova and Cinder."""

from __future__ import annotations

from tests.openstack.config.common import (
    MEMCACHED,
    REGION,
    Sections,
    account,
    authenticated,
    daemon,
    database,
    locks,
    messaging,
    privileged,
)
from tests.openstack.settings import CLOUD, PORTS, Settings, Virt

INSTANCE_PREFIX = "kb-"
"""Of libvirt's names, so that control groups of ours can be told from others'."""

_KEYS = "/var/lib/keystone"


def keystone(settings: Settings) -> Sections:
    """keystone.conf. Keys are data, and lie where data does."""
    return {
        "DEFAULT": {"use_stderr": True},
        "database": database(settings, "keystone"),
        "token": {"provider": "fernet", "expiration": 43200},
        "fernet_tokens": {"key_repository": f"{_KEYS}/fernet-keys"},
        "fernet_receipts": {"key_repository": f"{_KEYS}/fernet-keys"},
        "credential": {"key_repository": f"{_KEYS}/credential-keys"},
        "cache": {
            "enabled": True,
            "backend": "dogpile.cache.memcached",
            "memcache_servers": MEMCACHED,
        },
        "oslo_messaging_notifications": {"driver": "noop"},
    }


def glance(settings: Settings) -> Sections:
    """glance-api.conf: images are files."""
    return {
        "DEFAULT": {
            "bind_host": settings.address,
            "bind_port": PORTS["glance"],
            "workers": 2,
            "use_stderr": True,
        },
        "database": database(settings, "glance"),
        "paste_deploy": {"flavor": "keystone"},
        "glance_store": {
            "stores": "file,http",
            "default_store": "file",
            "filesystem_store_datadir": "/var/lib/glance/images",
        },
        **authenticated(settings, "glance"),
        **locks("glance"),
    }


def placement(settings: Settings) -> Sections:
    """placement.conf."""
    return {
        "DEFAULT": {"use_stderr": True},
        "api": {"auth_strategy": "keystone"},
        "placement_database": database(settings, "placement"),
        **authenticated(settings, "placement"),
    }


def nova(settings: Settings) -> Sections:
    """nova.conf: one cell, one host, which takes more servers than it has CPUs and memory for."""
    return {
        "DEFAULT": daemon(settings)
        | {
            "my_ip": "127.0.0.1",
            "state_path": "/var/lib/nova",
            # By the path outside: loop devices of containers tell it, and so whose they are.
            "instances_path": settings.lib / "nova/instances",
            "instance_name_template": f"{INSTANCE_PREFIX}%08x",
            "enabled_apis": "osapi_compute,metadata",
            "compute_driver": "libvirt.LibvirtDriver",
            "cpu_allocation_ratio": 64,
            "ram_allocation_ratio": 2,
            "disk_allocation_ratio": 32,
            "reserved_host_memory_mb": 2048,
            "vif_plugging_timeout": 300,
            "resume_guests_state_on_host_boot": True,
            "metadata_workers": 1,
            "shutdown_timeout": 10,
            "sync_power_state_interval": 60,
        },
        "api": {"auth_strategy": "keystone"},
        "api_database": database(settings, "nova", "nova_api"),
        "database": database(settings, "nova"),
        "glance": {"api_servers": settings.url("glance")},
        "cinder": {"catalog_info": "volumev3:cinderv3:publicURL", "os_region_name": REGION},
        "neutron": account(settings, "neutron")
        | {"service_metadata_proxy": True, "metadata_proxy_shared_secret": settings.password},
        "placement": account(settings, "placement"),
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 30},
        "quota": {"instances": 500, "cores": 1000, "ram": 512_000, "key_pairs": 500},
        "vnc": {"enabled": False},
        "spice": {"enabled": False},
        "libvirt": {
            "virt_type": settings.virt,
            "cpu_mode": "none",
            "swtpm_enabled": False,
            "num_nfs_mount_attempts": 1,
            # A container's disk is mounted by the kernel, which reads no qcow2.
            **(
                {"images_type": "raw"} if settings.virt is Virt.LXC else {"disk_cachemodes": "file=writeback"}
            ),
        },
        **authenticated(settings, "nova"),
        **messaging(),
        **locks("nova"),
        **privileged("nova_sys_admin", "privsep_osbrick", "vif_plug_linux_bridge_privileged"),
    }


def cinder(settings: Settings) -> Sections:
    """cinder.conf: volumes are files of an NFS share; mount.nfs says what that is here."""
    return {
        "DEFAULT": daemon(settings)
        | {
            "my_ip": "127.0.0.1",
            "auth_strategy": "keystone",
            "state_path": "/var/lib/cinder",
            "glance_api_servers": settings.url("glance"),
            "enabled_backends": "nfs",
            "default_volume_type": "nfs",
            "api_paste_config": "/etc/cinder/api-paste.ini",
            "backup_driver": "",
            "quota_volumes": 500,
            "quota_gigabytes": 20_000,
        },
        "nfs": {
            "volume_driver": "cinder.volume.drivers.nfs.NfsDriver",
            "volume_backend_name": "nfs",
            "nfs_shares_config": "/etc/cinder/nfs_shares",
            "nfs_mount_point_base": "/var/lib/cinder/mnt",
            "nfs_sparsed_volumes": True,
            "nas_secure_file_operations": False,
            "nas_secure_file_permissions": False,
            "nfs_mount_attempts": 1,
        },
        "database": database(settings, "cinder"),
        "nova": account(settings, "nova"),
        **authenticated(settings, "cinder"),
        **messaging(),
        **locks("cinder"),
        **privileged("cinder_sys_admin", "privsep_osbrick"),
    }


def hosts() -> str:
    """/etc/hosts."""
    return f"127.0.0.1 localhost {CLOUD}\n::1 ip6-localhost\n"
