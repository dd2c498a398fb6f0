"""What a service may be besides: database, broker, store, proxy, lease holder, consumer, backup.

They speak HTTP with each other whatever their ports say: nobody outside looks at the bytes, and one protocol is one
less thing that could differ between a simulated network and a real one.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

from .effects import Program, Sleep, Spent
from .host import Host, Reply, Request
from .lines import trouble
from .profile import Backup, Broker, Consumer, Database, Leader, Need, Profile, Proxy, Store
from .service import Ended, Guard, Service, run_service

LEASE_TIMEOUT = 5.0
CACHE_SYNC = 15.0  # how long a controller that has just started waits for its API before it gives up
SLOW = 30.0  # what an answer takes while the disk is busy with a backup


def play(profile: Profile, host: Host) -> Program:
    """The program of a service's profile."""
    return run_service(Service(profile, host), _up)


def _up(service: Service) -> Program:
    profile = service.profile
    if profile.database:
        _serve_database(service, profile.database)
    if profile.broker:
        _serve_broker(service, profile.broker)
    if profile.store:
        _serve_store(service, profile.store)
    if profile.proxy:
        _serve_proxy(service, profile.proxy)
    if profile.consumer:
        yield from _consume(service, profile.consumer)
    if profile.leader:
        yield from _lead(service, profile.leader)
    if profile.backup:
        yield from _back_up(service, profile.backup)
    return 0


# -- database


def _serve_database(service: Service, database: Database) -> None:
    major = service.profile.version.split(".")[0]
    marker = f"{database.data}/PG_VERSION"
    found = service.host.read(marker)
    if found is None:
        problem = service.host.write(marker, major.encode())
        if problem:
            raise service.fail(f'could not create directory "{database.data}": {problem}')
    elif found.decode().strip() != major:
        service.error("database files are incompatible with server")
        service.raw(
            f"DETAIL:  The data directory was initialized by PostgreSQL version {found.decode().strip()}, "
            f"which is not compatible with this version {service.profile.version}."
        )
        raise Ended(1)

    def answer(request: Request) -> Reply:
        user = request.headers.get("user", "")
        if (user, request.headers.get("password", "")) != (
            service.settings[database.user],
            service.settings[database.password],
        ):
            text = f'password authentication failed for user "{user}"'
            service.error(text)
            return Reply(401, f"FATAL: {text} (SQLSTATE 28P01)")
        return Reply(200, "1\n", 0.002, lasts=True)

    service.listen(database.port, answer)
    service.info(f'listening on IPv4 address "0.0.0.0", port {database.port}')
    service.info("database system is ready to accept connections")


# -- broker


class _Topics:
    """Topics with their ids and their partition and message counts; they outlive the broker's process."""

    def __init__(self, service: Service, broker: Broker) -> None:
        self._host = service.host
        self._broker = broker
        self._file = f"{broker.data}/topics.json"
        kept = self._host.read(self._file)
        self._topics: dict[str, dict[str, Any]] = json.loads(kept) if kept else {}

    def answer(self, request: Request) -> Reply:
        parts = request.route.strip("/").split("/")
        if parts[0] != "topics":
            return Reply(200, "pong", lasts=True)
        name = parts[1] if len(parts) > 1 else ""
        if not name:
            return Reply(200, json.dumps(self._topics))
        topic = self._topics.get(name)
        if request.method == "PUT":
            return self._create(name, topic, int(request.query.get("partitions", "1")))
        if topic is None:
            return Reply(404, f"Topic '{name}' does not exist as expected")
        if request.method == "PATCH":
            return self._alter(name, topic, int(request.query["partitions"]))
        if request.method == "DELETE":
            del self._topics[name]
            return self._kept(Reply(200, "{}"))
        if parts[2:] == ["messages"] and request.method == "POST":
            topic["messages"] += 1
            return self._kept(Reply(201, json.dumps(topic)))
        return Reply(200, json.dumps(topic))

    def _create(self, name: str, topic: dict[str, Any] | None, partitions: int) -> Reply:
        if topic is not None:
            return Reply(409, f"Topic '{name}' already exists.")
        from hashlib import sha256  # OpenSSL, at a tenth of every other service's start

        # Who deletes a topic and creates it anew has another topic.
        made = sha256(f"{name} {self._host.now()}".encode()).digest()[:16]
        id_ = urlsafe_b64encode(made).decode().rstrip("=")
        self._topics[name] = {"id": id_, "partitions": partitions, "messages": 0}
        return self._kept(Reply(201, json.dumps(self._topics[name])))

    def _alter(self, name: str, topic: dict[str, Any], wanted: int) -> Reply:
        has = topic["partitions"]
        if wanted <= has:
            text = self._broker.same if wanted == has else self._broker.too_few
            return Reply(409, text.format(topic=name, has=has, wanted=wanted))
        topic["partitions"] = wanted
        return self._kept(Reply(200, json.dumps(topic)))

    def _kept(self, reply: Reply) -> Reply:
        problem = self._host.write(self._file, json.dumps(self._topics).encode())
        return Reply(500, f"Error while writing to checkpoint file: {problem}") if problem else reply


