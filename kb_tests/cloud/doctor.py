"""What `kb doctor` finds: whether a cloud can carry a scenario, and what to do where it cannot.

Everything is asked, nothing is made. A fault is what staging would refuse or fail at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Any

from openstack import exceptions as sdk

from kb_tests.cloud import journal, places, preflight, signed_in
from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import understood
from kb_tests.cloud.connect import Cloud, connect
from kb_tests.cloud.existing import adopt
from kb_tests.cloud.flavors import find_flavor, root_disk, size_is_unknown
from kb_tests.cloud.layout import Layout, mebibytes
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.quotas import check_limits
from kb_tests.cloud.shortages import shortages
from kb_tests.cloud.volumes import ZONES_REMEDY
from kb_tests.errors import CloudError
from kb_tests.scenario.units import format_size

PATIENCE = 60.0
"""Seconds in which all questions must be answered."""

SKEW = 5.0
"""Seconds that clocks may differ: HTTP's Date has whole ones, and travels."""


class State(StrEnum):
    """What a finding means: as it should be, worth knowing, or in the way."""

    GOOD = "good"
    NOTE = "note"
    FAULT = "FAULT"


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was looked at, what is there, and what to do about it."""

    what: str
    state: State
    found: str
    remedy: str = ""


def examine(
    name: str, layout: Layout | None, options: StageOptions, clouds_yaml: Path | None = None
) -> Iterator[Finding]:
    """All findings about the cloud `name`, and how it suits `layout`, where one is given.

    Ends early where nothing more can be asked. `options` are those that staging would have.
    """
    try:
        cloud = connect(name, clouds_yaml)
    except CloudError as error:
        yield _fault("sign-in", error)
        return
    try:
        yield Finding("sign-in", State.GOOD, f"{cloud.auth_url}, project {_project(cloud)}")
        if _trusts_everybody(cloud):
            yield Finding(
                "TLS",
                State.NOTE,
                "Certificates are not checked, as clouds.yaml says: anybody between may read the password.",
                "Name the file of the cloud's CA as cacert there, and leave verify: false out.",
            )
        services = tuple(_services(cloud, layout))
        yield from services
        if any(finding.state is State.FAULT for finding in services):
            return
        yield _clock(cloud)
        caller = Caller(cloud, until=time.monotonic() + PATIENCE, stop=Event())
        yield from _Examination(caller, layout, options).run()
    finally:
        cloud.close()


def table(findings: Iterable[Finding]) -> str:
    """The findings in columns, remedies below what they are for."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.what:<18}{finding.state:<7}{finding.found}")
        if finding.remedy:
            lines.append(f"{'':<25}-> {finding.remedy}")
    return "\n".join(lines)


def _fault(what: str, error: CloudError, remedy: str = "") -> Finding:
    sentence = str(error).removesuffix(error.remedy).rstrip()
    return Finding(what, State.FAULT, sentence, remedy or error.remedy)


def _project(cloud: Cloud) -> str:
    name = cloud.connection.config.auth.get("project_name")
    return f"{name} ({cloud.project_id})" if name else cloud.project_id


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
            yield _fault(name, error, remedy)
    if not cloud.has_volumes and not (layout and layout.volume):
        yield Finding("block storage", State.NOTE, "Not offered: storage scenarios need target: ephemeral.")


def _endpoint(proxy: Any) -> str:
    data = proxy.get_endpoint_data()
    if data is None:
        raise sdk.SDKException("the catalog names no endpoint")
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


