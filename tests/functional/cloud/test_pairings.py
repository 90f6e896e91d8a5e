"""Two entries of clouds.yaml, one Keystone: each removes of a crashed run what it may, says just that, and
leaves the rest to be found by whoever may.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from kb_tests.cloud import lease
from kb_tests.cloud.builder import Builder
from kb_tests.cloud.cleanup import Cleaned, clean, elsewhere
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.contents import read
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.layout import apart
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import Site, stage_all
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CloudAccessError
from kb_tests.localcloud import control
from tests.functional.cloud.staged import BOOT, PUBLIC_KEY, scenario
from tests.waiting import PATIENCE

ENTRIES = {
    # entry: (user, project, role, region)
    "admin": ("admin", "admin", "admin", "RegionOne"),
    "admin-two": ("admin", "admin", "admin", "RegionTwo"),
    "boss": ("boss", "team-a", "admin", "RegionOne"),
    "team-a": ("ann", "team-a", "member", "RegionOne"),
    "mate": ("abe", "team-a", "member", "RegionOne"),
    "team-b": ("bob", "team-b", "member", "RegionOne"),
}
ALL, NONE = frozenset(KINDS), frozenset[str]()
PASSWORD = "the run's own"
OTHERS_KEYPAIR = frozenset({"keypair"})


@dataclass(frozen=True)
class Clouds:
    """One signed-in cloud by entry."""

    by_entry: dict[str, Cloud]
    clouds_yaml: Path

    def there(self, run_id: str) -> Counter[str]:
        """How much of each kind there is of a run, whoever looks."""
        found: dict[str, set[str]] = {name: set() for name in KINDS}
        for entry, cloud in self.by_entry.items():
            for name in KINDS if ENTRIES[entry][0] == "admin" else ["keypair"]:
                found[name] |= {each.id for each in KINDS[name].find(cloud, None) if each.run_id == run_id}
        return Counter({name: len(ids) for name, ids in found.items() if ids})


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    folder = tmp_path_factory.mktemp("regions")
    running = control.up(folder / "state", driver="null", parent_pid=os.getpid(), regions=("RegionTwo",))
    admin = connect(running.cloud, running.clouds_yaml)
    password = json.loads(running.clouds_yaml.read_text())["clouds"][running.cloud]["auth"]["password"]
    identity = admin.identity
    ids: dict[str, str] = {}
    for user, project, role, _ in ENTRIES.values():
        if project not in ids:
            there = identity.find_project(project)
            ids[project] = (there or identity.create_project(name=project, domain_id="default")).id
        if user not in ids and user != "admin":
            ids[user] = identity.create_user(name=user, domain_id="default", password=password).id
            identity.assign_project_role_to_user(
                ids[project], ids[user], identity.find_role(role, ignore_missing=False)
            )
    clouds_yaml = folder / "clouds.yaml"
    clouds_yaml.write_text(
        json.dumps(
            {
                "clouds": {
                    entry: {
                        "auth": {
                            "auth_url": admin.auth_url,
                            "username": user,
                            "password": password,
                            "project_name": project,
                            "user_domain_id": "default",
                            "project_domain_id": "default",
                        },
                        "region_name": region,
                    }
                    for entry, (user, project, _, region) in ENTRIES.items()
                }
            }
        )
    )
    by_entry = {entry: connect(entry, clouds_yaml) for entry in ENTRIES}
    yield Clouds(by_entry, clouds_yaml)
    for cloud in (admin, *by_entry.values()):
        cloud.close()
    control.down(folder / "state")


@pytest.fixture
def crashed(clouds: Clouds, folder: Path) -> Callable[[str], Journal]:
    """A run of that entry which ended without teardown, and has a few things of many kinds."""

    def crash(entry: str) -> Journal:
        cloud = clouds.by_entry[entry]
        journal = Journal.start(entry, clouds_yaml=clouds.clouds_yaml, folder=folder, now=cloud.now())
        journal.bind(cloud.account)
        builder = Builder(cloud, journal, until=time.monotonic() + PATIENCE, stop=Event())
        scope: dict[str, Any] = {}
        on, owner = cloud.connection, ""
        flavor = cloud.connection.compute.find_flavor("kb.tiny", ignore_missing=False).id
        if ENTRIES[entry][0] == "admin":
            flavor = builder.create("flavor", "flavor", vcpus=1, ram=64, disk=1).id
            project = builder.create("project", "clients", domain_id=cloud.domain_id).id
            owner = builder.create("user", "clients", domain_id=cloud.domain_id, password=PASSWORD).id
            member = cloud.identity.find_role("member", ignore_missing=False)
            cloud.identity.assign_project_role_to_user(project, owner, member)
            scope, on = {"project_id": project}, cloud.sign_in(owner, PASSWORD, project)
        network = builder.create("network", "client", **scope)
        builder.create("subnet", "client", network_id=network.id, ip_version=4, cidr="10.0.0.0/24", **scope)
        builder.create("security_group", "client", **scope)
        builder.create("keypair", "key", on=on, owner=owner, public_key=PUBLIC_KEY, **scope)
        image = cloud.connection.image.find_image("kb-node", ignore_missing=False).id
        builder.create(
            "server",
            "client",
            on=on,
            project=scope.get("project_id", ""),
            flavor_id=flavor,
            image_id=image,
            networks=[{"uuid": network.id}],
            min_count=2,
            max_count=2,
        )
        journal.release()
        return journal

    return crash


def stays_after(maker: str, cleaner: str) -> frozenset[str]:
    """Kinds of a run of `maker` that `cleaner` may not remove."""
    (user, project, _, region), (_, own, role, where) = ENTRIES[maker], ENTRIES[cleaner]
    if region != where:
        return ALL
    if role == "admin":
        return NONE
    # The admin's runs have projects of their own; Nova shows keypairs to their users alone.
    return OTHERS_KEYPAIR if project == own and user != "admin" else ALL


@pytest.mark.parametrize(
    ("maker", "cleaner", "stays", "journal_is_lost"),
    [
        ("team-a", "team-b", ALL, False),
        pytest.param("team-b", "team-a", ALL, False, marks=pytest.mark.nightly),
        pytest.param("admin", "admin-two", ALL, False, marks=pytest.mark.nightly),
        pytest.param("admin-two", "admin", ALL, False, marks=pytest.mark.nightly),
        pytest.param("admin", "team-a", ALL, False, marks=pytest.mark.nightly),
        ("team-a", "admin", NONE, False),
        pytest.param("team-a", "admin-two", ALL, False, marks=pytest.mark.nightly),
        pytest.param("admin-two", "team-a", ALL, False, marks=pytest.mark.nightly),
        ("team-a", "mate", OTHERS_KEYPAIR, False),
        pytest.param("boss", "admin", NONE, False, marks=pytest.mark.nightly),
        pytest.param("boss", "mate", OTHERS_KEYPAIR, False, marks=pytest.mark.nightly),
        pytest.param("admin", "admin-two", ALL, True, marks=pytest.mark.nightly),
        pytest.param("admin-two", "admin", ALL, True, marks=pytest.mark.nightly),
        ("team-a", "admin", NONE, True),
        pytest.param("team-a", "mate", OTHERS_KEYPAIR, True, marks=pytest.mark.nightly),
    ],
)
def test_what_another_entry_removes_and_what_is_left_for_the_first(
    clouds: Clouds,
    crashed: Callable[[str], Journal],
    tmp_path: Path,
    maker: str,
    cleaner: str,
    stays: frozenset[str],
    journal_is_lost: bool,
) -> None:
    assert stays == stays_after(maker, cleaner)
    clean_by_two(clouds, crashed, tmp_path, maker, cleaner, journal_is_lost=journal_is_lost)


def clean_by_two(
    clouds: Clouds,
    crashed: Callable[[str], Journal],
    tmp_path: Path,
    maker: str,
    cleaner: str,
    *,
    journal_is_lost: bool,
) -> None:
    """A run of `maker` crashes; `cleaner` removes what it may and says so, and `maker` the rest."""
    stays = stays_after(maker, cleaner)
    journal = crashed(maker)
    made = clouds.there(journal.run_id)
    assert made["server"] == 2
    folder = tmp_path / "elsewhere" if journal_is_lost else journal.path.parents[1]

    def cleaned_by(entry: str) -> Cleaned:
        run_id = journal.run_id if journal_is_lost else None
        cleaned = clean(clouds.by_entry[entry], run_id=run_id, force=journal_is_lost, folder=folder)
        assert cleaned.faults == []
        return cleaned

    cleaned = cleaned_by(cleaner)
    left = clouds.there(journal.run_id)
    assert left == Counter({kind: made[kind] for kind in made.keys() & stays})
    assert Counter(each.kind for each in cleaned.removed) == made - left, "what it says is not what it did"
    told = " ".join(cleaned.notes)
    assert (f"kb cleanup --cloud {maker}" in told) == (bool(left) and not journal_is_lost), told
    assert journal_is_lost or read(journal.path).closed == (not left)
    again = cleaned_by(maker)
    assert Counter(each.kind for each in again.removed) == left
    assert clouds.there(journal.run_id) == Counter()
    assert journal_is_lost or read(journal.path).closed


def test_one_run_on_two_regions_is_on_two_clouds(clouds: Clouds, folder: Path) -> None:
    """Its projects and users are in one Keystone, and each region has its own of them."""
    north, south = clouds.by_entry["admin"], clouds.by_entry["admin-two"]
    first = Journal.start("admin", clouds_yaml=clouds.clouds_yaml, folder=folder, now=north.now())
    journals = (first, first.beside("admin-two", clouds_yaml=clouds.clouds_yaml, now=south.now()))
    layouts = apart(plan(scenario(servers_per_network=1)))
    sites = [Site(*each) for each in zip((north, south), layouts, (BOOT, BOOT), journals, strict=True)]
    stage_all(sites, StageOptions(image="kb-node"))
    assert lease.renew(north, first)
    assert lease.renew(south, journals[1])
    assert clouds.there(first.run_id)["project"] == 3  # a tenant's, and one for the proxy of each
    tear_down(south, journals[1])
    there = clouds.there(first.run_id)
    assert (there["project"], there["user"], there["router"], there["server"]) == (2, 2, 2, 2)
    assert elsewhere(south, {first.run_id}, folder) == []  # its own process has it
    tear_down(north, first)
    assert clouds.there(first.run_id) == Counter()


def test_two_entries_of_one_region_are_one_cloud(clouds: Clouds, folder: Path) -> None:
    cloud, boss = clouds.by_entry["admin"], clouds.by_entry["boss"]
    journal = Journal.start("admin", folder=folder)
    layouts = apart(plan(scenario(servers_per_network=1)))
    sites = [Site(each, layout, BOOT, journal) for each, layout in zip((cloud, boss), layouts, strict=True)]
    with pytest.raises(CloudAccessError, match="'admin' and 'boss' are one: both are region RegionOne"):
        stage_all(sites, StageOptions(image="kb-node"))
    journal.release()
