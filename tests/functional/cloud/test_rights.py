"""What a user may do is asked of the cloud: every kind of user either gets all that a run needs, or is told
before anything is made.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kb_tests import cli
from kb_tests.cloud.cleanup import clean
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CapacityError
from kb_tests.localcloud.keystone.totp import passcode
from tests.functional.cloud.conftest import everything
from tests.functional.cloud.operator import PASSWORD, Operator
from tests.functional.cloud.staged import BOOT, scenario, stage_small, stage_storage, storage_scenario

KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@dataclasses.dataclass
class As:
    """Somebody signed in, with a journal of a run."""

    cloud: Cloud
    journal: Journal


@pytest.fixture
def sign_in(operator: Operator, tmp_path: Path) -> Iterator[Callable[[Path], As]]:
    made: list[As] = []

    def sign_in(clouds_yaml: Path) -> As:
        cloud = connect(clouds_yaml.stem, clouds_yaml)
        journal = Journal.start(cloud.name, clouds_yaml=clouds_yaml, folder=tmp_path / "runs")
        made.append(As(cloud, journal))
        return made[-1]

    yield sign_in
    for each in made:
        each.journal.release()
        each.cloud.close()


def doctor(clouds_yaml: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, *options: str) -> str:
    """The line that doctor has about rights, with its remedy."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds_yaml))
    file = clouds_yaml.with_name("small.scenario.yaml")
    file.write_text(
        "name: small\nkind: http\ntopology: {flavor: {ram: 64MiB}}\nload: {rate: [1]}\nsla: {errors: 1%}\n"
    )
    capsys.readouterr()
    cli.main(["doctor", "--cloud", clouds_yaml.stem, "--scenario", str(file), *options])
    table = capsys.readouterr().out.replace(f"\n{'':<25}->", " ->")
    (line,) = [line for line in table.splitlines() if line.startswith("rights ")]
    return " ".join(line.split())


def stages_and_goes(operator: Operator, user: As, **options: Any) -> None:
    before = everything(operator.cloud)
    topology = stage_small(user.cloud, user.journal, **options)
    assert len(topology.clients) == len(topology.servers) == 1
    tear_down(user.cloud, user.journal)
    left = {kind: found - before[kind] for kind, found in everything(operator.cloud).items()}
    # Neutron makes a project's default group, which is the operator's.
    assert {kind: found for kind, found in left.items() if found and kind != "security_group"} == {}


@pytest.mark.parametrize(
    "admins",
    [
        "keystone,neutron,glance,cinder",
        *(pytest.param(each, marks=pytest.mark.nightly) for each in ("keystone", "none", "nova,neutron")),
    ],
)
def test_a_role_called_admin_that_is_none_stages_in_its_own_project(
    operator: Operator,
    settings: Callable[..., None],
    sign_in: Callable[[Path], As],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    admins: str,
) -> None:
    name = f"fake-{admins.replace(',', '-')}"
    clouds_yaml = operator.user(name, "admin")
    settings(admins=admins)
    assert doctor(clouds_yaml, monkeypatch, capsys).startswith("rights note no admin")
    stages_and_goes(operator, sign_in(clouds_yaml))
    stages_and_goes(operator, sign_in(clouds_yaml), own_projects=False)


def test_a_role_of_another_name_that_is_an_administrators_has_projects_of_its_runs_own(
    operator: Operator, settings: Callable[..., None], sign_in: Callable[[Path], As]
) -> None:
    settings(admins="none")
    user = sign_in(operator.user("boss", "cloud_admin"))
    topology = stage_small(user.cloud, user.journal)
    projects = [each.name for each in operator.cloud.identity.projects()]
    assert len([name for name in projects if name.startswith(f"kb-{topology.run_id}-")]) == 2
    tear_down(user.cloud, user.journal)


def test_what_a_fake_administrator_left_is_cleaned_up_by_it(
    operator: Operator, settings: Callable[..., None], sign_in: Callable[[Path], As]
) -> None:
    clouds_yaml = operator.user("fake-left", "admin")
    settings(admins="keystone")
    before = everything(operator.cloud)
    user = sign_in(clouds_yaml)
    topology = stage_small(user.cloud, user.journal)
    user.journal.close()
    clean(user.cloud, run_id=topology.run_id, force=True)
    left = {kind: found - before[kind] for kind, found in everything(operator.cloud).items()}
    assert {kind: found for kind, found in left.items() if found and kind != "security_group"} == {}


