"""What staging would look for on a cloud, each by itself, so that one fault does not hide the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kb_tests.cloud import health, journal, places, preflight, signed_in
from kb_tests.cloud.caller import Caller
from kb_tests.cloud.calls import understood
from kb_tests.cloud.connect import Cloud
from kb_tests.cloud.existing import adopt
from kb_tests.cloud.findings import Finding, State, fault
from kb_tests.cloud.flavors import find_flavor, root_disk, size_is_unknown
from kb_tests.cloud.layout import Layout, mebibytes
from kb_tests.cloud.options import StageOptions
from kb_tests.cloud.quotas import check_limits
from kb_tests.cloud.room import room
from kb_tests.cloud.shortages import shortages
from kb_tests.cloud.volumes import ZONES_REMEDY
from kb_tests.errors import CloudError
from kb_tests.scenario.units import counted, format_size


def project(cloud: Cloud) -> str:
    """The one that is signed in to, by name and id."""
    name = cloud.connection.config.auth.get("project_name")
    return f"{name} ({cloud.project_id})" if name else cloud.project_id


_RIGHTS = ("identity", "compute", "network")
"""Services that are asked what a user may do; much hangs on that."""


class Examination:
    """What staging would look for, each by itself, so that one fault does not hide the next. Of the services
    `down` nothing is asked.
    """

    def __init__(
        self,
        caller: Caller,
        layout: Layout | None,
        options: StageOptions,
        down: frozenset[str] = frozenset(),
    ) -> None:
        self._caller = caller
        self._layout = layout
        self._options = options
        self._down = down
        self._own = False

    def run(self) -> Iterator[Finding]:
        """All findings, in the order in which staging would meet them."""
        yield self._asked("journal", self._journal)
        if self._layout is not None and self._options.max_servers is not None:
            yield self._asked("size", self._size)
        yield self._asked("rights", self._rights, *_RIGHTS)
        image: Any = None

        def look_for_image() -> Finding:
            nonlocal image
            image = preflight.find_image(self._caller, self._options.image, self._own)
            if self._layout is not None:
                preflight.check_memory(image, self._layout)
            return Finding("image", State.GOOD, self._describe(image))

        if "image" not in self._down:
            yield self._asked("image", look_for_image)
        if image is not None and (notes := preflight.notes_of(image)):
            more = f" (and {counted(len(notes) - 1, 'more note')} in every report)" if notes[1:] else ""
            yield Finding("image", State.NOTE, f"{notes[0]}{more}")
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
            yield self._asked("existing network", look_for_existing, "network")
        elif layout is not None:
            yield self._asked("nameservers", look_for_nameservers)
        yield self._asked("external network", look_for_network, "network")
        yield from self._health(layout)
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

            yield self._asked("flavor", look_for_flavor, *_RIGHTS)
        if self._options.availability_zone:
            yield self._asked("zone", lambda: self._zone(layout), "compute")
        if layout.places:
            yield self._asked("placement", lambda: self._places(layout), *_RIGHTS)
        volumes = ("block storage",) if layout.volume is not None else ()
        if volumes:
            yield self._asked("volumes", lambda: self._volumes(layout), *volumes)
            yield from self._several("zones", lambda: self._apart(layout), "compute", *volumes)
        yield from self._several("quotas", lambda: self._quotas(layout, external), *_RIGHTS, *volumes)
        yield from self._several("room", lambda: self._room(layout), "compute")

    def _asked(self, what: str, look: Callable[[], Finding], *services: str) -> Finding:
        """What `look` finds, by asking these services."""
        (found,) = self._several(what, lambda: [look()], *services)
        return found

    def _several(self, what: str, look: Callable[[], Iterable[Finding]], *services: str) -> list[Finding]:
        if down := [service for service in services if service in self._down]:
            words = " and ".join(down)
            return [Finding(what, State.NOTE, f"Not looked at: {words} {_verb(down)} not answer.")]
        try:
            with understood(self._caller.cloud.name):
                return list(look())
        except CloudError as error:
            return [fault(what, error)]

    def _size(self) -> Finding:
        assert self._layout is not None
        preflight.check_size([self._layout], self._options)
        return Finding("size", State.GOOD, counted(self._layout.needs.servers, "server"))

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
            f"no admin: all is staged in project {project(self._caller.cloud)}, with an existing flavor and "
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

    def _health(self, layout: Layout | None) -> Iterator[Finding]:
        """What works behind the APIs; users who may not know are told of nothing."""
        yield from self._several("hosts", lambda: [_well("hosts", health.hosts(self._caller))], "compute")
        agents = self._several("agents", self._agents, "network")
        yield from (each for each in agents if each.state is not State.GOOD)
        if layout is not None and layout.volume is not None:
            ends = self._several("back ends", self._back_ends, "block storage")
            yield from (each for each in ends if each.state is not State.GOOD)

    def _agents(self) -> Iterator[Finding]:
        return (_well("agents", each) for each in health.agents(self._caller))

    def _back_ends(self) -> Iterator[Finding]:
        yield _well("back ends", health.back_ends(self._caller))

    def _apart(self, layout: Layout) -> Iterator[Finding]:
        """Where a server and its volume may end up in different zones."""
        if zones := places.zones_that_may_part(self._caller, layout, self._options):
            found = f"{', '.join(zones)}, of Nova and of Cinder: a server may not be where its volume is."
            yield Finding("zones", State.NOTE, found, ZONES_REMEDY)

    def _quotas(self, layout: Layout, external: str) -> Iterator[Finding]:
        lacking = list(
            shortages(self._caller, layout, self._options, own=self._own, external_network_id=external)
        )
        limited = self._own and check_limits(self._caller, layout)
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
        sizes = (
            f"{counted(needs.servers, 'server')}, {needs.vcpus} vCPU, {format_size(needs.ram << 20)} of RAM"
        )
        how = "free"
        if self._own:
            how = "set by the run, in Keystone where that limits Nova" if limited else "set by the run"
        yield Finding("quotas", State.GOOD, f"{sizes} for scenario {layout.scenario}: {how}")

    def _room(self, layout: Layout) -> Iterator[Finding]:
        """Where the cloud tells what its hosts have room for."""
        size, needed = layout.flavor, layout.needs.servers
        found = room(self._caller.cloud, size.vcpus, mebibytes(size.ram))
        if found is None:
            return
        servers = f"servers of {size.vcpus} vCPU and {format_size(size.ram)} of RAM"
        where = "the hosts that are up" if found.known_up else "its hosts, be they up or not"
        told = f"{found.certainly} {servers} fit on {where}, as {found.source} say" + (
            "s" if found.source == "Placement" else ""
        )
        if found.certainly >= needed:
            yield Finding("room", State.GOOD, f"{told}; {needed} are needed")
        elif found.at_most >= needed:
            yield Finding(
                "room",
                State.NOTE,
                f"{told}; {needed} are needed, which takes hosts that promise more RAM than they have.",
                "A host that swaps shows in every figure: free some, or make the scenario smaller.",
            )
        else:
            yield Finding(
                "room",
                State.FAULT,
                f"{told}; scenario {layout.scenario} needs {needed}.",
                "Free some, add hosts, or make the scenario smaller: fewer servers, or "
                "--set topology.flavor.ram=512MiB.",
            )


def _verb(subjects: list[str]) -> str:
    return "does" if len(subjects) == 1 else "do"


def _well(what: str, found: health.Health) -> Finding:
    if found.dead:
        return Finding(what, State.FAULT, f"{found}.", "Its operator has to bring one up, or enable it.")
    return Finding(what, State.NOTE if found.down else State.GOOD, str(found))
