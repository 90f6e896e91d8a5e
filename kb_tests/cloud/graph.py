"""A dependency graph of steps, run with bounded concurrency."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

from kb_tests.cloud.progress import Progress, silent

T = TypeVar("T")
_UNSET: Any = object()


class Step(Generic[T]):
    """One thing to do; `value` is what it made, once it is done."""

    def __init__(self, name: str, action: Callable[[], T], after: tuple[Step[Any], ...]) -> None:
        self.name = name
        self.action = action
        self.after = after
        self._value: T = _UNSET

    @property
    def done(self) -> bool:
        """Whether the step has run."""
        return self._value is not _UNSET

    @property
    def value(self) -> T:
        """What the action returned; RuntimeError before that (a dependency was not declared)."""
        if not self.done:
            raise RuntimeError(f"step {self.name} was used before it ran")
        return self._value

    def run(self) -> None:
        """Do it."""
        self._value = self.action()


def known(name: str, value: T) -> Step[T]:
    """A step that is done already."""
    step = Step(name, lambda: value, ())
    step.run()
    return step


class Graph:
    """Steps that come after other steps; as steps exist before they are named, there are no cycles."""

    def __init__(self) -> None:
        self._steps: list[Step[Any]] = []

    def add(self, name: str, action: Callable[[], T], after: Iterable[Step[Any]] = ()) -> Step[T]:
        """A step that runs when those in `after` are done."""
        step = Step(name, action, tuple(after))
        self._steps.append(step)
        return step

    def run(
        self,
        concurrency: int,
        stop: threading.Event,
        progress: Progress = silent,
        phase: str = "resources",
    ) -> None:
        """Run every step once, `concurrency` at a time.

        After the first failure, an interrupt or `stop`, no further step starts; those under way are
        waited for, so that whatever they make is known. The first failure is raised, with `stop` set.
        When stopped from outside it just returns: the caller looks at `stop`.
        """
        waiting = {step: {needed for needed in step.after if not needed.done} for step in self._steps}
        running: dict[Future[None], Step[Any]] = {}
        finished, failed = 0, threading.Event()
        with ThreadPoolExecutor(concurrency, thread_name_prefix="kb-stage") as pool:
            try:
                while (waiting or running) and not stop.is_set():
                    for step in [step for step, needed in waiting.items() if not needed]:
                        del waiting[step]
                        running[pool.submit(self._unless, stop, failed, step)] = step
                    done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                    for future in done:
                        step = running.pop(future)
                        future.result()
                        for needed in waiting.values():
                            needed.discard(step)
                        finished += 1
                        progress(phase, finished, len(self._steps))
            except BaseException:
                stop.set()
                raise

    @staticmethod
    def _unless(stop: threading.Event, failed: threading.Event, step: Step[Any]) -> None:
        """Steps queue behind busy threads: one that was submitted before `stop` must not start after it, nor
        after another one has `failed`, whether or not that was seen yet.
        """
        if stop.is_set() or failed.is_set():
            return
        try:
            step.run()
        except BaseException:
            failed.set()
            raise
