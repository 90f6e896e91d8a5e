"""The generator against real servers on 127.0.0.1: what it says must be what happened."""

from __future__ import annotations

import contextlib
import gc
import itertools
import multiprocessing
import os
import re
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_tests.agent.http import tls
from kb_tests.agent.http.engine import HttpLoad
from kb_tests.agent.page import Page
from tests.functional.agent.generator import HTTP, events, prepared, run
from tests.functional.agent.nginx import PAGE, Nginx, nginx
from tests.functional.agent.server import OK, Answer, serving
from tests.waiting import PATIENCE, eventually, is_gone, tried

IMPATIENT = 0.0
"""Of workers that wait for a new connection for no longer than the timeout."""


@pytest.fixture(scope="module")
def server() -> Iterator[Nginx]:
    with nginx() as running:
        yield running


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_good_server(server: Nginx, workers: int, keep_alive: bool) -> None:
    before = children()
    result = run([prepared(server.port, workers, path="/page", page=PAGE, keep_alive=keep_alive, block=0.5)])
    counts = result.counts
    assert counts["due"] == counts["sent"] == counts["completed"] == 500
    assert counts["errors"] == {}
    assert counts["bytes"] == 500 * PAGE.size
    assert result.response.count == result.service.count == 500
    assert result.done["workers"] == workers
    assert 0 < result.done["cpu"] < 1
    assert result.done["saturated"] is False
    assert [block["begin"] for block in result.blocks] == [0, 0.5]
    indices = [second["index"] for second in result.seconds]
    assert indices[:2] == [-1, 0]
    assert sum(second["counts"]["sent"] for second in result.seconds) == 600
    assert children() == before


@pytest.mark.parametrize(("keep_alive", "rate"), [(True, 500), (False, 100)])
def test_https(server: Nginx, keep_alive: bool, rate: int) -> None:
    result = run(
        [prepared(server.tls_port, tls=True, path="/page", page=PAGE, keep_alive=keep_alive, rate=rate)]
    )
    assert result.counts["due"] == result.counts["completed"] == rate
    assert result.counts["errors"] == {}
    assert result.counts["bytes"] == rate * PAGE.size
    assert re.fullmatch(r"TLSv1\.3 [\w-]+, OpenSSL [\d.]+\w*", result.done["tls"])


def test_a_connection_with_tls_leaves_nothing_to_the_collector(server: Nginx) -> None:
    """Which workers turn off."""
    connection = tls.connections(("127.0.0.1", server.tls_port))(0.0, False)
    select.select([], [connection.sock], [], PATIENCE)
    while (error := connection.establish()) is None:
        select.select([connection.sock], [], [], PATIENCE)
    assert error == 0
    kept = weakref.ref(connection.recv), weakref.ref(connection.sock)
    gc.disable()
    try:
        connection.sock.close()
        del connection
        assert [one() for one in kept] == [None, None]
    finally:
        gc.enable()


def test_https_of_a_server_that_speaks_http() -> None:
    with serving(lambda _: Answer()) as there:
        result = run(
            [prepared(there.port, patience=IMPATIENT, tls=True, connections=2, timeout=0.3, warm_up=0)]
        )
    assert result.counts["completed"] == 0
    assert result.counts["errors"]["connect"] > 10
    assert result.done["tls"] == ""


def test_the_server_keeps_the_time_wait_of_new_connections(server: Nginx) -> None:
    def ours() -> int:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[3] == "06" and row[2] == f"0100007F:{server.port:04X}" for row in rows)

    before = ours()
    assert run([prepared(server.port, path="/page", page=PAGE, keep_alive=False)]).counts["completed"] == 500
    assert ours() <= before + 1  # the trial before the start