def test_a_reader_is_told_before_anything_is_made(
    operator: Operator,
    settings: Callable[..., None],
    sign_in: Callable[[Path], As],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings(policies="secure")
    clouds_yaml = operator.user("rita", "reader")
    user = sign_in(clouds_yaml)
    project = user.cloud.project_id
    sentence = f"The user of cloud 'rita' may not change networks and make servers in project {project}."
    assert doctor(clouds_yaml, monkeypatch, capsys).startswith(f"rights FAULT {sentence} -> Give it")
    before = everything(operator.cloud)
    with pytest.raises(CapacityError) as refused:
        stage_small(user.cloud, user.journal)
    assert str(refused.value).startswith(sentence)
    assert everything(operator.cloud) == before
    assert user.journal.entries() == ()


@pytest.mark.parametrize("role", ["member", "manager"])
def test_members_and_managers_stage_where_policies_are_secure(
    operator: Operator, settings: Callable[..., None], sign_in: Callable[[Path], As], role: str
) -> None:
    settings(policies="secure")
    stages_and_goes(operator, sign_in(operator.user(f"some-{role}", role)))


# Ways to sign in


@pytest.mark.parametrize(
    "unrestricted",
    [pytest.param(False, id="restricted"), pytest.param(True, id="unrestricted", marks=pytest.mark.nightly)],
)
def test_an_admins_application_credential_does_all_that_an_admin_does(
    operator: Operator, sign_in: Callable[[Path], As], unrestricted: bool
) -> None:
    whose = operator.user(f"admin-{unrestricted}", "admin")
    user = sign_in(operator.credential(f"ac-admin-{unrestricted}", whose, unrestricted=unrestricted))
    stages_and_goes(operator, user)
    stages_and_goes(operator, sign_in(whose), own_projects=False)


def test_a_members_application_credential_stages_and_goes(
    operator: Operator, sign_in: Callable[[Path], As]
) -> None:
    stages_and_goes(operator, sign_in(operator.credential("ac-member", operator.user("plain", "member"))))


def on_hosts(user: As, **options: Any) -> None:
    asked = scenario(placement={"servers": ["nova:kb-host-1"], "clients": ["nova:kb-host-2"]})
    chosen = StageOptions(image="kb-node", **options)
    stage(user.cloud, plan(asked), BOOT, user.journal, chosen)
    tear_down(user.cloud, user.journal)


def test_hosts_are_refused_to_an_application_credential_before_anything_is_made(
    operator: Operator, sign_in: Callable[[Path], As]
) -> None:
    whose = operator.user("admin-hosts", "admin")
    on_hosts(sign_in(whose))
    user = sign_in(operator.credential("ac-hosts", whose))
    before = everything(operator.cloud)
    with pytest.raises(CapacityError) as refused:
        on_hosts(user)
    assert str(refused.value) == (
        "Scenario small places servers on hosts. In the run's own projects that is for the user of cloud "
        "'ac-hosts', who signs in by v3applicationcredential and by that to one project only. Sign in with a "
        "password, or give --kb-existing-project."
    )
    assert everything(operator.cloud) == before
    on_hosts(sign_in(whose), own_projects=False)


def test_what_signs_in_once_is_refused_before_anything_is_made(
    operator: Operator,
    sign_in: Callable[[Path], As],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run signs in again when it is torn down by another process, perhaps hours later."""
    whose = connect("once", operator.user("once", "member"))
    operator.cloud.identity.create_credential(type="totp", blob=KEY, user_id=whose.user_id)
    who: dict[str, Any] = {"user_id": whose.user_id, "project_id": whose.project_id}
    once: dict[str, dict[str, Any]] = {
        "v3token": {"token": whose.connection.session.get_token(), "project_id": whose.project_id},
        "v3totp": {"passcode": passcode(KEY, time.time())} | who,
        "v3multifactor": {
            "password": PASSWORD,
            "passcode": passcode(KEY, time.time()),
        }
        | who,
    }
    for kind, auth in once.items():
        several = {"auth_methods": ["v3password", "v3totp"]} if kind == "v3multifactor" else {}
        clouds_yaml = operator.entry(f"by-{kind}", auth, auth_type=kind, **several)
        named = "v3totp" if kind == "v3multifactor" else kind
        sentence = f"Cloud 'by-{kind}' signs in by {named}, which does not work again hours later"
        assert sentence in doctor(clouds_yaml, monkeypatch, capsys)
        user = sign_in(clouds_yaml)
        with pytest.raises(CapacityError, match=sentence):
            stage_small(user.cloud, user.journal)
        assert user.journal.entries() == ()
    whose.close()


def test_what_rights_cost(operator: Operator, sign_in: Callable[[Path], As]) -> None:
    """Six questions to an administrator, one to a member, and none a second time."""
    admin, member = operator.user("counted", "admin"), operator.user("counted-too", "member")
    for clouds_yaml, most in ((admin, 6), (member, 1)):
        cloud = sign_in(clouds_yaml).cloud
        cloud.connection.compute.get("/servers")  # asks for versions, once
        before = cloud.requests
        assert cloud.is_admin == (clouds_yaml is admin)
        assert cloud.is_admin == (clouds_yaml is admin)
        assert cloud.requests - before <= most


def test_a_storage_run_of_a_fake_administrator_of_volumes(
    operator: Operator, settings: Callable[..., None], sign_in: Callable[[Path], As]
) -> None:
    clouds_yaml = operator.user("fake-volumes", "admin")
    settings(admins="keystone,nova,neutron,glance")
    user = sign_in(clouds_yaml)
    stage_storage(user.cloud, user.journal, storage_scenario())
    tear_down(user.cloud, user.journal)
