"""Runs against runs over HTTP; a child compares them, since that takes a library that this process spares."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from kb_tests.history.find import with_tag
from kb_tests.web import child
from kb_tests.web.archive import Archive
from kb_tests.web.calls import Parts, answer
from kb_tests.web.operations import Operation, Param
from kb_tests.web.problems import Problem
from kb_tests.web.shapes.comparison import ComparisonShape

SECONDS = 60.0
MOST_RUNS = 50
"""Of one side."""

REFUSED = 11
"""The exit code of what cannot be compared (`compare.words.REFUSED`)."""


async def compare_runs(parts: Parts, request: Request) -> Response:
    """B against A."""
    query = request.query_params
    names = query.get("a", ""), query.get("b", "")
    anyway = query.get("anyway", "") in ("1", "true", "yes")

    def found() -> BaseModel:
        sides = [_side(parts.archive, name) for name in names if name]
        if not sides or not names[0]:
            raise Problem(HTTPStatus.BAD_REQUEST, "a names one side: the ids of runs, or a tag.")
        options = ["--anyway"] if anyway else []
        answered = child.ask(
            "compare",
            *sides,
            "--reports",
            str(parts.archive.folder.absolute()),
            "--json",
            *options,
            seconds=SECONDS,
            folder=parts.archive.folder,
        )
        if answered.code == REFUSED and not answered.output:
            raise Problem(HTTPStatus.CONFLICT, answered.complaint)
        try:
            return ComparisonShape.model_validate(answered.json())
        except (ValueError, ValidationError):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, answered.complaint) from None

    return answer(request, await parts.waits.work(found))


def _side(archive: Archive, names: str) -> str:
    """What `kb compare` calls the runs that `names`, split by commas, or a tag mean: never a path. Raises
    Problem.
    """
    every = archive.runs()
    ids = {run.run for run in every}
    wanted = names.split(",")
    named = all(name in ids for name in wanted)
    found = wanted if named else [run.run for run in with_tag(every, names)]
    if not found:
        raise Problem(
            HTTPStatus.NOT_FOUND, "There is no such run in this folder.", "GET /api/v1/runs lists them."
        )
    if len(found) > MOST_RUNS:
        raise Problem(HTTPStatus.BAD_REQUEST, f"A side may have {MOST_RUNS} runs here.", "Use `kb compare`.")
    if named or (archive.folder / names).exists():  # a file or folder goes before a tag of its name
        return ",".join(found)
    return names


OPERATIONS = (
    Operation(
        "GET",
        "/comparison",
        "compare_runs",
        "Runs against runs: what is worse, better, or cannot be told",
        compare_runs,
        query=(
            Param("a", "ids of runs split by commas, or a tag"),
            Param("b", "the same; without it the pairs of the run a"),
            Param("anyway", "1: even where what has to agree differs"),
        ),
        answer=ComparisonShape,
        also=(404, 400, 409, 422, 504),
    ),
)
