"""What a release of a program is like: one frozen object per image, read strictly from a mapping.

Every amount that a scenario may want to vary hangs on an everyday setting (`per`), because a setting is something that
a cluster shows and a profile is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .sections import Section, flag, number, one_of, seconds, size, text, texts


class Setting(NamedTuple):
    """An environment variable that the program reads."""

    required: bool = False
    default: str = ""
    number: bool = False
    one_of: tuple[str, ...] = ()


class Start(NamedTuple):
    seconds: float = 0.0
    per: Mapping[str, float] = {}  # setting -> seconds for each of its units
    lines: tuple[str, ...] = ()


class Memory(NamedTuple):
    base: int = 0
    per: Mapping[str, int] = {}  # setting -> bytes for each of its units
    fill: float = 0.0  # seconds until the settings' part is reached
    leak: int = 0  # bytes a second
    leak_per: Mapping[str, int] = {}
    per_request: int = 0


class Need(NamedTuple):
    """Another program that this one talks to."""

    name: str
    address: str  # the setting that holds host:port
    speaks: str = "http"  # http, database, broker
    user: str = ""  # settings, for a database
    password: str = ""
    when_down: str = "exit"  # exit, retry (wait for it), ignore
    patience: float = 0.0  # at start, with "exit": how long it is tried
    every: float = 10.0  # how often it is looked at later


class Path(NamedTuple):
    status: int = 200
    body: str = ""
    method: str = ""  # "" any
    seconds: float = 0.0
    per: Mapping[str, float] = {}
    needs: tuple[str, ...] = ()  # answers 503 while one of them is down
    asks: tuple[str, str] | None = None  # need and path: answers 502 unless that one answers
    hangs: bool = False  # after this request the program answers nobody any more
    locks: str = ""  # with `hangs`: the lock file it leaves, at which the next run in the same pod hangs as well
    line: str = ""


class Http(NamedTuple):
    port: int
    paths: Mapping[str, Path]


class Ends(NamedTuple):
    after: float
    code: int
    lines: tuple[str, ...] = ()


class Term(NamedTuple):
    ignored: bool = False
    code: int = 0
    seconds: float = 0.0
    line: str = ""


class Database(NamedTuple):
    port: int
    user: str
    password: str
    data: str


class Broker(NamedTuple):
    port: int
    data: str
    too_few: str  # what it says to {wanted} partitions where a {topic} {has} more
    same: str


class Consumer(NamedTuple):
    need: str
    topic: str
    group: str
    partitions: str = ""  # the setting; "": the topic is somebody else's business


class Store(NamedTuple):
    port: int


class Proxy(NamedTuple):
    port: int
    need: str


class Leader(NamedTuple):
    need: str
    lease: str
    period: float
    deadline: float


class Backup(NamedTuple):
    need: str
    seconds: str


class Profile(NamedTuple):
    kind: str = "service"  # service, topic-tool, fetch
    name: str = ""
    version: str = ""
    log: str = "plain"
    settings: Mapping[str, Setting] = {}
    files: Mapping[str, tuple[str, ...]] = {}  # path -> keys that it must have
    start: Start = Start()
    memory: Memory = Memory()
    needs: Mapping[str, Need] = {}
    http: Http | None = None
    says: tuple[float, str] | None = None
    stuck: tuple[float, str] | None = None
    ends: Ends | None = None
    term: Term = Term()
    database: Database | None = None
    broker: Broker | None = None
    consumer: Consumer | None = None
    store: Store | None = None
    proxy: Proxy | None = None
    leader: Leader | None = None
    backup: Backup | None = None


def read_profile(data: Any, source: str, path: str = "program") -> Profile:
    top = Section(source, path, data)
    kind = top.take("kind", one_of("service", "topic-tool", "fetch"), "service")
    if kind != "service":
        tool = Profile(kind=kind, memory=_memory(top.section("memory"), {}))
        top.done()
        return tool
    settings = {name: _setting(section) for name, section in top.sections("settings")}
    needs = {name: _need(name, section, settings) for name, section in top.sections("needs")}
    profile = Profile(
        name=top.take("name", text),
        version=top.take("version", text),
        log=top.take("log", one_of("plain", "kafka", "postgres", "klog"), "plain"),
        settings=settings,
        files={name: _keys(section) for name, section in top.sections("files")},
        start=_start(top.section("start"), settings),
        memory=_memory(top.section("memory"), settings),
        needs=needs,
        http=_http(top.section("http"), settings, needs),
        says=_line(top.section("says"), "every"),
        stuck=_line(top.section("stuck"), "after"),
        ends=_ends(top.section("ends")),
        term=_term(top.section("term")),
        database=_database(top.section("database"), settings),
        broker=_broker(top.section("broker")),
        consumer=_consumer(top.section("consumer"), settings, needs),
        store=_store(top.section("store")),
        proxy=_proxy(top.section("proxy"), needs),
        leader=_leader(top.section("leader"), settings, needs),
        backup=_backup(top.section("backup"), settings, needs),
    )
    top.done()
    return profile


def _setting(section: Section) -> Setting:
    setting = Setting(
        required=section.take("required", flag, False),
        default=section.take("default", text, ""),
        number=section.take("number", flag, False),
        one_of=section.take("one_of", texts, ()),
    )
    section.done()
    if setting.number and not setting.required and not setting.default.isdigit():
        raise section.refuse("default", "a whole number in quotes", setting.default)
    return setting


def _keys(section: Section) -> tuple[str, ...]:
    keys: tuple[str, ...] = section.take("keys", texts, ())
    section.done()
    return keys


def _per(section: Section, key: str, settings: Mapping[str, Setting], read: Any) -> dict[str, Any]:
    amounts: dict[str, Any] = section.table(key, read)
    for name in amounts:
        if name not in settings or not settings[name].number:
            raise section.refuse(f"{key}.{name}", "a setting that is a number", name)
    return amounts


def _named(section: Section, key: str, known: Mapping[str, Any], what: str, default: str | None = None) -> str:
    name = section.take(key, text, default)
    if name not in known and name != default:
        raise section.refuse(key, f"a {what} of this profile", name)
    return name


def _start(section: Section | None, settings: Mapping[str, Setting]) -> Start:
    if section is None:
        return Start()
    start = Start(
        seconds=section.take("seconds", seconds, 0.0),
        per=_per(section, "per", settings, seconds),
        lines=section.take("lines", texts, ()),
    )
    section.done()
    return start


def _memory(section: Section | None, settings: Mapping[str, Setting]) -> Memory:
    if section is None:
        return Memory()
    memory = Memory(
        base=section.take("base", size, 0),
        per=_per(section, "per", settings, size),
        fill=section.take("fill", seconds, 0.0),
        leak=section.take("leak", size, 0),
        leak_per=_per(section, "leak_per", settings, size),
        per_request=section.take("per_request", size, 0),
    )
    section.done()
    return memory


def _need(name: str, section: Section, settings: Mapping[str, Setting]) -> Need:
    need = Need(
        name=name,
        address=_named(section, "address", settings, "setting"),
        speaks=section.take("speaks", one_of("http", "database", "broker"), "http"),
        user=_named(section, "user", settings, "setting", ""),
        password=_named(section, "password", settings, "setting", ""),
        when_down=section.take("when_down", one_of("exit", "retry", "ignore"), "exit"),
        patience=section.take("patience", seconds, 0.0),
        every=section.take("every", seconds, 10.0),
    )
    section.done()
    return need


def _http(section: Section | None, settings: Mapping[str, Setting], needs: Mapping[str, Need]) -> Http | None:
    if section is None:
        return None
    http = Http(
        port=section.take("port", number),
        paths={name: _path(inner, settings, needs) for name, inner in section.sections("paths")},
    )
    section.done()
    return http


def _path(section: Section, settings: Mapping[str, Setting], needs: Mapping[str, Need]) -> Path:
    asked = section.section("asks")
    asks = None
    if asked is not None:
        asks = (_named(asked, "need", needs, "need"), asked.take("path", text))
        asked.done()
    path = Path(
        status=section.take("status", number, 200),
        body=section.take("body", text, ""),
        method=section.take("method", one_of("GET", "POST", "PUT", "DELETE"), ""),
        seconds=section.take("seconds", seconds, 0.0),
        per=_per(section, "per", settings, seconds),
        needs=section.take("needs", texts, ()),
        asks=asks,
        hangs=section.take("hangs", flag, False),
        locks=section.take("locks", text, ""),
        line=section.take("line", text, ""),
    )
    for name in path.needs:
        if name not in needs:
            raise section.refuse("needs", "needs of this profile", name)
    section.done()
    return path


def _line(section: Section | None, key: str) -> tuple[float, str] | None:
    if section is None:
        return None
    line = (section.take(key, seconds), section.take("line", text))
    section.done()
    return line


def _ends(section: Section | None) -> Ends | None:
    if section is None:
        return None
    ends = Ends(section.take("after", seconds), section.take("code", number), section.take("lines", texts, ()))
    section.done()
    return ends


def _term(section: Section | None) -> Term:
    if section is None:
        return Term(code=143)
    term = Term(
        ignored=section.take("ignored", flag, False),
        code=section.take("code", number, 0),
        seconds=section.take("seconds", seconds, 0.0),
        line=section.take("line", text, ""),
    )
    section.done()
    return term


def _database(section: Section | None, settings: Mapping[str, Setting]) -> Database | None:
    if section is None:
        return None
    database = Database(
        port=section.take("port", number),
        user=_named(section, "user", settings, "setting"),
        password=_named(section, "password", settings, "setting"),
        data=section.take("data", text),
    )
    section.done()
    return database


def _broker(section: Section | None) -> Broker | None:
    if section is None:
        return None
    broker = Broker(
        port=section.take("port", number),
        data=section.take("data", text),
        too_few=section.take("too_few", text),
        same=section.take("same", text),
    )
    section.done()
    return broker


def _consumer(section: Section | None, settings: Mapping[str, Setting], needs: Mapping[str, Need]) -> Consumer | None:
    if section is None:
        return None
    consumer = Consumer(
        need=_named(section, "need", needs, "need"),
        topic=_named(section, "topic", settings, "setting"),
        group=_named(section, "group", settings, "setting"),
        partitions=_named(section, "partitions", settings, "setting", ""),
    )
    section.done()
    return consumer


def _store(section: Section | None) -> Store | None:
    if section is None:
        return None
    store = Store(section.take("port", number))
    section.done()
    return store


def _proxy(section: Section | None, needs: Mapping[str, Need]) -> Proxy | None:
    if section is None:
        return None
    proxy = Proxy(section.take("port", number), _named(section, "need", needs, "need"))
    section.done()
    return proxy


def _leader(section: Section | None, settings: Mapping[str, Setting], needs: Mapping[str, Need]) -> Leader | None:
    if section is None:
        return None
    leader = Leader(
        need=_named(section, "need", needs, "need"),
        lease=_named(section, "lease", settings, "setting"),
        period=section.take("period", seconds),
        deadline=section.take("deadline", seconds),
    )
    section.done()
    return leader


def _backup(section: Section | None, settings: Mapping[str, Setting], needs: Mapping[str, Need]) -> Backup | None:
    if section is None:
        return None
    backup = Backup(_named(section, "need", needs, "need"), _named(section, "seconds", settings, "setting"))
    section.done()
    return backup
