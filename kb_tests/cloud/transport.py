"""How requests travel to a cloud: counted, never by a proxy to this machine, and failed with their reason."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from keystoneauth1 import exceptions as ksa
from keystoneauth1.session import TCPKeepAliveAdapter
from openstack.connection import Connection
from requests.utils import select_proxy

from kb_tests.cloud import token

CONNECTIONS = 32
"""Kept-alive connections to one API at most."""

SAME_REQUESTS = 5
"""How often one call may ask the same: once for each redirect, and again with a new token."""

_PROXY = "kb_proxy"
_ERRNO = re.compile(r"\[Errno -?\d+\] (?P<text>[\w ]+)")


def _running() -> float:
    """Seconds on a clock that nobody sets, and that a suspended machine does not stop."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Meter:
    """What all connections to one cloud asked: how many requests, and what its clock says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self._offset = time.time() - _running()

    def sent(self) -> None:
        """A request is about to leave."""
        with self._lock:
            self.requests += 1

    def answered(self, response: requests.Response) -> None:
        """Take the cloud's time from an answer."""
        try:
            at = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            return
        self._offset = at.timestamp() - _running()

    def now(self) -> float:
        """The cloud's time (Unix, seconds), by its last answer."""
        return _running() + self._offset


def prepare(connection: Connection, meter: Meter) -> None:
    """Let all requests of a connection travel in our way."""
    session = connection.session.session
    adapter = Adapter(meter)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    session.auth = _nobody
    token.share(connection.session.auth)
    _correct(connection)


def by_proxy(error: BaseException) -> str:
    """The proxy, as "http://host:port", by which an answer came that became this error; "" for none."""
    return str(getattr(getattr(error, "response", None), _PROXY, ""))


_call = threading.local()


@contextlib.contextmanager
def never_ending() -> Iterator[None]:
    """Within it, this thread's requests fail where the same one is sent again and again."""
    outer = getattr(_call, "sent", None)
    _call.sent = Counter[str]()
    try:
        yield
    finally:
        _call.sent = outer


class Adapter(TCPKeepAliveAdapter):
    """Sends requests, and says in one clause why there is no answer."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        super().__init__(pool_maxsize=CONNECTIONS)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """As the parent's; RequestException says why, and by which proxy."""
        url = request.url or ""
        if is_here(url):
            kwargs["proxies"] = None
        proxy = _shown(select_proxy(url, kwargs.get("proxies")))
        self._meter.sent()
        sent: Counter[str] | None = getattr(_call, "sent", None)
        if sent is not None and request.method == "GET":
            sent[url] += 1
            if sent[url] > SAME_REQUESTS:
                raise requests.exceptions.TooManyRedirects("its answers lead in a circle", request=request)
        try:
            response = super().send(request, *args, **kwargs)
        except requests.exceptions.RequestException as error:
            # Of a timeout keystoneauth would tell nothing but the URL.
            late = isinstance(error, requests.exceptions.Timeout)
            kind = requests.exceptions.ConnectionError if late and proxy else type(error)
            raise kind(_reason(error, proxy), request=request) from error
        if proxy:
            setattr(response, _PROXY, proxy)
        self._meter.answered(response)
        return response


def is_here(url: str) -> bool:
    """Whether a URL is this machine's own, which no proxy can reach."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Requests' auth in place of what ~/.netrc has for the host: tokens are in headers already."""
    return request


def _shown(proxy: str | None) -> str:
    """A proxy's URL without the password that may be in it."""
    if not proxy:
        return ""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an unreadable proxy variable"
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def is_distrust(error: BaseException) -> bool:
    """Whether it comes of a certificate that is not trusted."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _reason(error: BaseException, proxy: str) -> str:
    """Why there is no answer, without the layers that it came through."""
    way = f", by the proxy {proxy} of this shell's environment" if proxy else ""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message.rstrip('.')}{way}"
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {str(cause.reason or cause).replace('_', ' ').lower()}{way}"
    if isinstance(error, requests.exceptions.Timeout):
        return f"no answer in time{way}"
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror:
            return f"{cause.strerror}{way}"
    found = _ERRNO.search(str(error))
    innermost = found["text"] if found else " ".join(str(causes[-1]).split())
    return f"{innermost or type(causes[-1]).__name__}{way}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was made of, as requests and urllib3 nest them: in args, `reason`, or chained."""
    seen: set[int] = set()
    left: list[BaseException] = [error]
    while left:
        cause = left.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
        left += [each for each in inner if isinstance(each, BaseException)]


def _correct(connection: Connection) -> None:
    """Two faults of keystoneauth.

    It paces calls by this machine's clock, even to no rate at all: each would wait as long as the clock was
    set back since it signed in. And where Keystone's versions are answered with 401, it asks again with a
    token, for which it waits for itself.
    """
    session = connection.session
    request = session.request
    paced = bool({"rate_limit", "concurrency"} & connection.config.config.keys())

    def corrected(url: str, method: str, *args: Any, **options: Any) -> requests.Response:
        if not paced:
            options["rate_semaphore"] = None
        try:
            return request(url, method, *args, **options)
        except ksa.Unauthorized as error:
            if method == "GET" and options.get("authenticated") is False:
                raise ksa.HttpError(
                    error.message, error.details, error.response, http_status=error.http_status
                ) from error
            raise

    session.request = corrected  # type: ignore[method-assign]
