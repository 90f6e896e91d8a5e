"""What the API answers where it cannot do what was asked: RFC 9457, a sentence and a remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class ProblemBody(BaseModel):
    """`detail` is one sentence, `remedy` says what to do about it, "" where nothing can be done."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    remedy: str = ""


class Problem(Exception):  # noqa: N818 (it is called what RFC 9457 calls it)
    """An answer that is no success; `sentence` is for people, `headers` are further ones."""

    def __init__(
        self,
        status: HTTPStatus,
        sentence: str,
        remedy: str = "",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.headers = headers
        self.status = status
        self.remedy = remedy

    def body(self) -> ProblemBody:
        """What the answer says."""
        return ProblemBody(
            title=self.status.phrase, status=self.status.value, detail=str(self), remedy=self.remedy
        )

    def response(self) -> Response:
        """The whole answer."""
        text = json.dumps(self.body().model_dump(), ensure_ascii=False).encode("utf-8", "replace")
        return Response(text, self.status.value, self.headers, MEDIA_TYPE)
