"""What the agents' Redis user may do: read its commands, append reports, nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from kb_tests.fleet.secrets import Secrets
from simulated.plane import HOST, RUN, Plane

COMMANDS = f"kb:{RUN}:commands"
OWN = f"kb:{RUN}:agent:one"
REPORTS = f"kb:{RUN}:reports"
ENGINE = f"kb:{RUN}:engine:{'0' * 64}"


def client(plane: Plane, user: str | None = None, password: str | None = None) -> redis.Redis:
    """A client that takes no for an answer."""
    once = Retry(NoBackoff(), 0)
    return redis.Redis(HOST, plane.redis_port, username=user, password=password, protocol=2, retry=once)


@pytest.fixture(scope="module")
def control_plane() -> Iterator[Plane]:
    with Plane(Secrets.generate()) as made:
        made.start_redis()
        yield made


@pytest.fixture
def agent(control_plane: Plane) -> Iterator[redis.Redis]:
    with client(control_plane, "agent", control_plane.secrets.agent_password) as made:
        yield made


@pytest.fixture
def controller(control_plane: Plane) -> Iterator[redis.Redis]:
    with client(control_plane, "controller", control_plane.secrets.controller_password) as made:
        yield made


def test_an_agent_can_do_its_work(agent: redis.Redis, controller: redis.Redis) -> None:
    controller.xadd(COMMANDS, {"m": "c"})
    controller.xadd(OWN, {"m": "c"})
    assert len(agent.xread({COMMANDS: "0", OWN: "0"})) == 2
    controller.xadd(ENGINE, {"m": "e"}, maxlen=1, approximate=False)
    assert len(agent.xread({ENGINE: "0"})) == 1
    assert agent.xadd(REPORTS, {"m": "r"})
    assert len(agent.time()) == 2
    assert agent.ping()
    assert len(controller.xread({REPORTS: "0"})) == 1
    assert controller.xtrim(REPORTS, maxlen=0, approximate=False) == 1


@pytest.mark.parametrize(
    "command",
    [
        ("XADD", COMMANDS, "*", "m", "forged"),
        ("XADD", OWN, "*", "m", "forged"),
        ("XADD", ENGINE, "*", "m", "forged"),
        ("XADD", "kb:other000:reports", "*", "m", "x"),
        ("XREAD", "STREAMS", REPORTS, "0"),
        ("XREAD", "STREAMS", "kb:other000:commands", "0"),
        ("XRANGE", REPORTS, "-", "+"),
        ("XTRIM", REPORTS, "MAXLEN", "0"),
        ("XDEL", REPORTS, "0-1"),
        ("DEL", REPORTS),
        ("GET", "x"),
        ("SET", "x", "y"),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("ACL", "WHOAMI"),
        ("CLIENT", "LIST"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("EVAL", "return 1", "0"),
        ("FUNCTION", "LIST"),
        ("MODULE", "LIST"),
        ("MONITOR",),
        ("SUBSCRIBE", "x"),
        ("PUBLISH", "x", "y"),
        ("FLUSHALL",),
        ("SHUTDOWN",),
        ("SAVE",),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("MIGRATE", "127.0.0.1", "1", "x", "0", "1"),
        ("INFO",),
        ("SLOWLOG", "GET"),
        ("MULTI",),
        ("SWAPDB", "0", "1"),
    ],
    ids=" ".join,
)
def test_an_agent_can_do_nothing_else(agent: redis.Redis, command: tuple[str, ...]) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        agent.execute_command(*command)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("command", [("PING",), ("INFO",), ("XADD", REPORTS, "*", "m", "x")], ids=" ".join)
def test_nobody_comes_in_without_a_password(control_plane: Plane, command: tuple[str, ...]) -> None:
    with (
        client(control_plane) as nobody,
        pytest.raises(redis.exceptions.RedisError, match=r"(?i)auth"),
    ):
        nobody.execute_command(*command)


@pytest.mark.parametrize("user", ["agent", "controller", "default"])
def test_a_wrong_password_does_not_come_in(control_plane: Plane, user: str) -> None:
    password = {"agent": control_plane.secrets.controller_password}.get(user, "wrong")
    with client(control_plane, user, password) as wrong, pytest.raises(redis.AuthenticationError):
        wrong.ping()


def test_the_controller_cannot_reach_beyond_its_run(controller: redis.Redis) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        controller.xread({"kb:other000:reports": "0"})


def test_a_giant_report_never_arrives(agent: redis.Redis, controller: redis.Redis) -> None:
    with pytest.raises((redis.exceptions.ResponseError, redis.exceptions.ConnectionError)):
        agent.xadd(REPORTS, {"m": b"x" * (3 << 20)})
    assert controller.ping()
