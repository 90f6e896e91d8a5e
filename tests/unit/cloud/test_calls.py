from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event

import pytest
import requests
from keystoneauth1 import exceptions as ksa
from openstack import exceptions as sdk

from kb_tests.cloud.calls import Aborted, repeat, said, status, transient, unanswered, wait_before
from kb_tests.cloud.patience import Patience
from tests.waiting import PATIENCE

SOON = Patience(first_wait=0.0)


def error(code: int, **headers: str) -> sdk.HttpException:
    response = requests.Response()
    response.status_code = code
    response.headers.update(headers)
    return sdk.HttpException("Error", response=response, details="the  API\nsays")


@pytest.mark.parametrize(
    ("failure", "again", "maybe_done"),
    [
        (error(400), False, False),
        (error(401), True, False),
        (error(403), False, False),
        (error(404), False, False),
        (error(409), False, False),
        (error(429), True, False),
        (error(500), True, True),
        (error(503), True, True),
        (ksa.ConnectFailure("down"), True, True),
        (ksa.ConnectTimeout("slow"), True, True),
        (sdk.SDKException("odd"), False, True),
        (ksa.Unauthorized("who"), False, False),
    ],
)
def test_which_errors_may_pass(failure: Exception, again: bool, maybe_done: bool) -> None:
    assert transient(failure) is again
    assert unanswered(failure) is maybe_done


def test_what_is_said_is_one_line() -> None:
    assert said(error(409)) == "409 the API says"
    assert status(ksa.Unauthorized("who")) == 401
    assert said(ksa.ConnectFailure("no route")) == "no route"
    assert len(said(sdk.SDKException("x" * 10_000))) == 500


def test_retry_after_is_kept() -> None:
    assert wait_before(error(429, **{"Retry-After": "7"}), 0) == 7
    assert wait_before(error(429, **{"Retry-After": "86400"}), 0) == 60
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    assert 20 < wait_before(error(503, **{"Retry-After": at}), 0) <= 50
    ahead = {"Date": "Fri, 01 Jan 2100 00:00:00 GMT", "Retry-After": "Fri, 01 Jan 2100 00:00:09 GMT"}
    assert wait_before(error(503, **ahead), 0) == 9
    for nonsense in ("soon", "-5", "\xb2", "Fri, 99 Jan 2100 00:00:09 GMT"):
        assert wait_before(error(503, **{"Retry-After": nonsense}), 0) <= 0.5


def test_back_off_grows_and_is_bounded() -> None:
    waits = [wait_before(error(503), attempt) for attempt in range(12)]
    assert waits[0] <= 0.5
    assert 5 <= waits[11] <= 10


def failing(failures: list[Exception]) -> Callable[[], str]:
    left = iter(failures)

    def call() -> str:
        failure = next(left, None)
        if failure is not None:
            raise failure
        return "done"

    return call


def run(
    failures: list[Exception], stop: Event | None = None, seconds: float = PATIENCE, also: int = 0
) -> str:
    until = time.monotonic() + seconds
    return repeat(
        failing(failures),
        until=until,
        stop=stop or Event(),
        doing="a test",
        also=frozenset({also}),
        patience=SOON,
    )


def test_transient_errors_are_waited_out() -> None:
    assert run([error(503), ksa.ConnectFailure(), error(429)]) == "done"
    assert run([error(409), error(409)], also=409) == "done"


def test_refusals_are_raised_as_they_came() -> None:
    with pytest.raises(sdk.HttpException):
        run([error(403)])
    with pytest.raises(sdk.HttpException):
        run([error(409)])


def test_time_and_stop_end_it() -> None:
    with pytest.raises(sdk.HttpException):
        run([error(429, **{"Retry-After": "30"})], seconds=1)
    stop = Event()
    stop.set()
    with pytest.raises(Aborted, match="Stopped while a test"):
        run([error(503)], stop)
