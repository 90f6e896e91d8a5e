"""What is removed when whoever started a watcher has ended, in whatever way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kb_tests.localcloud.netns.watcher import Watcher


def test_what_it_was_told_of_goes_and_nothing_else(tmp_path: Path) -> None:
    group, folder, other = (tmp_path / name for name in ("a group", "a folder;*", "other"))
    for place in (group / "server", group / "another", folder / "full", other):
        place.mkdir(parents=True)
    (folder / "full" / "file").touch()

    async def main() -> None:
        watcher = Watcher()
        watcher.start([str(group)], folder)
        assert group.exists()
        assert folder.exists()
        await watcher.stop()

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == [other]


def test_a_value_is_put_back_unless_somebody_else_has_changed_it(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"

    async def main() -> None:
        watcher = Watcher()
        watcher.start([], tmp_path / "none")
        for now in ("2000", "4000"):
            for file in (ours, theirs):
                file.write_text(now)
                watcher.put_back(file, now, "1000")
        theirs.write_text("9999")
        await watcher.stop()

    asyncio.run(main())
    assert (ours.read_text().strip(), theirs.read_text()) == ("1000", "9999")


def test_one_that_was_never_started_has_nothing_to_do() -> None:
    asyncio.run(Watcher().stop())
