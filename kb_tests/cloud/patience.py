"""How long a cloud is waited for, and asked again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """All in seconds but `tries`.

    A call that may work later is repeated after `first_wait` and then ever later, up to `back_off`; what an
    API asks for is kept up to `asked_for`. `questions` is how long all may take that is asked before
    anything is made, `tries` how often what a user may do is asked again. `look` is between two looks at what
    comes or goes, at least. `interface` is how long a staging waits for routers that nobody reports, for all
    of them together. Of a teardown, `settle` is how long a creation without an answer may still take effect,
    `removal` how long one deletion is tried, `again` the time until what is left is listed again.
    """

    first_wait: float = 0.5
    back_off: float = 10.0
    asked_for: float = 60.0
    questions: float = 60.0
    tries: int = 3
    look: float = 0.3
    interface: float = 20.0
    settle: float = 3.0
    removal: float = 45.0
    again: float = 0.3


USUAL = Patience()
