"""openstacksdk's connection, whose calls fail in no other way than by `calls.FAILURES`.

By itself openstacksdk asks a service for its versions when its proxy is merely mentioned, meets an answer
that is not OpenStack's (a page of HTML, `{}`, a number for a list) with whatever Python raises then, and
turns pages for ever where a page names itself as the next one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any, cast

from openstack.connection import Connection
from openstack.resource import Resource
from requests import exceptions as http

from kb_tests.cloud.calls import FAILURES, UnreadableError
from kb_tests.cloud.transport import never_ending

SERVICES = frozenset({"identity", "compute", "network", "image", "block_storage"})
"""What is guarded; openstacksdk's names of the services that we use."""

_NAMELESS = frozenset(
    {"AvailabilityZone", "Limits", "Quota", "QuotaDetails", "QuotaSet", "Service", "VolumeAttachment"}
)
"""Resources that OpenStack gives no id."""


def guarded(connection: Connection) -> Connection:
    """The same connection, its services guarded: no request is sent before one of their methods is called."""
    return cast("Connection", _Connection(connection))


class _Connection:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        if name in SERVICES:
            return _Service(self._connection, name)
        return getattr(self._connection, name)


class _Service:
    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            with self._understood(), never_ending():
                method = getattr(getattr(self._connection, self._name), name)
                result = method(*args, **options)
                if isinstance(result, GeneratorType):
                    return iter([_identified(each) for each in result])
                return _identified(result)

        return call

    @contextlib.contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except FAILURES:
            raise
        except (http.JSONDecodeError, UnicodeDecodeError) as error:
            raise UnreadableError(f"the {self._called} API answers with something that is no JSON") from error
        except Exception as error:
            raise UnreadableError(
                f"the {self._called} API answers with JSON that is not OpenStack's ({type(error).__name__})"
            ) from error

    @property
    def _called(self) -> str:
        return self._name.replace("_", " ")


def _identified(result: Any) -> Any:
    """What was made or found, if it can be known again: an id of None would be taken for one."""
    if isinstance(result, Resource) and type(result).__name__ not in _NAMELESS and not _is_id(result.id):
        raise TypeError("a resource without an id")
    return result


def _is_id(found: object) -> bool:
    """Aggregates have numbers."""
    return bool(found) and isinstance(found, str | int)