def _serve_broker(service: Service, broker: Broker) -> None:
    topics = _Topics(service, broker)
    service.listen(broker.port, topics.answer)
    service.info(f"Awaiting socket connections on 0.0.0.0:{broker.port}. (kafka.network.DataPlaneAcceptor)")
    service.info("[KafkaServer id=0] started (kafka.server.KafkaServer)")


# -- consumer


def _consume(service: Service, consumer: Consumer) -> Program:
    need = service.profile.needs[consumer.need]
    topic = service.settings[consumer.topic]
    group = service.settings[consumer.group]
    if consumer.partitions:
        yield from _see_to_topic(service, need, topic, service.amount(consumer.partitions))

    def consumed(_: Request) -> Reply:
        answer = service.ask(need, Request("GET", f"/topics/{topic}"))
        if answer.problem or answer.status != 200:
            return Reply(503, f"{topic}: {answer.problem or answer.body}\n", answer.seconds)
        return Reply(200, json.dumps({"group": group, "topic": topic, **json.loads(answer.body)}), answer.seconds)

    service.extra_paths["/consumed"] = consumed
    service.info(
        f"[Consumer clientId=consumer-1, groupId={group}] Subscribed to topic(s): {topic} "
        "(org.apache.kafka.clients.consumer.KafkaConsumer)"
    )
    return 0


def _see_to_topic(service: Service, need: Need, topic: str, wanted: int) -> Program:
    answer = service.ask(need, Request("PUT", f"/topics/{topic}?partitions={wanted}"))
    yield Spent(answer.seconds)
    if answer.status != 409:
        return 0
    current = service.ask(need, Request("GET", f"/topics/{topic}"))
    yield Spent(current.seconds)
    if current.status == 200 and json.loads(current.body)["partitions"] == wanted:
        return 0
    answer = service.ask(need, Request("PATCH", f"/topics/{topic}?partitions={wanted}"))
    yield Spent(answer.seconds)
    if answer.status != 200:
        service.raw(
            'Exception in thread "main" java.util.concurrent.ExecutionException: '
            f"org.apache.kafka.common.errors.InvalidPartitionsException: {answer.body or answer.problem}",
            "\tat java.base/java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:396)",
            f"Caused by: org.apache.kafka.common.errors.InvalidPartitionsException: {answer.body or answer.problem}",
        )
        raise Ended(1)
    return 0


# -- a small replicated store, whoever goes through a proxy to it, and the backup that slows it down


