"""The agent: waits for commands, prepares and runs loads, reports. `main` is its entry.

One thread and one loop; the load itself runs in processes of its own. Whatever goes wrong with a
command becomes a report, whatever goes wrong with the connection is tried again.
"""

from __future__ import annotations

import os
import resource
import select
import sys
import time

from . import clock, identity, json_text, process, protocol, signs, tcp
from .control import BrokenError, Channel, Control

TYPE_CHECKING = False  # `typing` would be a tenth of an idle agent's memory
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .nginx import Nginx

PREPARE_TIMEOUT = 90.0
START_TIMEOUT = 180.0
DRAIN_SLACK = 30.0
_FOREVER = 1e7
_MAX_LEAD = 300.0
_MAX_WAIT = 60.0
_NGINX_WATCH = 2.0
_ENGINES = {"client": "http", "storage": "storage"}
"""What a role is likely to run: it has that when it is enrolled, so that no load waits for it."""


class Config:
    """The JSON file that user_data writes: the control plane, the role, and where to work.

    `name` and `uuid` are "" unless given; `listen` is nginx's address and port, or port; `engines` gives the
    SHA-256 of each engine that can be fetched. Raises
    ValueError, KeyError or TypeError for what is no such file.
    """

    def __init__(self, raw: bytes) -> None:
        data = json_text.loads(raw)
        self.channel = Channel(data["run"], data["host"], int(data["port"]), data["user"], data["password"])
        self.role: str = data["role"]
        self.folder: str = data["folder"]
        self.listen: str = data["listen"]
        self.engines: dict[str, str] = data.get("engines", {})
        self.name: str = data.get("name", "")
        self.uuid: str = data.get("uuid", "")


