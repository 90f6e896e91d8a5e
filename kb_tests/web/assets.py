"""The front end's files: read once, so that no path of a request is ever a path of the disk."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from kb_tests.web.problems import Problem

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static/"
PAGE = "index.html"
TABLE = "app.js"
"""The file with the table of pages."""

_ADDRESS = re.compile(r'^  \["(/[^"]*)", ', re.MULTILINE)

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class Asset:
    """A file, and what tells whether a browser has this version of it."""

    content: bytes
    media_type: str
    etag: str


class Assets:
    """All of them, by their path below the folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in TYPES
        }

    def names(self) -> tuple[str, ...]:
        """What there is."""
        return tuple(self._files)

    def pages(self) -> tuple[str, ...]:
        """The addresses that are pages, with their parts in braces."""
        return tuple(_ADDRESS.findall(self._files[TABLE].content.decode()))

    def page(self, request: Request) -> Response:
        """The one page, which shows what its address says."""
        return self._answer(request, PAGE)

    def nowhere(self, request: Request) -> Response:
        """The page for an address that is none: it says so."""
        found = self._answer(request, PAGE)
        found.status_code = HTTPStatus.NOT_FOUND
        return found

    def file(self, request: Request) -> Response:
        """One of the page's files."""
        return self._answer(request, request.url.path.removeprefix(PREFIX))

    def _answer(self, request: Request, name: str) -> Response:
        asset = self._files.get(name)
        if asset is None:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no such file.")
        headers = {"etag": asset.etag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)


def lean(script: str) -> str:
    """A script of ours without its comments, which are types and words for people: a fifth of its weight."""
    script = re.sub(r"/\*\*.*?\*/[ \t]*", "", script, flags=re.DOTALL)
    script = re.sub(r"^[ \t]*//.*\n", "", script, flags=re.MULTILINE)
    return re.sub(r"\n\s*\n", "\n", script)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    if path.suffix == ".js" and "vendor" not in path.parts:
        content = lean(content.decode()).encode()
    return Asset(content, TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')