class _Examination:
    """What staging would look for, each by itself, so that one fault does not hide the next."""

    def __init__(self, caller: Caller, layout: Layout | None, options: StageOptions) -> None:
        self._caller = caller
        self._layout = layout
        self._options = options
        self._own = False

    def run(self) -> Iterator[Finding]:
        yield self._asked("journal", self._journal)
        yield self._asked("rights", self._rights)
        image: Any = None

        def look_for_image() -> Finding:
            nonlocal image
            image = preflight.find_image(self._caller, self._options.image, self._own)
            return Finding("image", State.GOOD, self._describe(image))

        yield self._asked("image", look_for_image)
        if image is not None:
            for note in preflight.notes_of(image):
                yield Finding("image", State.NOTE, note)
        external, layout = "", self._layout

        def look_for_network() -> Finding:
            nonlocal external
            external = preflight.way_out(self._caller, layout, self._options)
            return Finding("external network", State.GOOD, external or "none, and none is needed")

        def look_for_existing() -> Finding:
            nonlocal layout
            assert layout is not None
            layout = adopt(self._caller.cloud, layout, self._options)
            wanted = filter(None, (self._options.network, self._options.router))
            return Finding("existing network", State.GOOD, f"{' and '.join(wanted)}, used as it is")

        def look_for_nameservers() -> Finding:
            nonlocal layout
            assert layout is not None
            layout = adopt(self._caller.cloud, layout, self._options)
            return Finding("nameservers", State.GOOD, ", ".join(self._options.nameservers) or "the cloud's")

        if layout is not None and (self._options.network or self._options.router):
            yield self._asked("existing network", look_for_existing)
        elif layout is not None:
            yield self._asked("nameservers", look_for_nameservers)
        yield self._asked("external network", look_for_network)
        if layout is None:
            yield Finding("quotas", State.NOTE, "Not compared with anything.", "Give a --scenario.")
            return
        if image is not None and size_is_unknown(image, layout):
            yield Finding(
                "image",
                State.NOTE,
                f"The size of its disk is unknown; servers get {root_disk(image, layout)} GiB, "
                "which may be too small for it.",
                "Say in the scenario how large their disk has to be: topology.flavor.disk.",
            )
        if image is not None and not (self._own and not self._options.flavor):
            sized = layout

            def look_for_flavor() -> Finding:
                nonlocal layout
                found, layout = self._flavor(sized, image)
                return found

            yield self._asked("flavor", look_for_flavor)
        if self._options.availability_zone:
            yield self._asked("zone", lambda: self._zone(layout))
        if layout.places:
            yield self._asked("placement", lambda: self._places(layout))
        if layout.volume is not None:
            yield self._asked("volumes", lambda: self._volumes(layout))
            yield from self._apart(layout)
        yield from self._quotas(layout, external)

    def _asked(self, what: str, look: Callable[[], Finding]) -> Finding:
        try:
            with understood(self._caller.cloud.name):
                return look()
        except CloudError as error:
            return _fault(what, error)

    def _journal(self) -> Finding:
        journal.check_folder()
        return Finding("journal", State.GOOD, f"in {journal.default_folder()}")

    def _rights(self) -> Finding:
        signed_in.check_sign_in(self._caller.cloud)
        self._own = signed_in.makes_projects(self._caller, self._layout, self._options)
        if self._own:
            signed_in.member_role(self._caller)
            return Finding("rights", State.GOOD, "admin: projects, users, quotas and flavors of a run's own")
        if self._layout is not None:
            signed_in.check_tenants(self._caller, self._layout)
        signed_in.check_member(self._caller)
        return Finding(
            "rights",
            State.NOTE,
            f"no admin: all is staged in project {_project(self._caller.cloud)}, with an existing flavor and "
            "within its quotas; of hosts only an opaque id is seen",
        )

    def _describe(self, image: Any) -> str:
        return f"{image.name}, {format_size(image.size or 0)}, {image.visibility}, id {image.id}"

    def _flavor(self, layout: Layout, image: Any) -> tuple[Finding, Layout]:
        """What is said of the chosen one, and the layout with servers of its size."""
        disk = root_disk(image, layout)
        chosen = find_flavor(self._caller, layout, disk, self._options.flavor)
        need = layout.flavor
        wanted = f"{need.vcpus} vCPU, {mebibytes(need.ram)} MiB of RAM, {disk} GiB of disk"
        has = f"{chosen.vcpus} vCPU, {chosen.ram} MiB of RAM, {chosen.disk} GiB of disk"
        found = f"{chosen.name} ({has}; id {chosen.id}), for {wanted}"
        return Finding("flavor", State.GOOD, found), chosen.carried_by(layout)

    def _zone(self, layout: Layout) -> Finding:
        places.check_zone(self._caller, self._options)
        zones = places.volume_zones(self._caller, layout, self._options)
        other = ", volumes where Cinder puts them" if "" in zones else ""
        return Finding("zone", State.GOOD, f"{self._options.availability_zone}{other}")

    def _places(self, layout: Layout) -> Finding:
        places.check_places(self._caller, layout, own=self._own)
        return Finding("placement", State.GOOD, ", ".join(layout.places))

    def _volumes(self, layout: Layout) -> Finding:
        preflight.check_volumes(self._caller, layout)
        plan = layout.volume
        kind = plan.type if plan and plan.type else "default"
        zones = places.volume_zones(self._caller, layout, self._options)
        where = " and ".join(filter(None, dict.fromkeys(zones)))
        return Finding("volumes", State.GOOD, f"type {kind}{f', in {where}' if where else ''}")

    def _apart(self, layout: Layout) -> Iterator[Finding]:
        """Where a server and its volume may end up in different zones."""
        try:
            with understood(self._caller.cloud.name):
                zones = places.zones_that_may_part(self._caller, layout, self._options)
        except CloudError as error:
            yield _fault("zones", error)
            return
        if zones:
            found = f"{', '.join(zones)}, of Nova and of Cinder: a server may not be where its volume is."
            yield Finding("zones", State.NOTE, found, ZONES_REMEDY)

    def _quotas(self, layout: Layout, external: str) -> Iterator[Finding]:
        try:
            with understood(self._caller.cloud.name):
                lacking = list(
                    shortages(
                        self._caller, layout, self._options, own=self._own, external_network_id=external
                    )
                )
            limited = self._own and check_limits(self._caller, layout)
        except CloudError as error:
            yield _fault("quotas", error)
            return
        for what, needed, free in lacking:
            yield Finding(
                "quotas",
                State.FAULT,
                f"Scenario {layout.scenario} needs {needed} {what}; {free} are free.",
                "Raise the quota, free some, or make the scenario smaller.",
            )
        if lacking:
            return
        needs = layout.needs
        sizes = f"{needs.servers} servers, {needs.vcpus} vCPU, {format_size(needs.ram << 20)} of RAM"
        how = "free"
        if self._own:
            how = "set by the run, in Keystone where that limits Nova" if limited else "set by the run"
        yield Finding("quotas", State.GOOD, f"{sizes} for scenario {layout.scenario}: {how}")