class Agent:
    """The state of one agent: enrolled or not, and at most one load at a time."""

    def __init__(self, config: Config, who: identity.Identity) -> None:
        self._config = config
        self._who = who
        self._control = Control(config.channel, who.name)
        self._instance = os.urandom(8).hex()
        self._cpus = len(os.sched_getaffinity(0))
        self._versions = _versions(config.role)
        self._index = -1
        self._target = ""
        self._disk: dict[str, Any] = {}
        self._load: Any = None
        self._load_id = ""
        self._started = False
        self._watch: signs.Watch | None = None
        self._last: tuple[str, dict[str, Any]] | None = None
        self._clock: clock.Reading | None = None
        self._load_seconds = 0.0
        self._load_deadline = 0.0
        self._quit = False
        self._again = b""
        self._nginx: Nginx | None = None
        if config.role == "server":
            from .nginx import Nginx

            self._nginx = Nginx(config.folder, config.listen, self._cpus)

    def run(self) -> None:
        """Serve until `quit` comes."""
        if self._nginx is not None:
            self._start_nginx(self._nginx)
        while not self._quit:
            try:
                self._turn()
            except Exception as error:  # an agent that dies tells nobody why
                sys.excepthook(*sys.exc_info())  # `traceback` would cost memory for good
                self._fail(self._load_id, f"the agent met an error of its own: {_sentence(error)}")
                self._drop_load()
                time.sleep(0.5)
        self._drop_load()
        self._flush()
        if self._nginx is not None:
            self._nginx.stop()

    def _turn(self) -> None:
        """Wait for what comes next, and handle it."""
        was = self._control.problem
        if self._control.connect():
            say(f"connected to {self._config.channel.host}:{self._config.channel.port}")
            self._hello()
            self._prefetch()
            again, self._again = self._again, b""
            if again:
                self._obey(again)
        elif self._control.problem != was:
            say(f"control server: {self._control.problem}")
        if self._last is not None:
            self._tell_last()
        load = self._load.fileno() if self._load is not None else -1
        for fileno in self._wait([*self._control.filenos(), *([load] if load >= 0 else [])]):
            if fileno == load:
                self._collect()
                continue
            owner = self._control.owns(fileno)
            if owner == "commands":
                for raw in self._control.commands():
                    self._obey(raw)
            elif owner == "reports":
                self._control.pump(readable=True)
        self._control.expire()
        self._look()
        if self._load is not None and time.monotonic() > self._load_deadline:
            self._fail(self._load_id, "the load did not start or end in time")
            self._drop_load()
        if self._nginx is not None:
            news = self._nginx.watch()
            if news:
                say(news)

    def _wait(self, filenos: list[int]) -> list[int]:
        timeout = min(_MAX_WAIT if self._nginx is None else _NGINX_WATCH, self._control.timeout())
        if self._load is not None:
            timeout = min(timeout, max(0.0, self._load_deadline - time.monotonic()))
        if self._watch is not None and self._watch.due is not None:
            timeout = min(timeout, max(0.0, self._watch.due - time.monotonic()))
        poll = select.poll()
        for fileno in filenos:
            poll.register(fileno, select.POLLIN)
        return [fileno for fileno, _ in poll.poll(timeout * 1000 + 1)]

    def _obey(self, raw: bytes) -> None:
        try:
            command = protocol.parse_command(raw)
        except protocol.ProtocolError as error:
            say(str(error))
            self._fail("", str(error))
            return
        try:
            getattr(self, "_on_" + command["kind"])(command)
        except BrokenError:
            self._again = raw  # once there is a connection

    def _on_hello(self, _command: dict[str, Any]) -> None:
        self._hello()
        self._prefetch()

    def _on_enroll(self, command: dict[str, Any]) -> None:
        self._index, self._target = command["index"], command["target"]
        if self._index >= 0 and self._config.role in _ENGINES:
            try:
                self._have(_ENGINES[self._config.role])
            except BrokenError:
                raise
            except Exception as error:
                self._fail(command["id"], _sentence(error))
                return
        self._ready(command["id"])

    def _on_serve(self, command: dict[str, Any]) -> None:
        if self._nginx is None:
            return
        try:
            self._nginx.serve(command["pages"], command["connections"], command["tls"])
        except Exception as error:
            self._fail(command["id"], _sentence(error))
        else:
            self._ready(command["id"])

    def _on_load(self, command: dict[str, Any]) -> None:
        def prepare(engine: Any) -> float:
            http = command["http"]
            self._load = engine.HttpLoad(self._target, http, self._cpus)
            self._load.prepare(time.monotonic() + PREPARE_TIMEOUT)
            return float(http["warm_up"] + http["duration"] + http["timeout"])

        self._prepare(command, "http", prepare, command["http"])

    def _on_fio(self, command: dict[str, Any]) -> None:
        def prepare(engine: Any) -> float:
            fio = command["fio"]
            self._load = engine.StorageLoad(self._disk, fio)
            self._load.prepare(time.monotonic() + PREPARE_TIMEOUT)
            reading_back = fio["verify"] + fio["drain"] if fio.get("verify") else 0.0
            return float(fio["ramp"] + fio["duration"] + fio["drain"] + reading_back)

        self._prepare(command, "storage", prepare, command["fio"])

    def _on_engine(self, command: dict[str, Any]) -> None:
        def prepare(engine: Any) -> float:
            self._load = engine.Load(self._target, command["options"], self._cpus)
            self._load.prepare(time.monotonic() + PREPARE_TIMEOUT)
            return float(self._load.seconds)

        self._prepare(command, command["engine"], prepare, command["options"])

    def _prefetch(self) -> None:
        """Have the role's engine, if it is there to be had: while others boot, nobody waits for it. What goes
        wrong is told by whoever needs it.
        """
        if self._config.role in _ENGINES and self._config.engines:
            try:
                self._have(_ENGINES[self._config.role])
            except Exception as error:
                say(f"no engine yet: {_sentence(error)}")

    def _have(self, name: str) -> None:
        from . import engines

        engines.have(name, self._config.engines, self._control)

    def _engine(self, name: str) -> Any:
        """The module of an engine; it costs memory only where it is asked for."""
        from . import engines

        return engines.load(name, self._config.engines, self._control)

    def _prepare(
        self,
        command: dict[str, Any],
        name: str,
        prepare: Callable[[Any], float],
        options: dict[str, Any],
    ) -> None:
        """Have a load of the engine `name` ready; `prepare` is given its module, and says how many seconds
        the load takes once it is started. `options` say when its window is.
        """
        if command["id"] == self._load_id:
            return  # sent again, because the controller saw no answer
        self._drop_load()
        loads = 0 <= self._index < command["clients"]
        if loads or self._nginx is not None:
            self._watch = signs.watch(command["id"], options)
        if not loads:
            return
        try:
            engine = self._engine(name)
            self._load_id = command["id"]
            self._load_seconds = prepare(engine) + DRAIN_SLACK
        except BrokenError:
            raise
        except Exception as error:
            self._fail(command["id"], f"the load could not be prepared: {_sentence(error)}")
            self._drop_load()
            return
        self._load_deadline = time.monotonic() + START_TIMEOUT
        self._ready(command["id"])

    def _on_disk(self, command: dict[str, Any]) -> None:
        """Prepare what is loaded later; filling it may take minutes, so that `ready` comes by itself."""
        if self._config.role != "storage" or command["id"] == self._load_id:
            return
        self._drop_load()
        try:
            engine = self._engine("storage")
            self._disk = command["target"]
            self._load = engine.Preparation(self._disk)
            self._load.start()
        except BrokenError:
            raise
        except Exception as error:
            self._fail(command["id"], _sentence(error))
            self._drop_load()
            return
        self._load_id, self._load_deadline = command["id"], time.monotonic() + _FOREVER

    def _on_start(self, command: dict[str, Any]) -> None:
        if self._load is None and self._control.reading is not None:
            self._watch_from(command, command["start_at"] - self._control.reading.offset)
        if self._load is None or command["id"] != self._load_id or self._started:
            return
        known = self._control.reading
        assert known is not None  # a command came, so there was a connection
        now = time.monotonic()
        halfway = (
            now + (command["start_at"] - known.offset - now) / 2
        )  # an answer may take longer than others
        reading = self._control.read_clock(halfway) or known
        self._clock = self._control.latest
        at = command["start_at"] - reading.offset
        lead = at - time.monotonic()
        if not 0 < lead < _MAX_LEAD:
            sentence = f"the start time lies {lead:.3f} s ahead of this agent's clock"
            late = {"late": -lead} if lead < 0 else {}  # older suites know no such key
            self._fail(command["id"], sentence, **late)
            self._drop_load()
            return
        self._started = True
        self._load.start(at)
        self._load_deadline = at + self._load_seconds
        self._watch_from(command, at)

    def _watch_from(self, command: dict[str, Any], at: float) -> None:
        """What is started begins at this second of CLOCK_MONOTONIC."""
        watch = self._watch
        if watch is not None and watch.id == command["id"] and abs(at - time.monotonic()) < _MAX_LEAD:
            watch.start(at)

    def _look(self, end: bool = False) -> None:
        """See to what this server's kernel counts, if it is time to; and tell it when the window is over."""
        watch, now = self._watch, time.monotonic()
        if watch is None or watch.due is None or (now < watch.due and not end):
            return
        told = watch.look(now, end)
        if told is not None:
            self._watch = None
            self._control.report("signs", told)

    def _on_abort(self, command: dict[str, Any]) -> None:
        if command["id"] in ("", self._load_id) or (self._watch and command["id"] == self._watch.id):
            self._drop_load()

    def _on_quit(self, _command: dict[str, Any]) -> None:
        self._quit = True

    def _collect(self) -> None:
        """Pass on what the load has to say; a command of the same turn may have ended it."""
        if self._load is None:
            return
        for kind, body in self._load.events():
            report = {"id": self._load_id, **body}
            if kind == "done" or kind.endswith("_done"):
                self._look(end=True)
                self._last = (kind, report)
                self._drop_load()
                self._tell_last()
                return
            self._control.report(kind, report)
            if kind == "disk":
                self._ready(self._load_id)
            if kind in ("disk", "failed"):
                self._drop_load()
                return

    def _tell_last(self) -> None:
        """End the report of a load with what the clock did meanwhile, as soon as that can be read."""
        now = self._control.read_clock() and self._control.latest
        if now is None or self._last is None:
            return
        assert self._clock is not None  # the load was started
        (kind, body), self._last = self._last, None
        self._control.report(kind, {**body, "clock_change": clock.change(self._clock, now)})

    def _drop_load(self) -> None:
        load, self._load, self._load_id, self._started = self._load, None, "", False
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if load is not None:
            try:
                load.abort()
            except Exception:
                sys.excepthook(*sys.exc_info())  # `traceback` would cost memory for good

    def _hello(self) -> None:
        self._control.report(
            "hello",
            {
                "role": self._config.role,
                "uuid": self._who.uuid,
                "instance": self._instance,
                "host": tcp.gethostname()[:255],
                "versions": self._versions,
                "cpus": self._cpus,
                "mtu": self._control.mtu,
            },
        )

    def _ready(self, id_: str) -> None:
        reading = self._control.reading
        assert reading is not None  # a command came, so there was a connection
        self._control.report("ready", {"id": id_, "offset": reading.offset, "clock_error": reading.error})

    def _fail(self, id_: str, error: str, **more: float) -> None:
        self._control.report("failed", {"id": id_, "error": error[:1000], **more})

    def _start_nginx(self, nginx: Nginx) -> None:
        while True:
            try:
                return nginx.start()
            except Exception as error:
                say(_sentence(error), console=True)
                time.sleep(5)

    def _flush(self) -> None:
        """Give the last reports a moment to leave."""
        deadline = time.monotonic() + 3
        while not self._control.idle and self._control.connected and time.monotonic() < deadline:
            for fileno in self._wait(self._control.filenos()):
                if self._control.owns(fileno) == "reports":
                    self._control.pump(readable=True)
        self._control.close()


