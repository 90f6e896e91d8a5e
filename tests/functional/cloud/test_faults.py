"""A cloud that misbehaves: answers lost, errors, throttling. Nothing is made twice, nothing is left."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests

from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.patience import Patience
from kb_tests.cloud.teardown import tear_down
from kb_tests.errors import CapacityError, LeakError, StagingError
from kb_tests.localcloud import control
from tests.functional.cloud.conftest import Fault, Faults, answer
from tests.functional.cloud.staged import stage_small
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("nothing_left")


Answer = requests.Response | None
Send = Callable[[], requests.Response]


@pytest.fixture
def cloud(local: control.Running) -> Iterator[Cloud]:
    """Nobody waits for long, unless told to by Retry-After."""
    cloud = connect(local.cloud, local.clouds_yaml, Patience(first_wait=0.01, settle=0.2))
    yield cloud
    cloud.close()


def every(
    share: float,
    seed: int,
    fault: Fault,
    matches: Callable[[requests.PreparedRequest], bool] = lambda request: True,
) -> Fault:
    """`fault` for that share of the matching requests, never twice in a row for the same one."""
    chance = random.Random(seed)
    hit: Counter[str] = Counter()

    def maybe(request: requests.PreparedRequest, send: Send) -> Answer:
        key = f"{request.method} {request.url} {request.body!r}"
        if not matches(request) or hit[key] or chance.random() > share:
            hit[key] = 0
            return None
        hit[key] += 1
        return fault(request, send)

    return maybe


def lost(request: requests.PreparedRequest, send: Send) -> Answer:
    """The cloud does it, but the answer never comes."""
    send()
    raise requests.exceptions.ConnectionError("injected: connection reset")


def dropped(request: requests.PreparedRequest, send: Send) -> Answer:
    raise requests.exceptions.ConnectionError("injected: connection refused")


def failing(status: int, **headers: str) -> Fault:
    return lambda request, send: answer(request, status, **headers)


def half_done(request: requests.PreparedRequest, send: Send) -> Answer:
    """The cloud does it, then says that it failed."""
    send()
    return answer(request, 500)


def token_ended(request: requests.PreparedRequest, send: Send) -> Answer:
    """Keystone takes the token back before the call, as when it has expired in a long run."""
    token = request.headers.get("X-Auth-Token")
    if token is None:  # what is asked before somebody signs in
        return None
    keystone = f"{urlsplit(request.url or '').scheme}://{urlsplit(request.url or '').netloc}/identity/v3"
    answered = requests.delete(
        f"{keystone}/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token}, timeout=PATIENCE
    )
    assert answered.status_code in (204, 401)  # 401: another thread's call has had it taken back
    return None


def _no_sign_in(request: requests.PreparedRequest) -> bool:
    return "/auth/tokens" not in (request.url or "")


@pytest.mark.parametrize(
    "fault",
    [
        lost,
        dropped,
        half_done,
        failing(500),
        failing(503),
        failing(429, **{"Retry-After": "0"}),
        token_ended,
    ],
    ids=["lost", "dropped", "half-done", "500", "503", "429", "token-ended"],
)
def test_staging_survives(cloud: Cloud, journal: Journal, faults: Faults, fault: Fault) -> None:
    faults.inject(every(0.3, 7, fault, _no_sign_in))
    topology = stage_small(cloud, journal, servers=2)
    faults.inject(None)
    found = [resource for kind in KINDS.values() for resource in kind.find(cloud, journal.mark)]
    assert len(topology.agents) == 4
    assert Counter(resource.kind for resource in found) == {
        "server": 5,
        "floating_ip": 1,
        "keypair": 2,
        "flavor": 1,
        "router": 2,
        "port": 2,
        "network": 2,
        "subnet": 2,
        "security_group": 3,
        "user": 2,
        "project": 2,
    }
    tear_down(cloud, journal)


@pytest.mark.parametrize(
    "fault",
    [lost, half_done, failing(503), failing(409), token_ended],
    ids=["lost", "half-done", "503", "409", "token-ended"],
)
def test_teardown_survives(cloud: Cloud, journal: Journal, faults: Faults, fault: Fault) -> None:
    stage_small(cloud, journal)
    faults.inject(every(0.4, 11, fault, lambda request: request.method == "DELETE"))
    tear_down(cloud, journal, deadline=PATIENCE)
    assert journal.closed


def test_retry_after_is_kept(cloud: Cloud, journal: Journal, faults: Faults) -> None:
    at: dict[object, list[float]] = {}

    def throttle(request: requests.PreparedRequest, send: Send) -> Answer:
        if request.method == "POST" and (request.url or "").endswith("/networks"):
            at.setdefault(request.body, []).append(time.monotonic())
            if sum(map(len, at.values())) == 1:
                return answer(request, 429, **{"Retry-After": "1"})
        return None

    faults.inject(throttle)
    stage_small(cloud, journal)
    tear_down(cloud, journal)
    ((refused, again),) = [times for times in at.values() if len(times) > 1]
    assert again - refused >= 1.0


def test_a_refusal_is_said_and_ends_staging(cloud: Cloud, journal: Journal, faults: Faults) -> None:
    faults.inject(
        every(1.0, 1, failing(403), lambda r: r.method == "POST" and "/security-groups" in (r.url or ""))
    )
    with pytest.raises(StagingError, match=r"refused security group kb-[0-9a-f]{8}-\S+: 403 "):
        stage_small(cloud, journal)
    faults.inject(None)
    tear_down(cloud, journal)


def test_a_refusal_after_a_lost_answer_is_not_taken_for_nothing(
    cloud: Cloud, journal: Journal, faults: Faults
) -> None:
    """The first POST works behind our back, a listing does not show it yet, the second is refused."""
    posts: list[str] = []

    def fault(request: requests.PreparedRequest, send: Send) -> Answer:
        url = request.url or ""
        if "/routers" not in url:
            return None
        if request.method == "GET":
            response = answer(request, 200)
            response._content = b'{"routers": []}'
            return response
        posts.append(url)
        return half_done(request, send) if len(posts) == 1 else answer(request, 403)

    faults.inject(fault)
    with pytest.raises(StagingError, match="refused router"):
        stage_small(cloud, journal, concurrency=1)
    faults.inject(None)
    assert "router" in {entry.kind for entry in journal.entries() if not entry.id}
    tear_down(cloud, journal)


def test_no_right_to_make_projects(local: control.Running, journal: Journal, faults: Faults) -> None:
    cloud = connect(local.cloud, local.clouds_yaml)
    faults.inject(lambda r, send: answer(r, 403) if "/projects" in (r.url or "") else None)
    with pytest.raises(CapacityError, match="may not make projects"):
        stage_small(cloud, journal, own_projects=True)
    faults.inject(None)
    assert journal.entries() == ()
    cloud.close()


def test_what_cannot_be_removed_is_named(
    cloud: Cloud, journal: Journal, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hour for which it is tried passes in a moment, once it was refused some times."""
    stage_small(cloud, journal)
    clock, refused = time.monotonic, 0
    monkeypatch.setattr(time, "monotonic", lambda: clock() + (3600 if refused > 5 else 0))

    def refuse(request: requests.PreparedRequest, _send: Send) -> Answer:
        nonlocal refused
        if request.method != "DELETE" or "/networks/" not in (request.url or ""):
            return None
        refused += 1
        return answer(request, 409)

    faults.inject(refuse)
    with pytest.raises(LeakError) as leak:
        tear_down(cloud, journal, deadline=3600)
    name = f"network kb-{journal.run_id}-client ("
    assert name in str(leak.value)
    assert "Last refusal: removing network" in str(leak.value)
    faults.inject(None)
    projects = [project.name for project in cloud.identity.projects()]
    assert f"kb-{journal.run_id}-clients" in projects, "what leads to the leak must stay"
    tear_down(cloud, journal)


def test_a_cloud_that_went_away_is_a_leak(cloud: Cloud, journal: Journal, faults: Faults) -> None:
    stage_small(cloud, journal)
    faults.inject(dropped)
    with pytest.raises(LeakError, match="does not let us see what is left"):
        tear_down(cloud, journal, deadline=1)
    faults.inject(None)
    tear_down(cloud, journal)
