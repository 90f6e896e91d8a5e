"""What ran so far in this session, cloud by cloud: the history that stop limits ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from kb_tests.session.strategy import Judged


class Progression:
    """The judged points of a session."""

    def __init__(self) -> None:
        self._of_cloud: defaultdict[str, list[Judged]] = defaultdict(list)

    def history(self, cloud: str) -> Sequence[Judged]:
        """Those of one cloud, in their order."""
        return tuple(self._of_cloud[cloud])

    def note(self, cloud: str, judged: Judged) -> None:
        """Remember one."""
        self._of_cloud[cloud].append(judged)
