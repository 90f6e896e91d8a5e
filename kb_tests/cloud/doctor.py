"""What `kb doctor` finds: whether a cloud can carry a scenario, and what to do where it cannot.

Everything is asked, nothing is made. A fault is what staging would refuse or fail at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import understood
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.examination import Examination, project
from kb_tests.cloud.findings import Finding, State, fault
from kb_tests.cloud.layout import Layout
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.patience import USUAL, Patience
from kb_tests.errors import CloudError

SKEW = 5.0
"""Seconds that clocks may differ: HTTP's Date has whole ones, and travels."""


def examine(
    name: str,
    layout: Layout | None,
    options: StageOptions,
    clouds_yaml: Path | None = None,
    patience: Patience = USUAL,
) -> Iterator[Finding]:
    """All findings about the cloud `name`, and how it suits `layout`, where one is given.

    Goes on past a service that does not answer, and ends early only where nobody can sign in. `options` are
    those that staging would have.
    """
    try:
        cloud = connect(name, clouds_yaml, patience)
    except CloudError as error:
        yield fault("sign-in", error)
        return
    try:
        yield Finding("sign-in", State.GOOD, f"{cloud.auth_url}, project {project(cloud)}")
        if _trusts_everybody(cloud):
            yield Finding(
                "TLS",
                State.NOTE,
                "Certificates are not checked, as clouds.yaml says: anybody between may read the password.",
                "Name the file of the cloud's CA as cacert there, and leave verify: false out.",
            )
        down: set[str] = set()
        for finding in _services(cloud, layout):
            yield finding
            if finding.state is State.FAULT:
                down.add(finding.what)
        yield _clock(cloud)
        caller = Caller(cloud, until=time.monotonic() + patience.questions, stop=Event())
        yield from Examination(caller, layout, options, frozenset(down)).run()
    finally:
        cloud.close()


def _trusts_everybody(cloud: Cloud) -> bool:
    verify, _ = cloud.connection.config.get_requests_verify_args()
    return verify is False and cloud.auth_url.startswith("https:")


def _services(cloud: Cloud, layout: Layout | None) -> Iterator[Finding]:
    services = ["identity", "compute", "network", "image", *(["block_storage"] if cloud.has_volumes else [])]
    for service in services:
        name = service.replace("_", " ")
        try:
            with understood(cloud.name):
                yield Finding(name, State.GOOD, _endpoint(getattr(cloud.connection, service)))
        except CloudError as error:
            remedy = error.remedy or "Check region_name and interface in clouds.yaml, and that the API is up."
            yield fault(name, error, remedy)
    if not cloud.has_volumes and not (layout and layout.volume):
        yield Finding("block storage", State.NOTE, "Not offered: storage scenarios need target: ephemeral.")


def _endpoint(proxy: Any) -> str:
    data = proxy.get_endpoint_data()
    if data is None:
        raise sdk.SDKException("the catalog names no endpoint")
    # What the catalog says of a service stands there while it is down, too: any answer of its own will do.
    answer = proxy.request("", "GET", raise_exc=False)
    if answer.status_code >= 500:
        sdk.raise_from_response(answer)
    version = ".".join(map(str, data.api_version or ())) or "unknown"
    if data.max_microversion:
        version += f", microversions to {'.'.join(map(str, data.max_microversion))}"
    return f"version {version} at {data.url}"


def _clock(cloud: Cloud) -> Finding:
    skew = cloud.now() - time.time()
    if abs(skew) <= SKEW:
        return Finding("clock", State.GOOD, f"within {SKEW:g} s of this machine's")
    return Finding(
        "clock",
        State.NOTE,
        f"The cloud's is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's.",
        "Leases go by the cloud's; set both by NTP, or logs and records will not match.",
    )
