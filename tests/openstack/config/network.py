"""Configuration of Neutron: Linux bridges, VXLAN between them, iptables for security groups."""

from __future__ import annotations

from tests.openstack.config.common import (
    Sections,
    account,
    authenticated,
    daemon,
    database,
    locks,
    messaging,
    privileged,
)
from tests.openstack.netns import EXTERNAL_BRIDGE, TUNNEL_ADDRESS
from tests.openstack.settings import METADATA_PORT, Settings

PHYSICAL_NETWORK = "public"

_PRIVILEGED = ("privsep", "privsep_namespace", "privsep_link", "privsep_conntrack", "privsep_dhcp_release")


def neutron(settings: Settings) -> dict[str, Sections]:
    """Every file below /etc/neutron, by its path."""
    return {
        "neutron.conf": _api(settings),
        "plugins/ml2/ml2_conf.ini": _ml2(),
        "plugins/ml2/linuxbridge_agent.ini": _bridge_agent(),
        "l3_agent.ini": {"DEFAULT": {"interface_driver": "linuxbridge", "metadata_port": 9697}},
        "dhcp_agent.ini": {
            "DEFAULT": {
                "interface_driver": "linuxbridge",
                "enable_isolated_metadata": True,
                "num_sync_threads": 2,
            }
        },
        "metadata_agent.ini": {
            "DEFAULT": {
                "nova_metadata_host": settings.address,
                "nova_metadata_port": METADATA_PORT,
                "metadata_proxy_shared_secret": settings.password,
                "metadata_workers": 1,
            }
        },
    }


def _api(settings: Settings) -> Sections:
    return {
        "DEFAULT": daemon(settings)
        | {
            "core_plugin": "ml2",
            "service_plugins": "router,qos",
            "auth_strategy": "keystone",
            "interface_driver": "linuxbridge",
            "dhcp_agents_per_network": 1,
            "global_physnet_mtu": 1500,
            "api_workers": 1,
            "rpc_workers": 1,
            "rpc_state_report_workers": 1,
            "agent_down_time": 120,
            "rpc_response_timeout": 120,
        },
        # Zed wants to hear that nobody has promised to maintain this driver; it needs no kernel module.
        "experimental": {"linuxbridge": True},
        "agent": {"root_helper": "sudo", "report_interval": 20},
        "database": database(settings, "neutron"),
        "nova": account(settings, "nova"),
        "placement": account(settings, "placement"),
        "quotas": {
            "quota_network": 500,
            "quota_subnet": 500,
            "quota_port": 5000,
            "quota_router": 200,
            "quota_floatingip": 200,
            "quota_security_group": 500,
            "quota_security_group_rule": 5000,
        },
        **authenticated(settings, "neutron"),
        **messaging(),
        **locks("neutron"),
        **privileged(*_PRIVILEGED),
    }


def _ml2() -> Sections:
    return {
        "ml2": {
            "type_drivers": "flat,vxlan",
            "tenant_network_types": "vxlan",
            "mechanism_drivers": "linuxbridge",
            "extension_drivers": "port_security,qos",
            "path_mtu": 1500,
        },
        "ml2_type_flat": {"flat_networks": PHYSICAL_NETWORK},
        "ml2_type_vxlan": {"vni_ranges": "1:5000"},
        "securitygroup": {"enable_security_group": True, "enable_ipset": True},
    }


def _bridge_agent() -> Sections:
    return {
        "linux_bridge": {"bridge_mappings": f"{PHYSICAL_NETWORK}:{EXTERNAL_BRIDGE}"},
        "vxlan": {
            "enable_vxlan": True,
            "local_ip": TUNNEL_ADDRESS,
            "vxlan_group": "239.1.1.1",
            "l2_population": False,
        },
        "agent": {"extensions": "qos"},
        "securitygroup": {
            "enable_security_group": True,
            "firewall_driver": "iptables",
            "enable_ipset": True,
        },
    }
