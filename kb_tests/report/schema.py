"""The JSON schema of a record, for whoever reads records with tools of their own."""

from __future__ import annotations

from typing import Any

from kb_tests.report.record import RunRecord

_NO_NUMBER = ["NaN", "Infinity", "-Infinity"]


def schema() -> dict[str, Any]:
    """Of `RunRecord`; a number that JSON has no word for stands in a record as text."""
    found: dict[str, Any] = _with_text(RunRecord.model_json_schema(mode="serialization"))
    return found | {"title": "The record of a run"}


def _with_text(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_text(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("type") == "number":
        rest = {key: value for key, value in part.items() if key not in ("title", "description")}
        kept = {key: value for key, value in part.items() if key in ("title", "description", "default")}
        return kept | {"anyOf": [rest, {"enum": _NO_NUMBER}]}
    return {key: _with_text(value) for key, value in part.items()}
