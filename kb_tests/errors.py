"""Every error this project raises on purpose.

::

    KbError
    ├── ScenarioError          a scenario file or option is wrong; nothing was staged
    ├── CloudError             the cloud refused, failed or is too small
    │   ├── CloudAccessError   unknown cloud name, wrong credentials, an entry that cannot work
    │   │   └── CloudDownError an API that does not answer, or fails
    │   ├── CapacityError      quota, addresses, image or rights do not suffice; nothing was staged
    │   ├── StagingError       a resource could not be created or never became ready
    │   └── LeakError          teardown left something behind
    ├── FleetError             the control channel or the agents failed
    │   ├── TunnelError        SSH or Redis cannot be reached, or shows the wrong host key
    │   └── AgentsMissingError some agents never registered or fell silent
    ├── UiError                the web UI cannot be started
    ├── CompareError           runs that cannot be compared
    └── RecordError            a run record cannot be read or written

A broken SLA is no error: it is a `Verdict`.
"""

from __future__ import annotations


class KbError(Exception):
    """Something that the person running the suite has to know, in one sentence.

    `remedy` says what to do about it; it is printed after the message.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.remedy}" if self.remedy else message


class ScenarioError(KbError):
    """A scenario file or a command-line option is wrong."""


class CloudError(KbError):
    """The cloud refused, failed or is too small."""


class CloudAccessError(CloudError):
    """The cloud cannot be talked to: unknown name, wrong credentials, API down."""


class CloudDownError(CloudAccessError):
    """The cloud does not answer, or fails at it: nobody asked for the wrong thing."""


class CapacityError(CloudError):
    """Quota, addresses, image or rights do not suffice for the scenario."""


class StagingError(CloudError):
    """A resource could not be created or never became ready."""


class LeakError(CloudError):
    """Teardown left resources on the cloud."""


class FleetError(KbError):
    """The control channel or the agents failed."""


class TunnelError(FleetError):
    """SSH or Redis cannot be reached, or the host key is not the one we gave."""


class AgentsMissingError(FleetError):
    """Some agents never registered, or fell silent."""


class WatchError(KbError):
    """A session cannot be followed, or told something."""


class UiError(KbError):
    """The web UI cannot be started as it was asked for."""


class RecordError(KbError):
    """A run record cannot be read or written."""


MISTAKES = (ScenarioError, CloudAccessError, CapacityError)
"""What whoever called asked wrongly for; all of these are found before anything is made."""


def is_mistake(error: KbError) -> bool:
    """Whether `error` is one of usage, which goes away only by asking for something else."""
    return isinstance(error, MISTAKES) and not isinstance(error, CloudDownError)


class CompareError(KbError):
    """Runs cannot be compared with each other."""


def of_system(error: OSError) -> str:
    """What the operating system refused, in one sentence for people."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}."
