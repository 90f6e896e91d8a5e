"""`kb schema`, `kb scenario` and `kb plan`: what scenario files may say, do say, and need."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kb_tests.commands import arguments
from kb_tests.errors import ScenarioError
from kb_tests.scenario.units import counted

if TYPE_CHECKING:
    from kb_tests.scenario.settings import Setting
    from kb_tests.sla.deciding import Asked


POWER = 0.8
"""How often a slow-down is to be seen, if nobody says it."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the three."""
    schema = commands.add_parser(
        "schema",
        help="print the JSON schema of scenario files, for editors, of a session's events, or of records",
    )
    schema.add_argument("what", nargs="?", choices=("scenario", "events", "record"), default="scenario")
    schema.set_defaults(run=_schema)

    scenario = commands.add_parser("scenario", help="list, show and check scenario files")
    actions = scenario.add_subparsers(metavar="COMMAND", required=True)
    check = actions.add_parser(
        "check", help="say what is wrong with scenario files, and what they cannot show"
    )
    check.add_argument("files", nargs="+", metavar="FILE", help="scenario file, or name of a shipped one")
    check.add_argument("--json", action="store_true", help="a JSON object a file, for programs")
    add_set(check)
    check.set_defaults(run=_check)
    listing = actions.add_parser("list", help="list the shipped scenarios")
    listing.set_defaults(run=_list)
    show = actions.add_parser(
        "show",
        help="print a shipped scenario, to copy and change",
        description="Prints a scenario file: kb scenario show http-east-west > my-scenario.yaml",
    )
    show.add_argument("file", metavar="NAME", help="name of a shipped scenario, or a file")
    show.set_defaults(run=_show)

    plan = commands.add_parser("plan", help="say what a scenario needs, before anything is staged")
    plan.add_argument("file", metavar="FILE", help="scenario file, or name of a shipped one")
    plan.add_argument(
        "--two-clouds", action="store_true", help="with its traffic generators on a cloud of their own"
    )
    plan.add_argument(
        "--slower",
        type=arguments.share,
        metavar="SHARE",
        help="how many pairs (pytest's --kb-pairs), and minutes, show that a side is so much slower: 10%%",
    )
    plan.add_argument(
        "--power",
        type=arguments.share,
        metavar="SHARE",
        help="how often they do (default: 80%%)",
    )
    add_set(plan)
    plan.set_defaults(run=_plan)


def add_set(parser: argparse.ArgumentParser) -> None:
    """`--set`, as pytest's --kb-set."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="PATH=VALUE",
        help="as pytest's --kb-set: load.rate=[500], or NAME:load.rate=[500] of one of several scenarios",
    )


def settings(options: argparse.Namespace) -> list[Setting]:
    """What `add_set` took; raises ScenarioError."""
    from kb_tests.scenario.settings import parse

    return [parse(text, "--set") for text in options.settings]


def _schema(options: argparse.Namespace) -> int:
    from kb_tests.events import lines
    from kb_tests.report.schema import schema as of_records
    from kb_tests.scenario import model

    schemas: dict[str, Callable[[], dict[str, Any]]] = {
        "scenario": model.schema,
        "events": lines.schema,
        "record": of_records,
    }
    found = schemas[options.what]()
    print(json.dumps(found, indent=2))
    return 0


def _check(options: argparse.Namespace) -> int:
    from kb_tests.scenario.load import load, load_all
    from kb_tests.scenario.points import expand
    from kb_tests.scenario.shipped import find_file
    from kb_tests.sla import deciding
    from kb_tests.sla.capacity import foreseen
    from kb_tests.sla.feasible import feasible
    from kb_tests.sla.workloads import WORKLOADS

    wanted = settings(options)
    loaded = load_all([find_file(file) for file in options.files], wanted) if wanted else {}
    wrong = 0
    for file in options.files:
        times: list[Asked] = []
        searches: list[str] = []
        try:
            path = find_file(file)
            scenario = loaded[path].scenario if wanted else load(path)
            mistakes = feasible(scenario)
            times = list(WORKLOADS[scenario.kind].deciding(scenario))
            searches = list(foreseen.sentences(scenario))
        except ScenarioError as error:
            mistakes = [str(error)]
        wrong += bool(mistakes)
        if options.json:
            told = {"mistakes": mistakes, "decided": deciding.as_json(times), "searches": searches}
            print(json.dumps({"file": file, **told}))
        else:
            many = f"{counted(len(searches), 'search', 'searches')}" if searches else ""
            many = many or counted(len(expand(scenario)), "point") if not mistakes else ""
            good = mistakes or [f"{file}: good, {many}"]
            print("\n".join([*good, *(f"  {told}" for told in (*searches, *deciding.sentences(times)))]))
    return int(wrong > 0)


def _list(_options: argparse.Namespace) -> int:
    from kb_tests.scenario.load import load
    from kb_tests.scenario.points import expand
    from kb_tests.scenario.shipped import shipped

    scenarios = [load(path) for path in shipped()]
    width = max(len(scenario.name) for scenario in scenarios)
    for scenario in scenarios:
        points = len(expand(scenario))
        print(
            f"{scenario.name:{width}}  {scenario.kind:7}  {counted(points, 'point'):>10}  "
            f"{' '.join(scenario.description.split())}".rstrip()
        )
    return 0


def _show(options: argparse.Namespace) -> int:
    from kb_tests.scenario.load import load
    from kb_tests.scenario.shipped import find_file

    path = find_file(options.file)
    load(path)
    print(path.read_text(encoding="utf-8"), end="")
    return 0


def _plan(options: argparse.Namespace) -> int:
    from kb_tests.cloud.describe import describe
    from kb_tests.cloud.layout import apart
    from kb_tests.cloud.workloads import plan
    from kb_tests.scenario.load import load
    from kb_tests.scenario.shipped import find_file
    from kb_tests.sla.capacity import foreseen

    if options.power and not options.slower:
        raise ScenarioError("--power says how often --slower is to be seen, and there is no --slower.")
    scenario = load(find_file(options.file), settings(options))
    layout = plan(scenario)
    print(describe(scenario, *(apart(layout) if options.two_clouds else (layout,))))
    for told in foreseen.sentences(scenario):
        print(told)
    if options.slower:
        from kb_tests.compare.planning import sentence
        from kb_tests.scenario.points import expand

        print(sentence(expand(scenario), options.slower, options.power or POWER, scenario.sla))
    return 0
