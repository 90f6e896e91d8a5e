"""What a run would take, before anything is made: servers, time, and the command line that does it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from kb_tests.cloud.describe import moved
from kb_tests.cloud.kept import kept_runs
from kb_tests.cloud.layout import Needs
from kb_tests.cloud.workloads import plan
from kb_tests.report import words
from kb_tests.scenario.points import Point, expand
from kb_tests.scenario.units import counted, format_duration
from kb_tests.web import clouds
from kb_tests.web.problems import Problem
from kb_tests.web.scenarios import Scenarios, Source
from kb_tests.web.shapes.plans import Plan, PlannedPoint, PlanRequest, RunOptions
from kb_tests.web.workloads import WORKLOADS

_NAMED = {
    "image": "--kb-image",
    "flavor": "--kb-flavor",
    "external_network": "--kb-external-network",
    "network": "--kb-network",
    "router": "--kb-router",
    "availability_zone": "--kb-availability-zone",
}
_SWITCHES = {
    "existing_project": "--kb-existing-project",
    "packages": "--kb-packages",
    "config_drive": "--kb-config-drive",
}


@dataclass(frozen=True)
class Planned:
    """A plan, the sources of its scenarios, and the servers that its largest topology has."""

    plan: Plan
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Limits:
    """What may be started from a browser: servers at a time, and minutes of load."""

    servers: int
    minutes: float


class Planner:
    """Plans runs of the `scenarios` that are known, within `limits`; all reach their servers by
    `proxy_command`, if there is one. `runs` is where journals are, that of this user by default.
    """

    def __init__(
        self, scenarios: Scenarios, limits: Limits, proxy_command: str = "", runs: Path | None = None
    ) -> None:
        self._scenarios = scenarios
        self._runs = runs
        self.limits = limits
        self._proxy_command = proxy_command

    def arguments(self, request: PlanRequest, sources: Sequence[Path]) -> Iterator[str]:
        """The options of pytest for a run of the scenario files `sources`."""
        yield from _arguments(request, sources)
        if self._proxy_command and request.cloud:
            yield f"--kb-ssh-proxy-command={self._proxy_command}"

    def planned(self, request: PlanRequest) -> Planned:
        """What `request` would take; raises Problem where it cannot be what it says."""
        self._check(request)
        sources = tuple(self._scenarios.source(name) for name in request.scenarios)
        every = [(source.name, point) for source in sources for point in expand(source.scenario)]
        if missing := [name for name in request.points if name not in {point.id for _, point in every}]:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"No scenario of this run has the point {missing[0]}.",
                "POST /api/v1/checks lists a scenario's points.",
            )
        points = tuple(_point(*one, request) for one in every)
        chosen = [point for point in points if point.chosen]
        used = {point.scenario for point in chosen}
        staged = [one for one in sources if one.name in used or request.mode == "stage"]
        each = [plan(source.scenario).needs for source in staged]
        stays = request.mode == "stage" or (request.keep and not request.reuse)
        needs = sum(each, Needs()) if stays else _largest(each)
        servers = 0 if request.reuse else needs.servers + (len(each) if request.testing_cloud else 0)
        shortest, longest = (sum(getattr(p, key) for p in chosen) for key in ("shortest", "longest"))
        return Planned(
            Plan(
                digest=_digest(request, sources, self.limits),
                sentence=_sentence(request, needs, chosen, shortest, longest),
                needs={name: int(getattr(needs, name)) for name in needs.__annotations__},
                points=points,
                shortest=shortest,
                longest=longest,
                moved=moved(tuple(point for _, point in every if _is_chosen(point, request))),
                command=self._shown(request, sources),
                refusals=(
                    *self._unfit(request, sources[0]),
                    *self._refusals(servers, longest, stays=stays),
                ),
            ),
            sources,
        )

    def _check(self, request: PlanRequest) -> None:
        for name in (request.cloud, request.testing_cloud):
            if not clouds.is_known(name):
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"clouds.yaml has no cloud {name}.",
                    "GET /api/v1/clouds lists those that there are.",
                )
        if request.testing_cloud and request.testing_cloud == request.cloud:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "A testing cloud is another one than its target.")
        if request.testing_cloud and not request.cloud:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "The embedded local cloud is not loaded from another one."
            )
        if len(set(request.scenarios)) < len(request.scenarios):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "A scenario is named twice.")
        if request.mode == "stage" and (request.reuse or request.points):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "What is only staged has no points, and reuses nothing."
            )
        if request.reuse and len(request.scenarios) > 1:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "A kept topology is loaded by one scenario a run.")

    def _shown(self, request: PlanRequest, sources: Sequence[Source]) -> str:
        places = [(source.name, source.place) for source in sources]
        paths = [Path(name) if place.origin == "shipped" else place.path for name, place in places]
        return shlex.join(["pytest", "--pyargs", "kb_tests", *self.arguments(request, paths)])

    def _unfit(self, request: PlanRequest, source: Source) -> Iterator[str]:
        """Why a kept topology cannot be loaded so; the session would refuse it, and knows more of it."""
        if not request.reuse:
            return
        kept = next((one for one in kept_runs(self._runs) if one.run == request.reuse), None)
        if kept is None:
            yield f"Nothing of run {request.reuse} is kept here: it was ended, or its day is over."
            return
        wanted = (request.cloud, *filter(None, [request.testing_cloud]))
        same = clouds.are_one((*wanted, *kept.clouds))
        if [same[name] for name in kept.clouds] != [same[name] for name in wanted]:
            where = " and ".join(name or "a local cloud of its own" for name in kept.clouds)
            yield f"What run {kept.run} left is on {where}."
        asked = source.scenario.topology.model_dump(mode="json")
        if kept.kind != source.scenario.kind or kept.asked != asked:
            yield (
                f"{source.name} asks for another topology than run {kept.run} left, which was staged for"
                f" {kept.scenario}: only loads and limits may differ."
            )

    def _refusals(self, servers: int, longest: float, *, stays: bool) -> Iterator[str]:
        kept = sum(run.servers for run in kept_runs(self._runs)) if stays else 0
        if kept and servers <= self.limits.servers < servers + kept:
            yield (
                f"This leaves {counted(servers, 'server')} beside {kept} that are kept already, and"
                f" {self.limits.servers} may stay from here: end what is not needed any more, or start"
                " `kb ui` with a larger --max-servers."
            )
        if servers > self.limits.servers:
            yield (
                f"This takes {counted(servers, 'server')}, and {self.limits.servers} may be started from"
                " here: start `kb ui` with a larger --max-servers."
            )
        if longest > self.limits.minutes * 60:
            yield (
                f"This may load for {format_duration(longest)}, and {self.limits.minutes:g}min may be "
                "started from here: start `kb ui` with a larger --max-minutes, or choose fewer points."
            )


def _arguments(request: PlanRequest, sources: Sequence[Path]) -> Iterator[str]:
    """As far as a request says them: each value stays within its option."""
    if request.cloud:
        yield f"--kb-cloud={request.cloud}"
    if request.testing_cloud:
        yield f"--kb-testing-cloud={request.testing_cloud}"
    yield from (f"--kb-scenario={path}" for path in sources)
    yield from (f"--kb-point={point}" for point in request.points)
    if request.mode == "stage":
        yield "--kb-stage-only"
    if request.keep:
        yield "--kb-keep"
    if request.reuse:
        yield f"--kb-reuse={request.reuse}"
    yield from _options(request.options)


def _options(options: RunOptions) -> Iterator[str]:
    for name, option in _NAMED.items():
        if value := getattr(options, name):
            yield f"{option}={value}"
    yield from (option for name, option in _SWITCHES.items() if getattr(options, name))
    yield from (f"--kb-nameserver={address}" for address in options.nameservers)
    if not options.floating_ip:
        yield "--kb-no-floating-ip"
    if options.ssh_port is not None:
        yield f"--kb-ssh-port={options.ssh_port}"
    if options.build_timeout is not None:
        yield f"--kb-build-timeout={options.build_timeout}s"
    if options.inconclusive != "fail":
        yield f"--kb-inconclusive={options.inconclusive}"


def _point(name: str, point: Point, request: PlanRequest) -> PlannedPoint:
    face = WORKLOADS[point.kind]
    return PlannedPoint(
        id=point.id,
        scenario=name,
        load=face.load(point),
        how=face.how(point),
        shortest=point.before + point.duration,
        longest=point.before + point.max_duration,
        chosen=_is_chosen(point, request),
    )


def _is_chosen(point: Point, request: PlanRequest) -> bool:
    return request.mode == "run" and (not request.points or point.id in request.points)


def _largest(needs: Sequence[Needs]) -> Needs:
    return Needs(**{name: max(getattr(one, name) for one in needs) for name in Needs.__annotations__})


def _digest(request: PlanRequest, sources: Sequence[Source], limits: Limits) -> str:
    """Of all that decides what would run: whoever names it has seen exactly this."""
    asked = request.model_dump(mode="json", include=set(PlanRequest.model_fields))
    texts = {source.name: source.digest for source in sources}
    about = {"asked": asked, "texts": texts, "limits": [limits.servers, limits.minutes]}
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _sentence(
    request: PlanRequest, needs: Needs, points: Sequence[PlannedPoint], shortest: float, longest: float
) -> str:
    where = request.cloud or "a local cloud on this machine"
    ram = words.number(needs.ram / 1024)
    servers = f"{counted(needs.servers, 'server')}, {needs.vcpus} vCPU and {ram} GiB of RAM"
    if request.mode == "stage":
        return f"Makes {servers} on {where}, loads nothing, and leaves them there for a day."
    lasting = (
        format_duration(shortest)
        if shortest == longest
        else (f"{format_duration(shortest)} to {format_duration(longest)}")
    )
    points_text = "1 point" if len(points) == 1 else f"{len(points)} points"
    if request.reuse:
        what = f"what run {request.reuse} left on {where}"
        return f"Loads {what} for {lasting}, {points_text}, and leaves it again."
    end = "leaves them there for a day" if request.keep else "removes all of it"
    return f"Uses {servers} on {where}, loads for {lasting}, {points_text}, then {end}."
