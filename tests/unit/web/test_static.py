"""The pages' files: as pinned, whole, small, and without what the rules for browsers would block."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from starlette.requests import Request

from kb_tests.web.assets import FOLDER, TABLE, Assets
from kb_tests.web.problems import Problem

ROOT = FOLDER.parents[2]
SCRIPTS = sorted(path for path in FOLDER.rglob("*.js") if "vendor" not in path.parts)
LARGEST_GZIPPED = 100 << 10


@pytest.mark.parametrize("vendor", [FOLDER / "vendor", ROOT / "tests/browser/vendor"])
def test_vendored_files_are_those_that_were_pinned(vendor: Path) -> None:
    sums = dict(line.split("  ")[::-1] for line in (vendor / "SHA256SUMS").read_text().splitlines())
    there = {path.name for path in vendor.iterdir()} - {"SHA256SUMS"}
    assert set(sums) == there
    for name, said in sums.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == said, name


def test_every_vendored_package_has_its_licence_and_version() -> None:
    pinned = json.loads((ROOT / "tools/web/package.json").read_text())["devDependencies"]
    licences = (FOLDER / "vendor" / "licences.txt").read_text()
    for name in ("preact", "@preact/signals", "htm"):
        assert re.search(rf"^{re.escape(name)} {re.escape(pinned[name])} \(", licences, re.MULTILINE)
        assert re.fullmatch(r"\d+\.\d+\.\d+", pinned[name])


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "tools/web/package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity": "sha512-' in lock


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_scripts_import_what_is_there(script: Path) -> None:
    for name in re.findall(r'^(?:import|export) [^;]*?from "([^"]+)";', script.read_text(), re.MULTILINE):
        assert name.startswith("."), f"{name} cannot be found by a browser"
        assert (script.parent / name).resolve().is_file(), name


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_no_script_makes_markup_of_text(script: Path) -> None:
    text = script.read_text()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way not in text, way
    assert "dangerouslySetInnerHTML" not in text
    assert not re.search(r"https?://(?!127\.0\.0\.1|www\.w3\.org|keystone\.example\.org)", text)


def test_the_page_has_no_inline_script_or_style() -> None:
    page = (FOLDER / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    assert not re.search(r"\sstyle=|\son\w+=", page)
    for name in re.findall(r'(?:src|href)="/static/([^"]+)"', page):
        assert (FOLDER / name).is_file(), name


def test_what_a_page_loads_is_small() -> None:
    """With its style and the first page, whose code comes with any other."""
    table = (FOLDER / TABLE).read_text()
    pages = [FOLDER / name for name in re.findall(r'import\("\./(pages/\w+\.js)"\)', table)]
    assert len(pages) > 8
    first = needed(FOLDER / TABLE) | set(FOLDER.glob("*.css")) | {FOLDER / "index.html"}
    sizes = {page.name: weight(first | needed(page)) for page in pages}
    assert {name: size for name, size in sizes.items() if size >= LARGEST_GZIPPED} == {}


def asked(path: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": path, "headers": [], "server": ("kb", 80)})


def test_a_page_loads_one_script_and_its_own_and_names_both_at_once() -> None:
    assets = Assets()
    for address, own in (("/", []), ("/sessions/{sid}", ["pages/live.js"]), ("/about", ["pages/about.js"])):
        page = bytes(assets.page(address, asked(address)).body).decode()
        named = re.findall(r'<link rel="modulepreload" href="/static/\w{16}/packed/([^"]+)">', page)
        assert named == ["app.js", *own]
        assert re.findall(r'<script type="module" src="/static/\w{16}/([^"]+)">', page) == ["packed/app.js"]
        assert page.index("modulepreload") < page.index("<script")


def test_the_frame_of_a_page_is_there_before_its_scripts_have_run() -> None:
    page = bytes(Assets().page("/about", asked("/about")).body).decode()
    frame = page.partition('<div id="app">')[2]
    names = re.findall(
        r'<li><a href="(/\w*)"><svg class="i" aria-hidden="true"><use href="#n-[a-z]+"/></svg>', frame
    )
    assert names[:2] == ["/", "/runs"]
    rows = re.findall(r', "[a-z]+", "[A-Z][\w ]*"\],$', (FOLDER / TABLE).read_text(), re.MULTILINE)
    assert len(names) == len(rows) > 5


def test_packed_scripts_hold_each_module_that_they_need_once_and_say_what_they_export() -> None:
    assets = Assets()
    table = bytes(assets.file(asked("/static/packed/app.js")).body).decode()
    held = re.findall(r"^modules\['([^']+)'\] \?\?= ", table, re.MULTILINE)
    assert sorted(held) == sorted(path.relative_to(FOLDER).as_posix() for path in needed(FOLDER / TABLE))
    pages = re.findall(r'import\("\./(pages/\w+\.js)"\), "(\w+)"', (FOLDER / TABLE).read_text())
    for page, name in pages:
        script = bytes(assets.file(asked(f"/static/packed/{page}")).body).decode()
        own = re.findall(r"^modules\['([^']+)'\] \?\?= ", script, re.MULTILINE)
        wanted = needed(FOLDER / page) - needed(FOLDER / TABLE)
        assert sorted(own) == sorted(path.relative_to(FOLDER).as_posix() for path in wanted)
        assert own[-1] == page
        assert re.search(rf"^export const \{{[^}}]*\b{name}\b[^}}]*\}} = ", script, re.MULTILINE)
        assert script.startswith('import { modules } from "../app.js";\n')


def test_files_are_kept_by_browsers_under_an_address_that_is_another_one_with_any_change(
    tmp_path: Path,
) -> None:
    shutil.copytree(FOLDER, tmp_path / "static")
    before = Assets(tmp_path / "static")
    changed = tmp_path / "static/lib/words.js"
    changed.write_text(changed.read_text() + "export const other = 1;\n")
    after = Assets(tmp_path / "static")
    addresses = [
        set(re.findall(r'(?:href|src)="(/static/[^"]+)"', bytes(assets.page("/", asked("/")).body).decode()))
        for assets in (before, after)
    ]
    assert addresses[0].isdisjoint(addresses[1])
    for path in addresses[0]:
        assert "immutable" in before.file(asked(path)).headers["cache-control"]
        with pytest.raises(Problem, match="no such file"):
            after.file(asked(path))
    assert before.file(asked("/static/app.js")).headers["cache-control"] == "no-cache"
    assert before.page("/", asked("/")).headers["cache-control"] == "no-cache"


def needed(script: Path) -> set[Path]:
    """A script, and all that it imports at once."""
    found, waiting = set[Path](), [script]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            names = re.findall(r'^(?:import|export) [^;]*?from "([^"]+)";', one.read_text(), re.MULTILINE)
            waiting += [(one.parent / name).resolve() for name in names]
    return found


def weight(files: Iterable[Path]) -> int:
    return sum(len(gzip.compress(path.read_bytes())) for path in files)


def test_a_page_is_a_line_of_the_table_that_the_server_reads_too() -> None:
    table = (FOLDER / TABLE).read_text().partition("const PAGES = [\n")[2].partition("\n];")[0].splitlines()
    assert len(table) == len(Assets().pages()) > 10
    icons = [found[1] for line in table if (found := re.search(r', "([a-z]+)", "[A-Z]', line))]
    page = (FOLDER / "index.html").read_text()
    assert icons
    assert [icon for icon in icons if f'<symbol id="n-{icon}"' not in page] == []


def test_every_icon_that_is_used_is_there() -> None:
    page = (FOLDER / "index.html").read_text()
    icons = set(re.findall(r'<symbol id="([\w-]+)"', page))
    text = "".join(script.read_text() for script in SCRIPTS)
    used = set(re.findall(r'(?:href="#|<\$\{Icon\} name=")([a-z-]+)"', text)) - {"main", "now"}
    assert used <= icons


def test_files_of_a_package_have_the_pages(tmp_path: Path) -> None:
    """What is in the folder is packed: nothing of it is ignored by git."""
    names = [path.relative_to(ROOT).as_posix() for path in FOLDER.rglob("*") if path.is_file()]
    asked = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True)
    assert asked.stdout == ""


def test_every_module_that_is_imported_is_there_and_gives_what_is_asked_of_it() -> None:
    """A page whose module is missing is a white page."""
    exported = re.compile(r"^export (?:const|class|function|async function) (\w+)", re.MULTILINE)
    for path in FOLDER.rglob("*.js"):
        if "vendor" in path.parts:
            continue
        for names, target in re.findall(
            r'^import \{([^}]+)\} from "([^"]+)";', path.read_text(), re.MULTILINE
        ):
            module = (path.parent / target).resolve()
            assert module.is_file(), f"{path.name} imports {target}, which is not there"
            if "vendor" not in module.parts:
                missing = {name.strip() for name in names.split(",")} - set(
                    exported.findall(module.read_text())
                )
                assert not missing, f"{path.name} imports {missing} of {target}"
