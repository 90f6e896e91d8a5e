"""Agents' reports as the controller accepts them: untrusted input, checked field by field.

The wire format is described in `kb_tests.agent.protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Generic, Literal, Protocol, TypeVar

from pydantic import Field, StringConstraints

from kb_tests.agent import protocol
from kb_tests.fleet.strict import Strict

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
Count = Annotated[int, Field(ge=0, le=1 << 53)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Instant = Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)]
Cpu = Annotated[float, Field(ge=0, le=4096, allow_inf_nan=False)]
"""So many CPUs were busy."""

Encoded = Annotated[str, StringConstraints(max_length=protocol.MAX_MESSAGE, pattern=r"^[A-Za-z0-9+/=]*$")]


class Message(Strict):
    """What every report carries."""

    v: Literal[1]
    agent: Name
    seq: Count


class ClockChange(Strict):
    """By how many `seconds` a clock fell behind another while a load ran, known within `error`, in the time
    (`elapsed`) between two readings.
    """

    seconds: Instant
    error: Seconds
    elapsed: Seconds


class Hello(Message):
    """An agent is there."""

    kind: Literal["hello"]
    role: Literal["server", "client", "storage"]
    uuid: Annotated[str, StringConstraints(max_length=64)]
    instance: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    host: Annotated[str, StringConstraints(max_length=255)]
    versions: dict[Name, Text]
    cpus: Annotated[int, Field(ge=1, le=4096)]
    mtu: Annotated[int, Field(ge=0, le=1 << 20)]


class Ready(Message):
    """An agent has prepared what it was asked for under `id`."""

    kind: Literal["ready"]
    id: Text
    offset: Instant
    clock_error: Seconds


SignName = Literal[
    "cpu",
    "steal",
    "memory_wait",
    "disk_wait",
    "softnet_dropped",
    "retransmitted",
    "dropped",
    "queue_dropped",
    "listen_dropped",
]
Figure = Annotated[float, Field(ge=0, le=1e18, allow_inf_nan=False)]


class Signs(Message):
    """What a server's kernel counted in a window: {name: (total, most in one second, that second)}."""

    kind: Literal["signs"]
    id: Text
    boot: Annotated[str, StringConstraints(max_length=64)]
    network: Annotated[int, Field(ge=0, lt=1 << 64)]
    contained: bool
    seconds: Seconds
    cost: Seconds
    figures: dict[SignName, tuple[Figure, Figure, Figure]]


class Failed(Message):
    """One agent could not do what it was asked; `late` are the seconds by which it missed a start."""

    kind: Literal["failed"]
    id: Text
    error: Text
    late: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] = 0.0


class Numbered(Protocol):
    """What comes again and again during a load, numbered from 0: seconds and blocks of any kind of load."""

    @property
    def kind(self) -> str:
        """What it is called on the wire."""

    @property
    def index(self) -> int:
        """Its number."""


S = TypeVar("S", bound=Numbered)
B = TypeVar("B", bound=Numbered)
D = TypeVar("D", bound=Message)


@dataclass(frozen=True)
class LoadReport(Generic[S, B, D]):
    """All that one agent said of one load, of any kind; `problem` is empty when `done` came and nothing
    is missing, else one sentence (silent, failed, a gap in its sequence, garbage).

    `control_clock` is what the controller's own clock did against that of the control server meanwhile, None
    if the load was not started: it tells a server that stood still from a control server whose clock was set.
    """

    agent: str
    host: str
    clock_error: float
    seconds: tuple[S, ...]
    blocks: tuple[B, ...]
    done: D | None
    problem: str
    control_clock: ClockChange | None = None
