"""A long-running program: it reads its settings, takes its memory, serves, and ends as its release does.

The order matters to what a cluster shows: settings are checked before anything listens (a bad one never becomes
Ready), and it listens before its needs are there (readiness tells, liveness holds).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from .effects import AddressInUse, Effect, Forever, Program, Sleep, Spent, Terminated, Watch
from .host import Answer, Handler, Host, Reply, Request, split_address
from .lines import STYLES, trouble
from .profile import Http, Need, Path, Profile

RETRY = 2.0  # seconds between two tries of something that is not there yet
DIAL_TIMEOUT = 3.0
ASK_TIMEOUT = 5.0


class Ended(Exception):
    """The program is to end with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Guard(NamedTuple):
    """Something that is looked at while the program serves, and what is done when it is in trouble."""

    every: float
    troubled: Callable[[], bool]
    handle: Callable[[], Program]  # returns if the trouble has passed; raises Ended


class Service:
    """What every part shares; the parts (`parts.py`) add listeners, paths and something to watch."""

    def __init__(self, profile: Profile, host: Host) -> None:
        self.profile = profile
        self.host = host
        self.settings: dict[str, str] = {}
        self.stuck = False
        self.extra_paths: dict[str, Handler] = {}
        self.guards: dict[str, Guard] = {}
        self._requests = 0
        self._stop_talking: Callable[[], None] = lambda: None

    # -- talking

    def info(self, message: str) -> None:
        self._log("INFO", message, False)

    def warn(self, message: str) -> None:
        self._log("WARN", message, True)

    def error(self, message: str) -> None:
        self._log("ERROR", message, True)

    def raw(self, *lines: str) -> None:
        for line in lines:
            self.host.emit(line + "\n", True)

    def fail(self, message: str, code: int = 1) -> Ended:
        self.error(message)
        return Ended(code)

    def _log(self, level: str, message: str, error: bool) -> None:
        self.host.emit(STYLES[self.profile.log](self.host.now(), level, message) + "\n", error)

    # -- settings

    def amount(self, setting: str) -> int:
        return int(self.settings[setting])

    def read_settings(self) -> None:
        for name, setting in self.profile.settings.items():
            value = self.host.env.get(name, setting.default)
            if setting.required and not value:
                raise self.fail(f"required environment variable {name} is not set")
            if setting.number and not value.isdigit():
                raise self.fail(f"invalid value {value!r} for {name}: not a number")
            if setting.one_of and value not in setting.one_of:
                raise self.fail(f"invalid value {value!r} for {name}: must be one of {', '.join(setting.one_of)}")
            self.settings[name] = value

    def read_files(self) -> None:
        for path, keys in self.profile.files.items():
            content = self.host.read(path)
            if content is None:
                raise self.fail(f"open {path}: no such file or directory")
            found = {
                line.replace("=", ":", 1).split(":", 1)[0].strip()
                for line in content.decode(errors="replace").splitlines()
                if line.strip() and not line.lstrip().startswith("#")
            }
            for key in keys:
                if key not in found:
                    raise self.fail(f"{path}: missing key {key!r}")

    # -- needs

    def address(self, need: Need) -> tuple[str, int]:
        return split_address(self.settings[need.address])

    def ask(self, need: Need, request: Request, timeout: float = ASK_TIMEOUT) -> Answer:
        host, port = self.address(need)
        if need.speaks == "database":
            credentials = {"user": self.settings[need.user], "password": self.settings[need.password]}
            request = Request(request.method, request.path, request.body, credentials)
        return self.host.fetch(host, port, request, timeout)

    def trouble(self, need: Need) -> tuple[str, str, float]:
        """Why a need is not met ("" if it is), in one word and as a client says it, and how long finding out took."""
        return self._trouble_in(need, self._reach(need))

    def _reach(self, need: Need) -> Answer:
        if need.speaks == "http":
            return self.host.dial(*self.address(need), DIAL_TIMEOUT)
        return self.ask(need, Request("GET", "/ping"), DIAL_TIMEOUT)

    def _trouble_in(self, need: Need, answer: Answer) -> tuple[str, str, float]:
        if answer.problem:
            host, port = self.address(need)
            text = trouble(host, port, answer.problem)
            if need.speaks == "database":
                text = f"failed to connect to `host={host} user={self.settings[need.user]}`: {text}"
            return answer.problem, text, answer.seconds
        if answer.status == 401:
            return "denied", answer.body, answer.seconds
        return "", "", answer.seconds

    def meet(self, need: Need) -> Program:
        """Wait for a need at the start; returns 0 when it is met."""
        started = self.host.now()
        problem, text, took = self.trouble(need)
        yield Spent(took)
        if problem:
            self.warn(f"{need.name} is not available yet: {text}")
        while problem:
            left: float | None = None
            if need.when_down == "exit":
                left = need.patience - (self.host.now() - started)
                if left <= 0 or problem == "denied" or (need.speaks == "broker" and problem == "no such host"):
                    self._give_up(need, problem, text)
                    return 1
            yield Watch(lambda: "" if self.trouble(need)[0] else "met", RETRY, left)
            problem, text, took = self.trouble(need)
            yield Spent(took)
        if need.speaks == "database":
            self.info(f"connected to {need.name}")
        return 0

    def _give_up(self, need: Need, problem: str, text: str) -> None:
        if need.speaks == "broker":
            host, port = self.address(need)
            if problem == "no such host":
                self.warn(
                    f"Couldn't resolve server {host}:{port} from bootstrap.servers as DNS resolution failed for {host} "
                    "(org.apache.kafka.clients.ClientUtils)"
                )
                self.raw(
                    'Exception in thread "main" org.apache.kafka.common.KafkaException: '
                    "Failed to construct kafka consumer",
                    "Caused by: org.apache.kafka.common.config.ConfigException: "
                    "No resolvable bootstrap urls given in bootstrap.servers",
                )
                return
            self.warn(
                f"[Consumer clientId=consumer-1] Connection to node -1 ({host}:{port}) could not be established. "
                "Node may not be available. (org.apache.kafka.clients.NetworkClient)"
            )
            self.raw(
                'Exception in thread "main" org.apache.kafka.common.errors.TimeoutException: '
                "Timeout expired while fetching topic metadata"
            )
            return
        self.error(f"cannot reach {need.name}: {text}")

    # -- serving

    def answer(self, request: Request) -> Reply | None:
        if self.stuck:
            return None
        http = self.profile.http
        assert http is not None
        if self.profile.memory.per_request:
            self._requests += 1
            self.host.use("requests", self._requests * self.profile.memory.per_request)
        if request.route in self.extra_paths:
            return self.extra_paths[request.route](request)
        path = http.paths.get(request.route)
        if path is None:
            return Reply(404, "404 page not found\n")
        if path.method and path.method != request.method:
            return Reply(405, "405 method not allowed\n")
        return self._answer(path)

    def _answer(self, path: Path) -> Reply | None:
        if path.line:
            self.info(path.line)
        if path.hangs:
            if path.locks:
                self.host.write(path.locks, b"")
            self.lock_up()
            return None
        took = path.seconds
        for name, each in path.per.items():
            took += each * self.amount(name)
        lasts = not path.line and not self.profile.memory.per_request
        for name in path.needs:
            need = self.profile.needs[name]
            answer = self._reach(need)
            problem, text, spent = self._trouble_in(need, answer)
            took += spent
            lasts = lasts and answer.lasts
            if problem:
                return Reply(503, f"{name}: {text}\n", took)
        if path.asks:
            asked, page = path.asks
            answer = self.ask(self.profile.needs[asked], Request("GET", page))
            took += answer.seconds
            lasts = lasts and answer.lasts
            if answer.problem or answer.status >= 400:
                return Reply(502, f"bad gateway: {asked}: {answer.problem or answer.status}\n", took)
        return Reply(path.status, path.body, took, lasts)

    def lock_up(self) -> None:
        self.stuck = True
        self._stop_talking()
        self.host.changed()

    def listen(self, port: int, handler: Handler) -> None:
        def answer(request: Request) -> Reply | None:
            return None if self.stuck else handler(request)

        try:
            self.host.listen(port, answer)
        except AddressInUse:
            raise self.fail(f"listen tcp :{port}: bind: address already in use") from None

    # -- the life of the program

    def take_memory(self) -> None:
        memory = self.profile.memory
        if memory.base:
            self.host.use("program", memory.base)
        driven = sum(each * self.amount(name) for name, each in memory.per.items())
        if driven:
            self.host.use("data", driven, memory.fill)
        rate = memory.leak + sum(each * self.amount(name) for name, each in memory.leak_per.items())
        if rate:
            self.host.leak(rate)

    def start(self) -> Program:
        """From the first line to being up; returns 0."""
        profile = self.profile
        self.info(f"starting {profile.name} {profile.version}")
        self.read_settings()
        self.read_files()
        self.take_memory()
        first, *rest = profile.start.lines or ("",)
        if first:
            self.info(first)
        delay = profile.start.seconds + sum(each * self.amount(name) for name, each in profile.start.per.items())
        if delay:
            yield Sleep(delay)
        for line in rest:
            self.info(line)
        if profile.ends is not None and profile.ends.after == 0:
            raise self.end()
        if profile.http is not None:
            self.listen(profile.http.port, self.answer)
            self.info(f"listening on :{profile.http.port}")
            self.meet_locks(profile.http)
        return 0

    def meet_locks(self, http: Http) -> None:
        """A lock that an earlier run left is waited for, and nobody will ever release it."""
        for path in http.paths.values():
            if path.locks and self.host.read(path.locks) is not None:
                self.warn(f"waiting for the lock {path.locks}, held by a run that did not end")
                self.lock_up()
                return

    def end(self) -> Ended:
        ends = self.profile.ends
        assert ends is not None
        self.raw(*ends.lines)
        return Ended(ends.code)

    def guard_needs(self) -> None:
        for need in self.profile.needs.values():
            if need.when_down == "exit":
                self.guards[need.name] = Guard(
                    need.every,
                    lambda need=need: bool(self.trouble(need)[0]),  # type: ignore[misc]
                    lambda need=need: self._miss(need),  # type: ignore[misc]
                )

    def _miss(self, need: Need) -> Program:
        problem, text, took = self.trouble(need)
        yield Spent(took)
        if problem:
            self._give_up(need, problem, text)
            raise Ended(1)
        return 0

    def stay(self, started: float) -> Program:
        """Serve until something happens."""
        profile, host = self.profile, self.host
        if profile.says:
            every, line = profile.says
            style = STYLES[profile.log]
            self._stop_talking = host.chat(every, lambda when: style(when, "INFO", line))
        ends = started + profile.ends.after if profile.ends else None
        stuck = started + profile.stuck[0] if profile.stuck else None
        while True:
            due = min((when for when in (ends, None if self.stuck else stuck) if when is not None), default=None)
            troubled = yield from self._wait(due)
            if troubled:
                yield from self.guards[troubled].handle()
            elif ends is not None and host.now() >= ends:
                raise self.end()
            elif profile.stuck and not self.stuck:
                self.info(profile.stuck[1])
                self.lock_up()

    def _wait(self, due: float | None) -> Generator[Effect, Any, str]:
        left = None if due is None else max(0.0, due - self.host.now())
        if self.guards and not self.stuck:
            every = min(guard.every for guard in self.guards.values())
            found = yield Watch(self._look, every, left)
            return str(found)
        yield Forever() if left is None else Sleep(left)
        return ""

    def _look(self) -> str:
        if self.stuck:
            return ""
        return next((name for name, guard in self.guards.items() if guard.troubled()), "")


def run_service(service: Service, up: Callable[[Service], Program]) -> Program:
    """A service's whole life; `up` is what it does once it has started."""
    term = service.profile.term
    if not term.ignored:
        service.host.catch_term()
    started = service.host.now()
    try:
        yield from service.start()
        for need in service.profile.needs.values():
            if need.when_down != "ignore":
                code = yield from service.meet(need)
                if code:
                    return code
        yield from up(service)
        service.guard_needs()
        return (yield from service.stay(started))
    except Ended as ended:
        return ended.code
    except Terminated:
        if term.line:
            service.info(term.line)
        yield Sleep(term.seconds)
        return term.code
