"""The topic tool that comes with a Kafka broker, as Jobs and hooks call it.

Its words are what healers match on, so they are the real tool's. An option that the real one has and this one lacks is
refused rather than ignored.
"""

from __future__ import annotations

import json
from typing import Any

from .effects import Program, Sleep, Spent, Unsupported
from .host import Answer, Host, Request, split_address
from .lines import STYLES
from .profile import Profile

START = 1.1  # seconds that its virtual machine takes
PATIENCE = 60.0  # default.api.timeout.ms
RETRY = 2.0
NAME = "kafka-topics.sh"
ADMIN = "(org.apache.kafka.clients.admin.KafkaAdminClient)"
_WITH_VALUE = ("--bootstrap-server", "--topic", "--partitions", "--replication-factor")
_WITHOUT = ("--create", "--alter", "--describe", "--list", "--delete", "--if-not-exists", "--if-exists")


class TopicTool:
    def __init__(self, profile: Profile, host: Host, args: tuple[str, ...]) -> None:
        self.profile = profile
        self.host = host
        self.options = self._parse(args)

    @staticmethod
    def _parse(args: tuple[str, ...]) -> dict[str, str]:
        options: dict[str, str] = {}
        rest = iter(args)
        for arg in rest:
            if arg in _WITH_VALUE:
                options[arg] = next(rest, "")
            elif arg in _WITHOUT:
                options[arg] = "yes"
            else:
                raise Unsupported(f"{NAME} {arg}")
        return options

    def _out(self, line: str) -> None:
        self.host.emit(line + "\n")

    def _note(self, level: str, line: str) -> None:
        self.host.emit(STYLES["kafka"](self.host.now(), level, line) + "\n", True)

    def _failed(self, kind: str, text: str) -> int:
        self._out(f"Error while executing topic command : {text}")
        self._note("ERROR", f"org.apache.kafka.common.errors.{kind}: {text}\n (org.apache.kafka.tools.TopicCommand)")
        return 1

    def run(self) -> Program:
        if self.profile.memory.base:
            self.host.use("program", self.profile.memory.base)
        yield Sleep(START)
        server = self.options.get("--bootstrap-server", "")
        if not server:
            self._out('Missing required argument "[bootstrap-server]"')
            return 1
        host, port = split_address(server, 9092)
        began = self.host.now()
        while True:
            answer = self.host.dial(host, port, 5.0)
            yield Spent(answer.seconds)
            if not answer.problem:
                return (yield from self._do(host, port))
            if answer.problem == "no such host":
                return self._unresolved(host, port)
            self._note(
                "WARN",
                f"[AdminClient clientId=adminclient-1] Connection to node -1 ({host}:{port}) could not be established. "
                "Node may not be available. (org.apache.kafka.clients.NetworkClient)",
            )
            if self.host.now() - began >= PATIENCE:
                return self._failed("TimeoutException", "Timed out waiting for a node assignment. Call: listTopics")
            yield Sleep(RETRY)

    def _unresolved(self, host: str, port: int) -> int:
        self._note(
            "WARN",
            f"Couldn't resolve server {host}:{port} from bootstrap.servers as DNS resolution failed for {host} "
            "(org.apache.kafka.clients.ClientUtils)",
        )
        for line in (
            'Exception in thread "main" org.apache.kafka.common.KafkaException: Failed to create new KafkaAdminClient',
            "Caused by: org.apache.kafka.common.config.ConfigException: "
            "No resolvable bootstrap urls given in bootstrap.servers",
        ):
            self.host.emit(line + "\n", True)
        return 1

    def _do(self, host: str, port: int) -> Program:
        def ask(method: str, path: str) -> Answer:
            return self.host.fetch(host, port, Request(method, path), 30.0)

        topic = self.options.get("--topic", "")
        partitions = self.options.get("--partitions", "1")
        yield Spent(0.02)
        if "--list" in self.options:
            for name in json.loads(ask("GET", "/topics").body):
                self._out(name)
            return 0
        if "--create" in self.options:
            return self._create(topic, ask("PUT", f"/topics/{topic}?partitions={partitions}"))
        found = ask("GET", f"/topics/{topic}")
        if found.status == 404:
            if "--if-exists" in self.options:
                return 0
            return self._failed("UnknownTopicOrPartitionException", found.body)
        if "--describe" in self.options:
            self._warn_of_metadata()
            self._describe(topic, json.loads(found.body))
            return 0
        if "--delete" in self.options:
            return 0 if ask("DELETE", f"/topics/{topic}").status == 200 else 1
        self._warn_of_metadata()
        answer = ask("PATCH", f"/topics/{topic}?partitions={partitions}")
        if answer.status != 200:
            return self._failed("InvalidPartitionsException", answer.body or answer.problem)
        return 0

    def _create(self, topic: str, answer: Answer) -> int:
        if "_" in topic or "." in topic:
            self._out(
                "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could "
                "collide. To avoid issues it is best to use either, but not both."
            )
        if answer.status == 201:
            self._out(f"Created topic {topic}.")
            return 0
        if answer.status == 409 and "--if-not-exists" in self.options:
            return 0
        return self._failed("TopicExistsException", answer.body or answer.problem)

    def _describe(self, topic: str, found: dict[str, Any]) -> None:
        about = f"TopicId: {found['id']}\tPartitionCount: {found['partitions']}"
        self._out(f"Topic: {topic}\t{about}\tReplicationFactor: 1\tConfigs: ")
        for each in range(found["partitions"]):
            self._out(f"\tTopic: {topic}\tPartition: {each}\tLeader: 0\tReplicas: 0\tIsr: 0")

    def _warn_of_metadata(self) -> None:
        self._note(
            "WARN",
            "[AdminClient clientId=adminclient-1] The DescribeTopicPartitions API is not supported, "
            f"using Metadata API to describe topics. {ADMIN}",
        )