def _serve_store(service: Service, store: Store) -> None:
    host = service.host
    kept: dict[str, str] = {}
    busy_until = 0.0

    def answer(request: Request) -> Reply:
        nonlocal busy_until
        if request.route == "/backup":
            seconds = float(request.query.get("seconds", "0"))
            busy_until = host.now() + seconds
            service.warn(f"apply request took too long: disk is busy (snapshot in progress, expected {seconds:g}s)")
            host.changed()
            host.changed(seconds)
            return Reply(202, "snapshot started\n")
        seconds = SLOW if host.now() < busy_until else 0.003
        if request.method == "PUT":
            kept[request.route] = request.body.decode(errors="replace")
            return Reply(200, '{"status": "success"}\n', seconds)
        if request.route == "/health":
            return Reply(200, '{"health": "true"}\n', seconds)
        if request.route in kept:
            return Reply(200, kept[request.route], seconds)
        return Reply(404, "key not found\n", seconds)

    service.listen(store.port, answer)
    service.info(f"serving client traffic on :{store.port}")


def _serve_proxy(service: Service, proxy: Proxy) -> None:
    need = service.profile.needs[proxy.need]

    def answer(request: Request) -> Reply:
        reply = service.ask(need, request, 60.0)
        if reply.problem:
            host, port = service.address(need)
            return Reply(502, trouble(host, port, reply.problem) + "\n", reply.seconds)
        return Reply(reply.status, reply.body, reply.seconds)

    service.listen(proxy.port, answer)
    service.info(f"forwarding :{proxy.port} to {service.settings[need.address]}")


def _lead(service: Service, leader: Leader) -> Program:
    """Take a lease and keep it; lose it as controllers do, by exiting."""
    need = service.profile.needs[leader.need]
    host = service.host
    token = host.read("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    namespace = token.decode() if token else "default"
    lease = f"{namespace}/{service.settings[leader.lease]}"
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{service.settings[leader.lease]}?timeout=5s"
    url = f"https://{service.settings[need.address]}{path}"
    state: dict[str, Any] = {"leading": False}

    def ready(_: Request) -> Reply:
        return Reply(200, "ok") if state["leading"] else Reply(500, "informers not synced\n")

    def renew() -> tuple[str, float]:
        answer = service.ask(need, Request("PUT", path, b"holder"), LEASE_TIMEOUT)
        if answer.problem == "timeout":
            return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)", answer.seconds
        if answer.problem:
            return trouble(*service.address(need), answer.problem), answer.seconds
        return ("" if answer.status == 200 else answer.body.strip()), answer.seconds

    def attempts(seconds: float) -> Program:
        """Try until it works (0) or the time is up (1)."""
        began = host.now()
        while True:
            problem, took = renew()
            yield Spent(took)
            if not problem:
                return 0
            service.error(f'leaderelection.go:448] error retrieving resource lock {lease}: Get "{url}": {problem}')
            if host.now() - began >= seconds:
                return 1
            yield Sleep(leader.period)

    def keep() -> Program:
        if (yield from attempts(leader.deadline)) == 0:
            return 0
        service.info(f"leaderelection.go:297] failed to renew lease {lease}: context deadline exceeded")
        raise service.fail('main.go:146] "problem running manager" err="leaderelection lost"')

    service.extra_paths["/readyz"] = ready
    service.info(f"leaderelection.go:257] attempting to acquire leader lease {lease}...")
    if (yield from attempts(CACHE_SYNC)) != 0:
        raise service.fail(
            'main.go:146] "problem running manager" err="failed to wait for node-agent caches to sync: '
            'timed out waiting for cache to be synced"'
        )
    state["leading"] = True
    service.info(f"leaderelection.go:271] successfully acquired lease {lease}")
    service.guards["lease"] = Guard(leader.period, lambda: bool(renew()[0]), keep)
    return 0


def _back_up(service: Service, backup: Backup) -> Program:
    need = service.profile.needs[backup.need]
    seconds = service.amount(backup.seconds)
    answer = service.ask(need, Request("POST", f"/backup?seconds={seconds}"))
    yield Spent(answer.seconds)
    if answer.status != 202:
        raise service.fail(f"snapshot failed: {answer.problem or answer.body.strip()}")
    service.info(f"taking snapshot of {service.settings[need.address]}")
    yield Sleep(seconds)
    service.info("snapshot saved")
    raise Ended(0)
