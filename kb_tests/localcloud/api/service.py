"""What makes a service: its prefix, its calls, its way to say no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from kb_tests.localcloud.api.errors import ApiError, keystone
from kb_tests.localcloud.api.microversions import Microversions
from kb_tests.localcloud.api.routes import Routes


@dataclass(frozen=True)
class Service:
    """`prefix` is the first segment of its paths; `denied` holds `{rule}`, the policy rule that failed.
    `unauthorized` renders 401, which most services leave to Keystone's middleware.
    """

    name: str
    prefix: str
    routes: Routes
    render: Callable[[ApiError], Response]
    denied: str
    microversions: Microversions | None = None
    unauthorized: Callable[[ApiError], Response] = keystone
