"""The fenced blocks of all pages, and what holds each of them to what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/*.md", "kb_tests/**/README.md", "images/README.md", "tests/**/README.md")

_LONG = re.compile(
    r"^(?:sudo )?(?:\.venv/bin/)?(?:pytest|tox|make|kb image build|python3? -m (?:venv|tests\.\w+))\b|"
    r"\btox -e",
    re.MULTILINE,
)
"""What loads a cloud, installs packages, or builds an image."""

_FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_SHELLS = ("", "sh")
OUTPUT = "text"
"""What is printed, of some cloud on some day: nobody types it."""

LONG = "tests/readme/test_blocks.py"
SHORT = "tests/functional/test_pages.py"
READ = "tests/unit/test_pages.py"

ELSEWHERE = {
    "make demo": "tests/fresh.py",
    "tox -e openstack": "tests/openstack/__main__.py",
    "python -m tests.openstack": "tests/openstack/__main__.py",
    "--kb-cloud kb-openstack": "tests/openstack/__main__.py",
    "kb ui  ": "tests/unit/web/test_server.py",
    "http://127.0.0.1:8765/api": "tests/unit/web/test_server.py",
}
"""What else holds a block of commands, by what stands in it."""

CANNOT = {
    "kb image build": "takes ten minutes of a mirror of Debian, and what bindep.txt has for it",
    "kb image upload": "that image; tests/functional/cloud/test_image.py uploads others",
    "debian-12 --kb-packages": "a stock image, which the local cloud cannot boot",
    "bastion kb ui": "a bastion",
}
"""Lines that no test runs as they stand, by what stands in them, and what they take."""

_OTHER = {  # code, and what another program is told
    "README.md": LONG,
    "docs/adding-a-kind.md": "tests/unit/test_toy.py",
    "docs/capacity.md": "tests/functional/session/test_capacity.py",
    "docs/web.md": "tests/unit/web/test_guard.py",
    "kb_tests/localcloud/README.md": SHORT,
}


@dataclass(frozen=True)
class Block:
    """A block, as it stands in a page."""

    page: str
    number: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Page, and number among the blocks in it."""
        return f"{self.page}:{self.number}"

    @property
    def is_shell(self) -> bool:
        """Whether it is typed: blocks without a language are."""
        return self.language in _SHELLS

    @property
    def commands(self) -> str:
        """Its lines, without those that cannot be run here."""
        lines = self.text.splitlines(keepends=True)
        return "".join(line for line in lines if not any(what in line for what in CANNOT))

    @property
    def held_by(self) -> str:
        """The test that holds it to what it says; "" if none does."""
        if not self.is_shell:
            return READ if self.language == "yaml" else _OTHER.get(self.page, "")
        for what, where in ELSEWHERE.items():
            if what in self.text:
                return where
        return LONG if _LONG.search(self.text) else SHORT


def blocks() -> list[Block]:
    """Those of every page."""
    pages = sorted({path.relative_to(ROOT) for pattern in PAGES for path in ROOT.glob(pattern)})
    return [
        Block(str(page), number, match["language"], match["text"])
        for page in pages
        for number, match in enumerate(_FENCED.finditer((ROOT / page).read_text()), 1)
        if match["language"] != OUTPUT
    ]
