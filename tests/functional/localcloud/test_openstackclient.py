"""python-openstackclient drives the local cloud: the commands that an operator of a load test may type."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kb_tests.localcloud.control import Running
from tests.functional.localcloud.conftest import Command, openstack_client
from tests.waiting import eventually

pytestmark = pytest.mark.filterwarnings("ignore")

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f kb"


@pytest.fixture
def openstack(
    null_cloud: Running, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    return openstack_client(null_cloud, monkeypatch, capfd)


def names(rows: Any) -> set[str]:
    return {row["Name"] for row in rows}


@pytest.mark.nightly
def test_identity(openstack: Command) -> None:
    assert openstack("token issue")["user_id"]
    assert {row["Type"] for row in openstack("catalog list")} >= {"identity", "compute", "network", "image"}
    assert openstack("catalog show compute")["type"] == "compute"
    assert len(openstack("service list")) >= 5
    assert openstack("service show nova")["type"] == "compute"
    assert openstack("endpoint list --service neutron")
    assert [row["Region"] for row in openstack("region list")] == ["RegionOne"]
    openstack("domain create --description d od")
    assert "od" in names(openstack("domain list"))
    openstack("domain set --disable od")
    openstack("domain delete od")
    project = openstack("project create --description first op")
    assert project["name"] == "op"
    openstack("project set --description second --tag run1 op")
    assert openstack("project show op")["description"] == "second"
    assert "op" in names(openstack("project list"))
    openstack("user create --project op --password secret ou")
    openstack("user set --email o@example.org ou")
    assert openstack("user show ou")["email"] == "o@example.org"
    assert "ou" in names(openstack("user list"))
    openstack("role create special")
    assert names(openstack("role list")) >= {"admin", "member", "reader", "special"}
    openstack("role add --project op --user ou member")
    assert len(openstack("role assignment list --project op --names")) == 1
    openstack("role remove --project op --user ou member")
    openstack("role delete special")
    openstack("user delete ou")
    openstack("project delete op")
    assert "op" not in names(openstack("project list"))


def test_network(openstack: Command) -> None:
    assert "public" in names(openstack("network list --external"))
    openstack("network create --description d --tag run1 on")
    openstack("network set --name on2 on")
    assert openstack("network show on2")["tags"] == ["run1"]
    assert names(openstack("network list --tags run1")) == {"on2"}
    openstack("subnet create --network on2 --subnet-range 10.20.0.0/24 --dns-nameserver 10.20.0.2 os")
    openstack("subnet set --host-route destination=10.30.0.0/16,gateway=10.20.0.9 os")
    assert openstack("subnet show os")["host_routes"] == [
        {"destination": "10.30.0.0/16", "nexthop": "10.20.0.9"}
    ]
    assert "os" in names(openstack("subnet list --network on2"))
    openstack("router create or")
    openstack("router set --external-gateway public or")
    openstack("router add subnet or os")
    assert openstack("router show or")["external_gateway_info"]
    assert "or" in names(openstack("router list"))
    openstack("port create --network on2 --fixed-ip subnet=os,ip-address=10.20.0.50 opp")
    openstack("port set --description changed opp")
    assert openstack("port show opp")["description"] == "changed"
    assert "opp" in names(openstack("port list --network on2"))
    openstack("security group create --description d osg")
    rule = openstack("security group rule create --protocol tcp --dst-port 22 --remote-ip 0.0.0.0/0 osg")
    assert len(openstack("security group rule list osg")) == 3
    assert openstack(f"security group rule show {rule['id']}")["protocol"] == "tcp"
    openstack(f"security group rule delete {rule['id']}")
    assert names(openstack("security group list")) >= {"default", "osg"}
    openstack("port set --security-group osg opp")
    floating = openstack("floating ip create --port opp public")
    assert floating["floating_ip_address"].startswith("127.77.")
    assert len(openstack("floating ip list")) == 1
    openstack(f"floating ip unset --port {floating['id']}")
    openstack(f"floating ip set --port opp {floating['id']}")
    assert openstack(f"floating ip show {floating['id']}")["fixed_ip_address"] == "10.20.0.50"
    openstack(f"floating ip delete {floating['id']}")
    openstack("port delete opp")
    openstack("security group delete osg")
    openstack("router remove subnet or os")
    openstack("router unset --external-gateway or")
    openstack("router delete or")
    openstack("subnet delete os")
    openstack("network delete on2")
    assert openstack("network agent list")
    assert openstack("extension list --network")
    assert openstack("ip availability list")
    assert openstack("availability zone list --network")


def test_image(openstack: Command, tmp_path: Path) -> None:
    data = tmp_path / "image"
    data.write_bytes(b"x" * 3000)
    openstack(f"image create --disk-format raw --container-format bare --file {data} --property a=b oi")
    assert openstack("image show oi")["size"] == 3000
    assert names(openstack("image list")) >= {"kb-node", "oi"}
    openstack("image set --name oi2 --property c=d --tag t oi")
    openstack("image unset --property a oi2")
    assert openstack("image show oi2")["properties"].get("c") == "d"
    openstack(f"image save --file {tmp_path / 'copy'} oi2")
    assert (tmp_path / "copy").read_bytes() == data.read_bytes()
    openstack("image delete oi2")


def test_compute_and_volumes(openstack: Command, tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text(PUBLIC_KEY)
    openstack(f"keypair create --public-key {key} ok")
    assert openstack("keypair show ok")["fingerprint"]
    assert "ok" in names(openstack("keypair list"))
    openstack("flavor create --vcpus 1 --ram 128 --disk 0 --property hw:x=y of")
    openstack("flavor set --description small of")
    assert openstack("flavor show of")["ram"] == 128
    assert "of" in names(openstack("flavor list --all"))
    openstack("flavor unset --property hw:x of")
    openstack("quota set --instances 20 --cores 20 --ram 60000 --networks 50 --volumes 20 admin")
    openstack("quota show admin")
    openstack("limits show --absolute")
    assert len(openstack("hypervisor list")) == 2
    assert openstack("hypervisor show kb-host-1")["hypervisor_hostname"] == "kb-host-1"
    openstack("--os-compute-api-version 2.87 hypervisor stats show")
    assert openstack("compute service list")
    assert openstack("availability zone list --compute")
    openstack("aggregate create --zone rack-2 oa")
    openstack("aggregate add host oa kb-host-2")
    assert "rack-2" in {row["Zone Name"] for row in openstack("availability zone list --compute")}
    assert openstack("aggregate show oa")["hosts"] == ["kb-host-2"]
    openstack("server group create --policy anti-affinity og")
    assert "og" in names(openstack("server group list"))

    openstack("network create cn")
    openstack("subnet create --network cn --subnet-range 10.21.0.0/24 cs")
    openstack(
        "server create --image kb-node --flavor of --network cn --key-name ok --availability-zone rack-2 "
        "--property run=1 --wait ov"
    )
    shown = openstack("server show ov")
    assert (shown["status"], shown["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "kb-host-2")
    openstack("server create --image kb-node --flavor of --network cn --min 2 --max 2 many")
    eventually(lambda: names(openstack("server list --status ACTIVE")) == {"ov", "many-1", "many-2"})
    openstack("server set --name ov2 --property more=2 ov")
    openstack("server unset --property more ov2")
    openstack("console log show ov2")
    openstack("server stop ov2")
    eventually(lambda: openstack("server show ov2")["status"] == "SHUTOFF")
    openstack("server start ov2")
    eventually(lambda: openstack("server show ov2")["status"] == "ACTIVE")
    openstack("server reboot --hard --wait ov2")
    openstack("server lock ov2")
    openstack("server unlock ov2")
    openstack("server event list ov2")
    openstack("security group create cg")
    openstack("server add security group ov2 cg")
    openstack("server remove security group ov2 cg")
    openstack("port create --network cn extra")
    openstack("server add port ov2 extra")
    openstack("server remove port ov2 extra")

    openstack("volume type create --property kb:iops=100 slow")
    assert names(openstack("volume type list")) >= {"__DEFAULT__", "slow"}
    openstack("volume create --size 1 --type slow --property run=1 data")
    eventually(lambda: openstack("volume show data")["status"] == "available")
    openstack("volume set --name data2 --description d data")
    openstack("server add volume ov2 data2")
    eventually(lambda: openstack("volume show data2")["status"] == "in-use")
    assert len(openstack("server volume list ov2")) == 1
    openstack("server remove volume ov2 data2")
    eventually(lambda: openstack("volume show data2")["status"] == "available")
    assert names(openstack("volume list")) == {"data2"}
    openstack("volume delete data2")
    eventually(lambda: not openstack("volume list"))
    openstack("volume type delete slow")
    assert openstack("volume service list")
    assert openstack("availability zone list --volume")
    assert openstack("volume snapshot list") == []

    openstack("server delete --wait ov2 many-1 many-2")
    openstack("port delete extra")
    openstack("security group delete cg")
    openstack("network delete cn")
    openstack("server group delete og")
    openstack("aggregate remove host oa kb-host-2")
    openstack("aggregate delete oa")
    openstack("keypair delete ok")
    openstack("flavor delete of")
    openstack("quota delete admin")
    assert openstack("server list --all-projects") == []


def test_these_are_enough_commands() -> None:
    commands = re.findall(r'openstack\(\s*f?"((?:--\S+ \S+ )?[a-z ]+)', Path(__file__).read_text())
    assert len({command.strip() for command in commands}) >= 80