def say(text: str, console: bool = False) -> None:
    """A line for the log, and for the server's console where it may help to explain a silence."""
    line = f"kb-agent: {text}"
    print(line, flush=True)
    if console:
        try:
            with open("/dev/console", "w", encoding="utf-8") as file:
                file.write(line + "\r\n")
        except OSError:
            pass


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__


def _versions(role: str) -> dict[str, str]:
    """Versions of what this role's numbers depend on."""
    found = {"python": sys.version.split()[0], "kernel": os.uname().release}
    if role == "server":
        found["nginx"] = process.run("nginx", "-v").strip().rpartition("/")[2]
    elif role == "storage":
        found["fio"] = process.run("fio", "--version").strip()
    return {name: version[:100] for name, version in found.items() if version}


def _raise_limits() -> None:
    """As many open files as the system lets us have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit in (1 << 20, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
        except (OSError, ValueError):
            continue
        return


def main(arguments: list[str] | None = None) -> int:
    """`__main__.py CONFIG`: run until told to quit; 0 then, 2 for a config that cannot be used."""
    paths = sys.argv[1:] if arguments is None else arguments
    try:
        with open(paths[0], "rb") as file:
            config = Config(file.read(65_536))
    except (IndexError, OSError, ValueError, KeyError, TypeError) as error:
        say(f"the config file cannot be used: {error!r}", console=True)
        return 2
    _raise_limits()
    who = identity.Identity(config.name, config.uuid) if config.name else identity.find()
    say(f"run {config.channel.run}, {config.role} {who.name} {who.uuid}", console=True)
    Agent(config, who).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
