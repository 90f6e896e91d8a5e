"""The front end's files: read once, so that no path of a request is ever a path of the disk."""

from __future__ import annotations

import hashlib
import posixpath
import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from kb_tests.web import bundle
from kb_tests.web.problems import Problem

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static/"
PAGE = "index.html"
TABLE = "app.js"
"""The file with the table of pages."""

PACKED = "packed/"
"""Below it are the table and the pages, each with all that it imports and the table has not."""

_ADDRESS = re.compile(r'^  \["(/[^"]*)", ', re.MULTILINE)
_RAIL = re.compile(r'^  \["(/[^"]*)", .*"([a-z]+)", "([A-Z][\w ]*)"\],$', re.MULTILINE)
_LATER = re.compile(r'^  \["(/[^"]*)", .*?import\("\./([^"]+)"\)', re.MULTILINE)
_SCRIPT = re.compile(rb'^<script type="module".*\n', re.MULTILINE)

_FRAME = b'<div id="app"></div>'

RENEWED = "no-cache"
KEPT = "max-age=31536000, immutable"
"""How long a browser may go without asking again."""

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
        later = dict(_LATER.findall(self._files[TABLE].content.decode()))
        self._pack(*later.values())
        whole = "".join(f"{name} {asset.etag}" for name, asset in self._files.items())
        self._version = hashlib.sha256(whole.encode()).hexdigest()[:16]
        self._pages = {address: self._ahead(later.get(address)) for address in self.pages()}

    def names(self) -> tuple[str, ...]:
        """What there is."""
        return tuple(self._files)

    def pages(self) -> tuple[str, ...]:
        """The addresses that are pages, with their parts in braces."""
        return tuple(_ADDRESS.findall(self._files[TABLE].content.decode()))

    def page(self, address: str, request: Request) -> Response:
        """The one page, which shows what its address says; `address` is one of `pages`."""
        return _answer(request, self._pages[address], RENEWED)

    def nowhere(self, request: Request) -> Response:
        """The page for an address that is none: it says so."""
        found = _answer(request, self._pages["/"], RENEWED)
        found.status_code = HTTPStatus.NOT_FOUND
        return found

    def file(self, request: Request) -> Response:
        """One of the page's files; below the version of all of them it is the same for ever."""
        name = request.url.path.removeprefix(PREFIX)
        own = name.removeprefix(f"{self._version}/")
        asset = self._files.get(own)
        if asset is None:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no such file.")
        return _answer(request, asset, RENEWED if own == name else KEPT)

    def _pack(self, *later: str) -> None:
        """Adds the scripts that pages load: what all need in one, what a page needs besides in another."""

        def read(name: str) -> str:
            return self._files[name].content.decode()

        def add(name: str, script: str) -> None:
            self._files[PACKED + name] = _asset(script.encode(), TYPES[".js"])

        known = bundle.scopes(TABLE, read, {})
        add(TABLE, bundle.first(known))
        for own in later:
            base = posixpath.relpath(TABLE, posixpath.dirname(own))
            add(own, bundle.later(bundle.scopes(own, read, {}), known, own, base))

    def _ahead(self, own: str | None) -> Asset:
        """The page, whose head names its own script, too, so that a browser asks for it at once."""
        wanted = [TABLE, *([own] if own else [])]
        links = "".join(f'<link rel="modulepreload" href="{PREFIX}{PACKED}{name}">\n' for name in wanted)
        page = self._files[PAGE].content.replace(
            f"{PREFIX}{TABLE}".encode(), f"{PREFIX}{PACKED}{TABLE}".encode()
        )
        page = _SCRIPT.sub(lambda script: links.encode() + script[0], page)
        page = page.replace(_FRAME, b'<div id="app">' + self._frame().encode() + b"</div>")
        return _asset(page.replace(PREFIX.encode(), f"{PREFIX}{self._version}/".encode()), TYPES[".html"])

    def _frame(self) -> str:
        """What every page has around it, to be seen before its scripts have run."""
        icon_of = '<svg class="i" aria-hidden="true"><use href="#n-{}"/></svg>'
        rail = "".join(
            f'<li><a href="{address}">{icon_of.format(icon)}{name}</a></li>'
            for address, icon, name in _RAIL.findall(self._files[TABLE].content.decode())
        )
        logo = '<svg width="20" height="20" aria-hidden="true"><use href="#logo"/></svg>'
        brand = f'<a class="brand" href="/">{logo}kb_tests</a>'
        return (
            f'<nav class="rail" aria-label="Main">{brand}<ul>{rail}</ul></nav><header class="top"></header>'
        )


def _answer(request: Request, asset: Asset, cache: str) -> Response:
    headers = {"etag": asset.etag, "cache-control": cache}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    if path.suffix == ".js" and "vendor" not in path.parts:
        content = bundle.lean(content.decode()).encode()
    return _asset(content, TYPES[path.suffix])


def _asset(content: bytes, media_type: str) -> Asset:
    return Asset(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
