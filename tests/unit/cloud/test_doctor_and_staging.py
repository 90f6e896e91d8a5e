"""Doctor and staging on the same clouds: doctor finds what staging fails at, if it can be asked before."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from kb_tests.cloud.connect import connect
from kb_tests.cloud.doctor import examine
from kb_tests.cloud.existing import adopt
from kb_tests.cloud.findings import Finding, State
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CapacityError, CloudError
from kb_tests.localcloud.chosen import choose
from kb_tests.localcloud.faults import Fault, Kind
from kb_tests.localcloud.settings import Settings
from kb_tests.scenario.model import HttpScenario
from kb_tests.scenario.storage import StorageScenario
from tests.unit.cloud.in_process import HURRIED, NAME, InProcess, Send, Sent
from tests.unit.cloud.test_wild_answers import BOOT, FLAVOR, everything, one_sentence, served

pytestmark = pytest.mark.filterwarnings("ignore:::openstack")

PASSWORD = "somebody's own"
SECONDS = 0.5
ONCE = replace(HURRIED, tries=0)
"""How long staging may take where it is tried in vain."""

PATIENCE = 120.0
"""How long it may take where it goes well: the machine may be busy."""


class Place:
    """A cloud in this process as its operator sees it, and the user `somebody` of it."""

    def __init__(self, there: InProcess) -> None:
        self.there = there
        self.state = there.client.cloud
        self.admin = there.admin
        self.compute: Any = self.admin.connection.compute
        self.network: Any = self.admin.connection.network
        self.image: Any = self.admin.connection.image
        self.storage: Any = self.admin.connection.block_storage
        self.project = ""

    def set(self, **values: str) -> None:
        """Its settings."""
        changed = {name.replace("_", "-"): value for name, value in values.items()}
        choose(self.state, changed)

    def user(self, role: str) -> Path:
        """The clouds.yaml of a new user with that role in a new project."""
        identity = self.admin.identity
        project = identity.create_project(name="somebody", domain_id=self.admin.domain_id)
        user = identity.create_user(name="somebody", domain_id=self.admin.domain_id, password=PASSWORD)
        found = identity.find_role(role) or identity.create_role(name=role)
        identity.assign_project_role_to_user(project, user, found)
        self.project = project.id
        entry = json.loads(self.there.clouds_yaml.read_text())["clouds"][NAME]
        entry["auth"] = {
            "auth_url": entry["auth"]["auth_url"],
            "user_id": user.id,
            "password": PASSWORD,
            "project_id": project.id,
        }
        path = self.there.clouds_yaml.with_name("somebody.yaml")
        path.write_text(json.dumps({"clouds": {NAME: entry}}))
        return path

    def down(self, path: str) -> None:
        """Nobody answers there."""

        def refuse(request: Sent, send: Send) -> requests.Response:
            if urlsplit(request.path_url).path.startswith(path):
                raise requests.exceptions.ConnectionError("Connection refused")
            return send()

        self.there.fault = refuse


Arrange = Callable[[Place], object]


@dataclass(frozen=True)
class Case:
    """A cloud, a user and a scenario; `what` is doctor's finding, "" where all is well."""

    name: str
    what: str = ""
    arrange: Arrange = lambda place: None
    role: str = ""
    storage: bool = False
    topology: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """Of a small scenario."""
        if not self.storage:
            topology = {"flavor": FLAVOR, **self.topology}
            load: dict[str, Any] = {"load": {"rate": [1]}, "sla": {"errors": "1%"}}
            small = {"name": "small", "kind": "http", "topology": topology, **load}
            return plan(HttpScenario.model_validate(small))
        topology = {"servers": 1, "flavor": FLAVOR, "volume": {"size": "2GiB"}, **self.topology}
        load = {
            "load": {"profiles": [{"name": "read", "mode": "randread", "rate_iops": 9}]},
            "sla": {"achieved": "80%"},
        }
        return plan(
            StorageScenario.model_validate({"name": "disks", "kind": "storage", "topology": topology, **load})
        )