@tried()
def test_a_stopped_server_shows_in_the_response_time(server: Nginx) -> None:
    """Requests fall due all through a stall; a generator that waits for answers would not see them."""
    duration, signalled = 4, []

    def send(number: signal.Signals) -> None:
        server.signal(number)
        signalled.append(time.monotonic())

    load = prepared(server.port, path="/page", page=PAGE, rate=1000, connections=30, duration=duration)
    result = run([load], {1.0: lambda: send(signal.SIGSTOP), 1.75: lambda: send(signal.SIGCONT)})
    stall = signalled[1] - signalled[0]
    assert result.counts["completed"] == 4000
    # waits fall evenly from the whole stall to nothing, at 1,000 a second; then the server works off the rest
    assert result.response.percentile(99) == pytest.approx(stall - 0.01 * duration, abs=0.06)
    assert stall - 0.1 * duration - 0.06 < result.response.percentile(90) < stall - 0.1 * duration + 0.3
    assert result.service.percentile(99) < stall - 0.1
    assert result.done["lag_p99"] < 0.1


def delays(number: int) -> Answer:
    turn = number * 7919 % 1000
    return Answer(delay=0.002 if turn < 850 else 0.02 if turn < 980 else 0.08 if turn < 996 else 0.3)


def lateness(clients: int) -> float:
    """The median wait, in seconds, of so many blocking clients of none of our code for what takes no time."""
    with serving(lambda _: Answer()) as there, multiprocessing.get_context("fork").Pool(clients) as pool:
        waits = pool.starmap(waited, [(there.port, 0.002 * clients)] * clients, chunksize=1)
    return statistics.median(itertools.chain.from_iterable(waits))


def waited(port: int, distance: float) -> list[float]:
    waits = []
    with socket.create_connection(("127.0.0.1", port)) as client:
        begin = time.monotonic()
        for due in (begin + number * distance for number in range(100)):
            time.sleep(max(0.0, due - time.monotonic()))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            left = len(OK)
            while left > 0:
                left -= len(client.recv(left))
            waits.append(time.monotonic() - due)
    return waits


@pytest.mark.parametrize("agents", [1, 4])
def test_percentiles_are_the_server_s_own(agents: int) -> None:
    """Within 1 %, 0.3 ms, or what this machine adds to times by waking up late."""
    for _ in range(4):
        bearable = max(3e-4, 2 * lateness(agents))
        with serving(delays) as there:
            loads = [prepared(there.port, rate=500 / agents, duration=4, warm_up=0) for _ in range(agents)]
            result = run(loads)
            truth = sorted(there.times())
        assert result.response.count == len(truth) == 2000
        differences = []
        for percent in (50, 90, 99, 99.9):
            expected = truth[int(len(truth) * percent / 100 + 0.999) - 1]
            differences.append(
                abs(result.response.percentile(percent) - expected) - max(0.01 * expected, bearable)
            )
        if max(differences) <= 0:
            return
    pytest.fail(f"off by {differences} s more than the {bearable} s that are borne")


