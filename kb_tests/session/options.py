"""The suite's options of pytest, in groups by what they are for.

Whoever wants something else of a load, its limits or its topology sets a path of the scenario with --kb-set,
which needs no option of its own.

pytest imports this in every session of whoever installed the suite: it imports nothing heavy.
"""

from __future__ import annotations

import argparse

import pytest

from kb_tests.cloud.options import MOST_SERVERS


def add(parser: pytest.Parser) -> None:
    """All of them."""
    _what(parser.getgroup("kb: what to run", "kb_tests: what to run"))
    _there(parser.getgroup("kb: the cloud", "kb_tests: what to use of the cloud, as it is there already"))
    _way(parser.getgroup("kb: the way", "kb_tests: the way to the servers, and how long they may take"))
    _keeping(parser.getgroup("kb: keeping", "kb_tests: keep what was staged"))
    _judging(parser.getgroup("kb: judging", "kb_tests: judging and output"))


def _what(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--kb-cloud",
        action="append",
        default=[],
        metavar="NAME",
        help="cloud of clouds.yaml to load; several run in parallel under -n. Default: an embedded local "
        "cloud, started and stopped by the suite",
    )
    group.addoption(
        "--kb-testing-cloud",
        default="",
        metavar="NAME",
        help="cloud for the traffic generators, which then load the floating IPs of --kb-cloud's servers",
    )
    group.addoption(
        "--kb-scenario",
        action="append",
        default=[],
        metavar="FILE",
        help="scenario file, or name of a shipped one (`kb scenario list`); may be repeated. Default: "
        "http-east-west, and demo-http on the local cloud",
    )
    group.addoption(
        "--kb-point",
        action="append",
        default=[],
        metavar="ID",
        help="run this point of the scenarios alone, by its id; may be repeated",
    )
    group.addoption(
        "--kb-set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="another value for any path of the scenarios that have it: load.rate=[500], "
        "'load.profiles[random mix].iodepth=8', or NAME:load.duration=60s of one scenario; may be repeated",
    )
    group.addoption(
        "--kb-pairs",
        type=_pairs,
        default=0,
        metavar="N",
        help="measure every point N times on each of two sides, in turns A-B-B-A, and judge how much slower "
        "B is: two --kb-cloud, or the two values of --kb-variant; 8 is a good number",
    )
    group.addoption(
        "--kb-variant",
        default="",
        metavar="PATH=A,B",
        help="with --kb-pairs: the two values of a path of the scenario by which the sides differ, such as "
        "topology.flavor.vcpus=1,2; or of image or flavor",
    )
    group.addoption(
        "--kb-max-servers",
        type=_number,
        default=MOST_SERVERS,
        metavar="N",
        help=f"refuse scenarios of more servers than this, before anything is made (default: {MOST_SERVERS})",
    )


def _there(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--kb-image", default="kb-node", metavar="NAME", help="image of all servers (default: kb-node)"
    )
    group.addoption(
        "--kb-packages",
        action="store_true",
        help="servers install what their image lacks, such as nginx: for clouds that take no image of ours",
    )
    group.addoption(
        "--kb-nameserver",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="with --kb-packages, where the cloud's networks have no DNS of their own; may be repeated",
    )
    group.addoption(
        "--kb-flavor", default="", metavar="NAME", help="existing flavor in place of one made for the run"
    )
    group.addoption(
        "--kb-external-network",
        default="",
        metavar="NAME",
        help="external network of the proxy's floating IP",
    )
    group.addoption(
        "--kb-existing-project",
        action="store_true",
        help="stage in the project that clouds.yaml names, within its quotas, even where rights suffice for "
        "projects of the run's own",
    )
    group.addoption(
        "--kb-network",
        default="",
        metavar="NAME",
        help="existing network for the proxy and the generators or storage servers, used as it is; HTTP "
        "servers hang on its router",
    )
    group.addoption(
        "--kb-router",
        default="",
        metavar="NAME",
        help="existing router, used as it is, in place of one made for the run",
    )
    group.addoption(
        "--kb-availability-zone",
        default="",
        metavar="NAME",
        help="availability zone of all servers, and of their volumes where Cinder has one of that name",
    )
    group.addoption(
        "--kb-config-drive",
        action="store_true",
        help="give servers their user_data on a disk, for clouds without a metadata service",
    )


def _way(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--kb-no-floating-ip",
        action="store_true",
        help="reach the proxy at its fixed address, directly or by --kb-ssh-proxy-command",
    )
    group.addoption(
        "--kb-ssh-port",
        type=_port,
        default=None,
        metavar="PORT",
        help="where port 22 of the proxy is reached from here, if it is behind a port forward. Default: "
        "kb_ssh_port of the cloud in clouds.yaml, else 22",
    )
    group.addoption(
        "--kb-ssh-proxy-command",
        default="",
        metavar="COMMAND",
        help="way to the proxy past a bastion, as ssh's ProxyCommand: 'ssh -W %%h:%%p bastion'",
    )
    group.addoption(
        "--kb-build-timeout",
        type=_duration,
        default=None,
        metavar="DURATION",
        help="how long servers may take to become ACTIVE, and from then on until their agents are ready. "
        "Default: 15min and 5min, or 20min with --kb-packages",
    )


def _keeping(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--kb-keep",
        action="store_true",
        help="leave the staged topology for a day; `kb cleanup --run` ends it earlier",
    )
    group.addoption(
        "--kb-stage-only",
        action="store_true",
        help="stage and keep the topologies, and load nothing: exit code 5, since nothing was measured",
    )
    group.addoption(
        "--kb-reuse",
        default="",
        metavar="RUN",
        help="load the topology that run RUN left by --kb-keep, and leave it again",
    )


def _judging(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--kb-inconclusive",
        choices=("fail", "pass"),
        default="fail",
        help="what a point whose sample cannot decide does to the exit code: fail (10, the default) or pass",
    )
    group.addoption(
        "--kb-baseline",
        default=None,
        metavar="FOLDER|RUN",
        help="hold every point against these runs: a folder of records, a record, a run's id or tag. It may "
        "be slower by what sla.baseline says, else by 10%%",
    )
    group.addoption(
        "--kb-rotate",
        action="store_true",
        help="where a point breaks its SLA and servers or hosts stand out, run it once more with each "
        "generator at another server, and say whether it is the servers, the generators or the way between",
    )
    group.addoption(
        "--kb-reports", default="reports", metavar="DIR", help="where records go (default: reports)"
    )


def _port(text: str) -> int:
    """An option's port."""
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"found {text!r}; a port from 1 to 65535 is allowed here")
    return int(text)


def _number(text: str) -> int:
    """An option's number of something that there is."""
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"found {text!r}; a whole number from 1 on is allowed here")
    return int(text)


def _pairs(text: str) -> int:
    """An option's number of pairs, of which fewer than three show nothing."""
    number = _number(text)
    if not 3 <= number <= 1000:
        raise argparse.ArgumentTypeError(f"found {text!r}; 3 to 1000 pairs are allowed here")
    return number


def _duration(text: str) -> float:
    """An option's duration in seconds, such as "30min"."""
    from kb_tests.scenario.units import parse_duration

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not seconds:
        raise argparse.ArgumentTypeError("no time at all is not allowed here")
    return seconds
