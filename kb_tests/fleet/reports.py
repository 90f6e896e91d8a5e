"""Every report that an agent may send."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kb_tests.fleet.messages import BlockReport, Done, Failed, Hello, Ready, SecondReport
from kb_tests.fleet.storage_messages import DiskReport, IoBlock, IoDone, IoSecond

OfCommand = Ready | SecondReport | BlockReport | Done | DiskReport | IoSecond | IoBlock | IoDone | Failed
"""Those that answer a command, by its id."""

Report = Annotated[Hello | OfCommand, Field(discriminator="kind")]