BAD = {
    "status": Answer(OK.replace(b"200 OK", b"203 OK")),
    "redirect": Answer(OK.replace(b"200 OK", b"302 OK\r\nLocation: /")),
    "length": Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    "http_5xx": Answer(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"),
    "http_4xx": Answer(b"HTTP/1.1 404 Oh\r\nContent-Length: 2\r\n\r\nno"),
    "http_other": Answer(b"HTTP/1.1 600 Oh\r\nContent-Length: 2\r\n\r\nno"),
    "truncated": Answer(OK[:-5], close=True),
    "reset": Answer(b"", close=True),
    "protocol": Answer(b"hello\r\n\r\n"),
    "timeout": Answer(None),
}
SURPLUS = Answer(OK + OK)


@tried()
@pytest.mark.parametrize("keep_alive", [True, False])
def test_one_bad_answer_of_each_kind_in_a_hundred_is_one_percent_of_each(keep_alive: bool) -> None:
    kinds = [*BAD.values(), SURPLUS]

    def plan(number: int) -> Answer:
        turn = number % 120
        given = kinds[turn // 10] if turn % 10 == 5 and turn // 10 < len(kinds) else Answer()
        return given if keep_alive else given._replace(close=given.data is not None)

    with serving(plan) as there:
        result = run(
            [prepared(there.port, rate=1000, warm_up=0, duration=0.6, timeout=0.6, keep_alive=keep_alive)]
        )
    assert result.counts["due"] == 600
    assert result.counts["errors"] == dict.fromkeys(BAD, 5) | {"protocol": 10}
    assert result.counts["completed"] == 545
    assert result.response.count == 550  # those that timed out are among the times


LONG = Page(100_000, b"0123456789")
BODY = b"".join(LONG.pieces())
OF_LENGTH = b"Content-Length: 100000\r\n\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FRAMED = [
    b"HTTP/1.1 200 OK\r\n" + OF_LENGTH,
    CHUNKED + b"186a0;a=b\r\n" + BODY + b"\r\n0\r\n\r\n",
    CHUNKED + b"".join(b"64\r\n" + BODY[:100] + b"\r\n" for _ in range(1000)) + b"0\r\nT: x\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n" + OF_LENGTH,
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n" + OF_LENGTH,
]


def test_all_ways_to_frame_the_page() -> None:
    with serving(lambda number: Answer(FRAMED[number % len(FRAMED)])) as there:
        result = run([prepared(there.port, rate=250, warm_up=0, timeout=20, page=LONG)])
    assert result.counts["completed"] == 250
    assert result.counts["errors"] == {}
    assert result.counts["bytes"] == 250 * LONG.size


@pytest.mark.parametrize(
    ("size", "key"), [(LONG.size, None), (LONG.size - 1, "truncated"), (LONG.size + 1, "length")]
)
def test_a_body_that_ends_with_the_connection(size: int, key: str | None) -> None:
    answer = Answer(b"HTTP/1.0 200 OK\r\n\r\n" + (BODY + b"0")[:size], close=True)
    with serving(lambda _: answer) as there:
        result = run([prepared(there.port, rate=100, duration=0.5, timeout=20, page=LONG)])
    assert result.counts["errors"] == ({key: 50} if key else {})
    assert result.counts["completed"] == (0 if key else 50)


@pytest.mark.parametrize("size", [1, 32 << 10, 3 << 20], ids=["1 B", "32 KiB", "3 MiB"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_wrong_byte_of_a_page_is_seen(size: int, scheme: str) -> None:
    """Wherever it is: by each connection's first answer, and then by all."""
    page = Page(size)
    with nginx() as there:
        for at in {0, size // 2, size - 1}:
            content = bytearray(b"".join(page.pieces()))
            content[at] ^= 1
            (there.folder / "pages" / f"bad-{at}").write_bytes(content)
            load = prepared(
                there.tls_port if scheme == "https" else there.port,
                tls=scheme == "https", path=f"/bad-{at}", page=page, rate=20, connections=2, warm_up=0,
                duration=0.5, timeout=20,
            )  # fmt: skip
            assert run([load]).counts["errors"] == {"content": 10}


@tried()
def test_a_server_that_hangs() -> None:
    with serving(lambda _: Answer(None)) as there:
        result = run([prepared(there.port, warm_up=0, timeout=0.4)])
    counts = result.counts
    assert counts["completed"] == 0
    assert 40 <= counts["errors"]["timeout"] <= 80
    assert counts["unsent"] > 350
    assert result.service.percentile(50) == pytest.approx(0.4, abs=0.06)


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_server_that_refuses_from_the_start(keep_alive: bool) -> None:
    with socket.socket() as taken:  # and nobody listens there
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = run([prepared(port, 2, patience=IMPATIENT, keep_alive=keep_alive, timeout=0.3)])
    assert result.counts["due"] == 500
    assert result.counts["completed"] == 0
    assert result.counts["errors"]["connect"] > 100


@tried()
@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_server_that_does_not_answer_connects(keep_alive: bool) -> None:
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # nobody accepts, so that further connects hang
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        address = full.getsockname()
        load = prepared(address[1], patience=IMPATIENT, keep_alive=keep_alive, warm_up=0, timeout=0.3)
        result = run([load])
    assert result.counts["due"] == 500
    assert result.counts["completed"] == 0
    assert result.counts["errors"].keys() <= {"connect", "timeout"}
    assert sum(result.counts["errors"].values()) >= 20


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_server_that_dies(keep_alive: bool) -> None:
    """With its 701st request, of which 200 were of the warm-up; those that wait beside it die with it."""

    def plan(number: int) -> Answer:
        if number == 700:
            os._exit(0)
        return Answer(close=not keep_alive)

    with serving(plan) as there:
        result = run([prepared(there.port, rate=1000, keep_alive=keep_alive, timeout=1)])
    counts = result.counts
    assert 500 - 20 <= counts["completed"] <= 500
    assert counts["errors"]["connect"] > 10
    assert counts["due"] == 1000


@tried()
@pytest.mark.parametrize("data", [b"x", b"HTTP/1.1 200 OK\r\n\r\nx", b"HTTP/1.1 100 Go on\r\n\r\n"])
def test_a_server_that_sends_without_end(data: bytes) -> None:
    with serving(lambda _: Answer(data, flood=True)) as there:
        begin = time.monotonic()
        result = run([prepared(there.port, connections=4, warm_up=0, timeout=0.3, duration=0.5)])
    assert time.monotonic() - begin < 4
    assert result.counts["completed"] == 0
    assert sum(result.counts["errors"].values()) > 0


def test_a_closed_loop(server: Nginx) -> None:
    result = run([prepared(server.port, path="/page", page=PAGE, rate=0, connections=4)])
    counts = result.counts
    assert counts["due"] == counts["completed"] > 200
    assert result.response.percentile(99) == pytest.approx(result.service.percentile(99), rel=0.01, abs=5e-5)


@tried()
def test_a_worker_that_is_stopped_shows_in_the_lag(server: Nginx) -> None:
    before = children()
    load = prepared(server.port, path="/page", page=PAGE, duration=1.5)
    (pid,) = children() - before
    result = run(
        [load], {0.5: lambda: os.kill(pid, signal.SIGSTOP), 1.0: lambda: os.kill(pid, signal.SIGCONT)}
    )
    assert result.counts["completed"] == 750
    assert 0.4 < result.done["lag_p99"] < 0.7
    assert result.done["lag_p99"] <= result.done["lag_max"] < 0.7


def test_a_worker_that_dies_fails_the_load(server: Nginx) -> None:
    before = children()
    load = prepared(server.port, workers=2, path="/page", page=PAGE, duration=5)
    pid = min(children() - before)
    (collected,) = events([load], {0.5: lambda: os.kill(pid, signal.SIGKILL)})
    assert collected[-1] == ("failed", {"error": f"A traffic generator process (pid {pid}) died."})
    assert children() == before


def test_abort_ends_the_workers_at_any_time(server: Nginx) -> None:
    before = children()
    for started in (False, True):
        load = prepared(server.port, workers=2, path="/page", page=PAGE)
        if started:
            load.start(time.monotonic())
        assert len(children() - before) == 2
        load.abort()
        load.abort()
        assert children() == before
    HttpLoad("127.0.0.1", HTTP | {"port": 80}, 2).abort()


def test_workers_do_not_outlive_their_parent(server: Nginx) -> None:
    command = [
        "-m",
        "kb_tests.agent.http",
        "--url",
        f"http://127.0.0.1:{server.port}/page",
        "--duration",
        "60",
    ]
    with subprocess.Popen([sys.executable, *command, "--workers", "2"]) as parent:
        listing = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        eventually(lambda: len(listing.read_text().split()) == 2)
        workers = [int(pid) for pid in listing.read_text().split()]
        time.sleep(0.3)
        parent.kill()
    eventually(lambda: all(map(is_gone, workers)))


def test_ten_thousand_connections_in_one_agent(server: Nginx) -> None:
    load = prepared(server.port, workers=2, path="/page", page=PAGE, connections=10_000)
    result = run([load])
    assert result.counts["completed"] == 500


def test_the_command_for_a_person(server: Nginx) -> None:
    url = f"http://127.0.0.1:{server.port}/page"
    command = [
        sys.executable,
        "-m",
        "kb_tests.agent.http",
        "--url",
        url,
        "--rate",
        "200",
        "--duration",
        "1",
        "--warm-up",
        "0",
    ]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
    assert "200.0/s completed, 200 due" in text
    assert "send lag" in text
