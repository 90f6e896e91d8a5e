"""Whatever a cloud answers, doctor and staging end in sentences, and nothing that was made is lost."""

from __future__ import annotations

import json
import random
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb_tests.cloud.connect import connect
from kb_tests.cloud.doctor import examine
from kb_tests.cloud.findings import Finding, State, table
from kb_tests.cloud.journal import Journal
from kb_tests.cloud.kinds import KINDS
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.staging import stage
from kb_tests.cloud.teardown import tear_down
from kb_tests.cloud.topology import Role
from kb_tests.cloud.workloads import plan
from kb_tests.errors import CloudError
from kb_tests.scenario.model import HttpScenario
from kb_tests.scenario.storage import StorageScenario
from tests.unit.cloud.in_process import HURRIED, NAME, Fault, InProcess, Send, Sent, response
from tests.unit.fuzz import examples

pytestmark = pytest.mark.filterwarnings("ignore:::openstack")

FLAVOR = {"vcpus": 1, "ram": "64MiB"}
LAYOUTS = [
    plan(
        HttpScenario.model_validate(
            {
                "name": "small",
                "kind": "http",
                "topology": {"flavor": FLAVOR},
                "load": {"rate": [1]},
                "sla": {"errors": "1%"},
            }
        )
    ),
    plan(
        StorageScenario.model_validate(
            {
                "name": "disks",
                "kind": "storage",
                "topology": {"servers": 1, "flavor": FLAVOR, "volume": {"size": "1GiB"}},
                "load": {"profiles": [{"name": "read", "mode": "randread", "rate_iops": 9}]},
                "sla": {"achieved": "80%"},
            }
        )
    ),
]
BOOT = dict.fromkeys(Role, "#!/bin/sh\n")
SECONDS = 1.5
"""How long staging may take: where an answer is wrong for ever, an example takes this long."""

HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>\x1b[31m\nSign in</body></html>"
LEAVES: list[Any] = [None, True, -1, 10**30, 1.5, "", "x", [], {}, [None], [[]], {"x": {}}]


def instead(request: Sent, kind: str, answer: requests.Response, chance: random.Random) -> requests.Response:
    """What comes in place of a cloud's answer."""
    match kind:
        case "nothing":
            raise requests.exceptions.ConnectionError("Connection aborted.")
        case "late":
            raise requests.exceptions.ReadTimeout("Read timed out.")
        case "HTML":
            return response(request, 200, HTML, {"Content-Type": "text/html"})
        case "{}" | "null" | "[]" | '"text"' | '{"cut": ':
            return response(request, 200, kind.encode())
        case "wrong types":
            return response(request, answer.status_code, bent(answer.content, chance), dict(answer.headers))
        case "wrong status":
            return response(request, chance.choice([204, 300, 304, 418]), answer.content)
        case _:
            bodies = [b"", HTML, b'{"error": {}}', b'{"error": {"message": 5}}', b"[]"]
            return response(request, int(kind), chance.choice(bodies))


KINDS_OF_ANSWERS = [
    *("nothing", "late", "HTML", "{}", "null", "[]", '"text"', '{"cut": ', "wrong types", "wrong types"),
    *("wrong types", "wrong status", "400", "401", "403", "404", "409", "500", "503"),
]


def bent(content: bytes, chance: random.Random) -> bytes:
    """A JSON document in which something is of another type, or missing."""
    try:
        document: Any = {"": json.loads(content)}
    except ValueError:
        return content
    where, key = chance.choice(list(_places(document)))
    if isinstance(where, dict) and chance.random() < 0.3:
        del where[key]
    else:
        where[key] = chance.choice(LEAVES)
    return json.dumps(document.get("")).encode()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(pairs):
        yield document, key
        if isinstance(value, dict | list):
            yield from _places(value)


@dataclass(frozen=True)
class Wild:
    """One kind of call that is answered in another way than by a cloud: from its n-th time on, or then only.

    `call` is a place in the calls that a healthy run makes.
    """

    call: int
    nth: int
    kind: str
    for_ever: bool
    seed: int


WILD = st.builds(
    Wild,
    st.integers(0, 99),
    st.sampled_from([1, 1, 1, 2, 3]),
    st.sampled_from(KINDS_OF_ANSWERS),
    st.booleans(),
    st.integers(0, 10**6),
)


def template(request: Sent) -> str:
    """A request's method and path, whatever it is about."""
    path = (request.path_url or "").partition("?")[0]
    return f"{request.method} {re.sub('[0-9a-f-]{32,}', 'ID', path)}"


@contextmanager
def served(wild: Wild | None = None, calls_made: list[str] | None = None) -> Iterator[InProcess]:
    """A cloud with `wild` in it, for somebody in a hurry."""
    with tempfile.TemporaryDirectory() as folder:
        cloud = InProcess(Path(folder))
        lock, times = threading.Lock(), 0

        def fault(request: Sent, send: Send) -> requests.Response:
            nonlocal times
            path = template(request)
            if wild is None or calls_made is None or path != calls_made[wild.call % len(calls_made)]:
                return send()
            with lock:
                times += 1
                hit = times == wild.nth or (wild.for_ever and times > wild.nth)
            return instead(request, wild.kind, send(), random.Random(wild.seed)) if hit else send()

        cloud.fault = fault
        with cloud.serving():
            yield cloud


@cache
def calls_of(work: Callable[[InProcess, Layout, bool], None], layout: Layout, own: bool) -> list[str]:
    """The calls that `work` makes of a healthy cloud."""
    with served() as cloud:
        work(cloud, layout, own)
        return list(dict.fromkeys(map(template, cloud.seen)))


def one_sentence(text: str) -> None:
    assert text
    assert text.isprintable()
    assert len(text) < 800
    assert "Traceback" not in text
    assert "object at 0x" not in text


def quickly(number: int) -> settings:
    """So many cases, and a night's worth of them in a night: staging takes a second each."""
    return settings(
        max_examples=min(examples(number), 1000),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def ask(there: InProcess, layout: Layout, own: bool) -> None:
    options = StageOptions(own_projects=None if own else False)
    findings: list[Finding] = list(examine(NAME, layout, options, there.clouds_yaml, HURRIED))
    assert findings
    assert table(findings)
    for finding in findings:
        one_sentence(finding.found)
        assert not finding.remedy or finding.remedy.isprintable()


def stage_and_remove(there: InProcess, layout: Layout, own: bool) -> None:
    options = StageOptions(own_projects=None if own else False, deadline=SECONDS)
    cloud = connect(NAME, there.clouds_yaml, HURRIED)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.start(NAME, clouds_yaml=there.clouds_yaml, folder=Path(folder), now=time.time())
        try:
            stage(cloud, layout, BOOT, journal, options)
        finally:
            there.fault = None
            tear_down(connect(NAME, there.clouds_yaml, HURRIED), journal)
            journal.release()


@quickly(20)
@given(WILD, st.sampled_from(LAYOUTS), st.booleans())
def test_doctor_finds_in_sentences(wild: Wild, layout: Layout, own: bool) -> None:
    with served(wild, calls_of(ask, layout, own)) as there:
        ask(there, layout, own)


@quickly(8)
@given(WILD, st.sampled_from(LAYOUTS), st.booleans())
def test_staging_ends_in_a_sentence_and_all_can_be_removed(wild: Wild, layout: Layout, own: bool) -> None:
    with served(wild, calls_of(stage_and_remove, layout, own)) as there:
        before = everything(there)
        try:
            stage_and_remove(there, layout, own)
        except CloudError as error:
            one_sentence(str(error))
        there.fault = None
        assert everything(there) == before


def everything(there: InProcess) -> dict[str, set[str]]:
    """Ids of all that is on the cloud, by kind."""
    fault, there.fault = there.fault, None
    found = {name: {str(each.id) for each in kind.listing(there.admin, None)} for name, kind in KINDS.items()}
    there.fault = fault
    return found


def found_with(fault: Fault) -> dict[str, Finding]:
    with served() as there:
        there.fault = fault
        return {
            each.what: each for each in examine(NAME, LAYOUTS[0], StageOptions(), there.clouds_yaml, HURRIED)
        }


def test_a_service_that_is_a_web_page_is_one_fault() -> None:
    def page(request: Sent, send: Send) -> requests.Response:
        path = urlsplit(request.path_url).path
        return response(request, 200, HTML, {"Content-Type": "text/html"}) if path == "/image" else send()

    found = found_with(page)
    assert found["image"].state is State.FAULT
    assert found["compute"].state is State.GOOD


def test_a_list_that_names_itself_as_its_next_page_ends() -> None:
    def circle(request: Sent, send: Send) -> requests.Response:
        answer = send()
        if urlsplit(request.path_url).path == "/networking/v2.0/networks":
            document = answer.json()
            document["networks_links"] = [{"rel": "next", "href": request.url}]
            return response(request, 200, json.dumps(document).encode())
        return answer

    assert found_with(circle)["external network"].found.endswith("its answers lead in a circle")


@pytest.mark.parametrize("code", [401, 403, 404])
def test_nobody_waits_for_a_keystone_that_keeps_its_versions_to_itself(code: int) -> None:
    def secretive(request: Sent, send: Send) -> requests.Response:
        if request.method == "GET" and urlsplit(request.path_url).path.startswith("/identity"):
            return response(request, code, b"{}")
        return send()

    found = found_with(secretive)["sign-in"].found
    assert found.startswith(f"Cloud 'kb-local' cannot be reached: {code} ")
