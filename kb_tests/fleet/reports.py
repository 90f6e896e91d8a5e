"""Every report that an agent may send."""

from __future__ import annotations

from kb_tests.fleet.http.messages import BlockReport, Done, SecondReport
from kb_tests.fleet.messages import Failed, Hello, Ready, Signs
from kb_tests.fleet.storage.messages import (
    DiskReport,
    Filling,
    IoBlock,
    IoDone,
    IoDue,
    IoSecond,
    IoVerifying,
)

OfHttp = SecondReport | BlockReport | Done
OfStorage = Filling | DiskReport | IoSecond | IoBlock | IoDue | IoVerifying | IoDone
OfCommand = Ready | OfHttp | OfStorage | Signs | Failed
"""Those that answer a command, by its id."""

Report = Hello | OfCommand
