"""The blocks of commands of all pages, and which of them take over half a minute."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/*.md", "kb_tests/**/README.md", "images/README.md", "tests/**/README.md")

_LONG = re.compile(
    r"^(?:\.venv/bin/)?(?:pytest|tox|make|kb image build|python3? -m (?:venv|tests\.\w+))\b", re.MULTILINE
)
"""What loads a cloud, installs packages, or builds an image."""

_FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of commands, as it stands in a page."""

    page: str
    number: int
    text: str

    @property
    def name(self) -> str:
        """Page, and number among the blocks in it."""
        return f"{self.page}:{self.number}"

    @property
    def is_long(self) -> bool:
        """Whether it takes over half a minute."""
        return bool(_LONG.search(self.text))


def blocks() -> list[Block]:
    """Those of every page: blocks without a language are a shell's."""
    pages = sorted({path.relative_to(ROOT) for pattern in PAGES for path in ROOT.glob(pattern)})
    return [
        Block(str(page), number, match["text"])
        for page in pages
        for number, match in enumerate(_FENCED.finditer((ROOT / page).read_text()), 1)
        if not match["language"]
    ]