def hosts(**state: bool) -> Arrange:
    def change(place: Place) -> None:
        for each in place.state.compute.hypervisors:
            for name, value in state.items():
                setattr(each, name, value)

    return change


def images(**state: Any) -> Arrange:
    def change(place: Place) -> None:
        for each in place.state.images.images.values():
            for name, value in state.items():
                setattr(each, name, value)

    return change


def compute_quota(**limits: int) -> Arrange:
    return lambda place: place.compute.update_quota_set(place.project, **limits)


def network_quota(**limits: int) -> Arrange:
    return lambda place: place.network.update_quota(place.project, **limits)


def volume_quota(**limits: int) -> Arrange:
    return lambda place: place.storage.update_quota_set(place.project, **limits)


def special_flavors(place: Place) -> None:
    for flavor in place.compute.flavors():
        place.compute.create_flavor_extra_specs(flavor, {"resources:CUSTOM_BAREMETAL": "1"})


def without_port_security(place: Place) -> None:
    made = place.network.create_network(name="bare", is_shared=True, is_port_security_enabled=False)
    place.network.create_subnet(network_id=made.id, cidr="10.9.0.0/24", ip_version=4)


def no_way_out(place: Place) -> None:
    for each in place.network.networks(is_router_external=True):
        place.network.update_network(each, is_router_external=False)


def two_ways_out(place: Place) -> None:
    place.network.create_network(name="another", is_router_external=True)


def full_way_out(place: Place) -> None:
    """All but two of its addresses are taken."""
    (public,) = place.network.networks(is_router_external=True)
    (subnet,) = place.network.subnets(network_id=public.id)
    first = subnet.allocation_pools[0]["start"]
    end = f"{first.rpartition('.')[0]}.{int(first.rpartition('.')[2]) + 0}"
    place.network.update_subnet(subnet, allocation_pools=[{"start": first, "end": end}])


def second_image(place: Place) -> None:
    place.image.create_image("kb-node", disk_format="raw", container_format="bare", wait=False)


def stranger_image(place: Place) -> None:
    for each in place.state.images.images.values():
        each.visibility, each.owner = "community", "a stranger's project"


def limited_type(place: Place) -> None:
    place.storage.create_type(name="fast")
    quota = {"quota_set": {"gigabytes_fast": 1}}
    path = f"/os-quota-sets/{place.project}"
    assert place.storage.put(path, json=quota).status_code == 200


def no_limits(place: Place) -> None:
    place.set(quota="unified")
    place.state.faults.add(
        Fault(kind=Kind.STATUS, service="keystone", method="POST", path="/limits$", status=403)
    )


def broken(path: str) -> Arrange:
    """The service's root answers, and nothing else of it."""

    def change(place: Place) -> None:
        place.state.faults.add(Fault(kind=Kind.STATUS, path=path, status=500))

    return change


