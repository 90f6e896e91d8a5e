"""The kinds of load, as this room knows them: what a browser shows of each."""

from __future__ import annotations

from typing import Any

from kb_tests.scenario.workloads import Table
from kb_tests.web.face import Face
from kb_tests.web.http import HttpFace
from kb_tests.web.storage import StorageFace

WORKLOADS: Table[Face[Any, Any]] = Table("web", {"http": HttpFace(), "storage": StorageFace()})