BARE = {"network": "bare", "floating_ip": False}
MANY = {"servers_per_network": 11}
CASES = [
    Case("all is well"),
    Case("all is well for a member", role="member"),
    Case("all is well with volumes", storage=True),
    Case("all is well with a member's volumes", storage=True, role="member"),
    Case(
        "Neutron tells nothing of what is used",
        role="member",
        arrange=lambda place: place.set(quota_details="off"),
    ),
    Case("a role called admin that is none", role="admin", arrange=lambda place: place.set(admins="none")),
    Case("Keystone limits Nova", arrange=lambda place: place.set(quota="unified"), topology=MANY),
    # What is behind the APIs, and they themselves.
    Case("nobody hears Nova", "compute", lambda place: place.down("/compute")),
    Case("nobody hears Neutron", "network", lambda place: place.down("/networking")),
    Case("nobody hears Glance", "image", lambda place: place.down("/image")),
    Case("nobody hears Cinder", "block storage", lambda place: place.down("/volume"), storage=True),
    Case("nobody hears Keystone", "sign-in", lambda place: place.down("/identity")),
    Case("Nova's database is down", "rights", broken("/v2.1/.")),
    Case("Neutron's database is down", "rights", broken("/v2.0/.")),
    Case("Glance's database is down", "image", broken("/v2/images")),
    Case("Cinder's database is down", "rights", broken("/v3/[^/]+/os-"), storage=True),
    Case("every host is down", "hosts", hosts(forced_down=True)),
    Case("every host is disabled", "hosts", hosts(enabled=False)),
    Case("every host is down, a member", "hosts", hosts(forced_down=True), role="member"),
    Case(
        "the back end of volumes is down",
        "back ends",
        lambda place: place.set(volume_back_end="down"),
        storage=True,
    ),
    # Rights.
    Case("a reader", "rights", lambda place: place.set(policies="secure"), role="reader"),
    Case("two tenants in one project", "rights", role="member", topology={"tenants": 2}),
    Case(
        "a member's hosts",
        "placement",
        role="member",
        topology={"placement": {"servers": ["nova:kb-host-1"]}},
    ),
    Case("limits that may not be made", "quotas", no_limits, topology=MANY),
    # Images and flavors.
    Case("no such image", "image", options={"image": "nowhere"}),
    Case("an image that is not there yet", "image", images(status="queued")),
    Case("a private image", "image", images(visibility="private")),
    Case("an image for larger servers", "image", images(min_ram=1 << 20)),
    Case("two images of that name", "image", second_image),
    Case("a stranger's image", "image", stranger_image, role="member"),
    Case("no such flavor", "flavor", options={"flavor": "nowhere"}),
    Case("flavors for special hosts only", "flavor", special_flavors, role="member"),
    Case(
        "no flavor of that size", "flavor", role="member", topology={"flavor": {"vcpus": 64, "ram": "64MiB"}}
    ),
    # Zones and hosts.
    Case("no such zone", "zone", options={"availability_zone": "nowhere"}),
    Case("no such place", "placement", topology={"placement": {"clients": ["rack-9"]}}),
    Case(
        "no such place for disks", "placement", storage=True, topology={"placement": {"servers": ["rack-9"]}}
    ),
    Case("no such host", "placement", topology={"placement": {"servers": ["nova:kb-host-9"]}}),
    Case(
        "a host that is down",
        "placement",
        hosts(forced_down=True),
        topology={"placement": {"servers": ["nova:kb-host-1"]}},
    ),
    # Networks.
    Case("no external network", "external network", no_way_out),
    Case("several external networks", "external network", two_ways_out),
    Case("no such external network", "external network", options={"external_network": "nowhere"}),
    Case("an external network without addresses", "quotas", full_way_out),
    Case("no such network", "existing network", options={"network": "nowhere"}),
    Case("no such router", "existing network", options={"router": "nowhere"}),
    Case("no port security", "existing network", without_port_security, storage=True, options=BARE),
    Case(
        "a nameserver by its name", "nameservers", options={"packages": True, "nameservers": ("dns.example",)}
    ),
    # Room.
    Case("more servers than allowed", "size", options={"max_servers": 2}),
    Case("servers", "quotas", compute_quota(instances=2), role="member"),
    Case("cores", "quotas", compute_quota(cores=2), role="member"),
    Case("memory", "quotas", compute_quota(ram=100), role="member"),
    Case("networks", "quotas", network_quota(networks=1), role="member"),
    Case("subnets", "quotas", network_quota(subnets=1), role="member"),
    Case("ports", "quotas", network_quota(ports=3), role="member"),
    Case("routers", "quotas", network_quota(routers=1), role="member"),
    Case("floating IPs", "quotas", network_quota(floating_ips=0), role="member"),
    Case(
        "no floating IP is needed",
        "",
        network_quota(floating_ips=0),
        role="member",
        options={"floating_ip": False},
    ),
    Case("security groups", "quotas", network_quota(security_groups=2), role="member"),
    Case("rules of security groups", "quotas", network_quota(security_group_rules=6), role="member"),
    Case("volumes", "quotas", volume_quota(volumes=0), role="member", storage=True),
    Case("gigabytes", "quotas", volume_quota(gigabytes=1), role="member", storage=True),
    Case(
        "gigabytes of one volume", "quotas", volume_quota(per_volume_gigabytes=1), role="member", storage=True
    ),
    Case(
        "gigabytes of a type",
        "quotas",
        limited_type,
        role="member",
        storage=True,
        topology={"volume": {"size": "2GiB", "type": "fast"}},
    ),
    Case(
        "no such type of volume",
        "volumes",
        storage=True,
        topology={"volume": {"size": "1GiB", "type": "golden"}},
    ),
]


@dataclass
class Both:
    """What doctor found, and what became of staging: None where it went well."""

    findings: list[Finding]
    staging: CloudError | None

    @property
    def faults(self) -> list[Finding]:
        return [each for each in self.findings if each.state is State.FAULT]


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Case], Both]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def compare(case: Case) -> Both:
        with served() as there:
            place = Place(there)
            clouds_yaml = place.user(case.role) if case.role else there.clouds_yaml
            somebody = connect(NAME, clouds_yaml, ONCE)
            assert list(somebody.connection.network.security_groups()), "Neutron makes a project its own"
            case.arrange(place)
            options = StageOptions(deadline=SECONDS if case.what else PATIENCE, **case.options)
            findings = list(examine(NAME, case.layout, options, clouds_yaml, ONCE))
            before = _left(there)
            staging = _stage(case, options, clouds_yaml, there)
            assert _left(there) == before
            return Both(findings, staging)

    return compare


def _left(there: InProcess) -> dict[str, set[str]]:
    """All there is, whatever is broken."""
    state = there.client.cloud
    faults, settings = state.faults.faults, state.settings
    state.faults.faults, state.settings = {}, replace(settings, admins=Settings().admins)
    found = everything(there)
    state.faults.faults, state.settings = faults, settings
    return found


def _stage(case: Case, options: StageOptions, clouds_yaml: Path, there: InProcess) -> CloudError | None:
    journal = None
    try:
        cloud = connect(NAME, clouds_yaml, ONCE)
        layout = adopt(cloud, case.layout, options)
        journal = Journal.start(NAME, clouds_yaml=clouds_yaml, now=time.time())
        stage(cloud, layout, BOOT, journal, options)
    except CloudError as error:
        return error
    finally:
        there.fault = None
        there.client.cloud.faults.clear()
        if journal is not None:
            tear_down(connect(NAME, clouds_yaml, ONCE), journal)
            journal.release()
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_doctor_finds_what_staging_fails_at(case: Case, both: Callable[[Case], Both]) -> None:
    found = both(case)
    for each in found.findings:
        one_sentence(each.found)
    if found.staging is not None:
        one_sentence(str(found.staging))
    whats = [each.what for each in found.faults]
    assert (case.what in whats) if case.what else (whats == []), found.faults
    assert (found.staging is not None) == bool(case.what), found.staging
    if isinstance(found.staging, CapacityError):
        assert all(each.remedy for each in found.faults), "a fault without a way out"


def test_what_is_down_does_not_hide_the_next(both: Callable[[Case], Both]) -> None:
    def worse(place: Place) -> None:
        no_way_out(place)
        hosts(enabled=False)(place)
        place.down("/image")

    found = both(Case("much at once", arrange=worse, options={"max_servers": 1}))
    assert [each.what for each in found.faults] == ["image", "size", "external network", "hosts"]


@pytest.mark.parametrize(("path", "what"), [("/compute", "compute"), ("/networking", "network")])
def test_what_hangs_on_rights_is_not_guessed(path: str, what: str, both: Callable[[Case], Both]) -> None:
    found = both(Case("down", arrange=lambda place: place.down(path)))
    assert [each.what for each in found.faults] == [what]
    notes = {each.what: each.found for each in found.findings if each.state is State.NOTE}
    assert {"rights", "flavor", "quotas"} <= notes.keys()


def test_a_journal_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, both: Callable[[Case], Both]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    found = both(Case("no journal"))
    assert [each.what for each in found.faults] == ["journal"]
    assert found.staging is not None
