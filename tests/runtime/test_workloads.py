"""Workloads are healthy as written, cheap while nothing happens, and break the way their releases do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .bench import MI, Bench, Deployed, said


def edited(kind: str, name: str, **data: str) -> Any:
    def edit(each: dict[str, Any]) -> None:
        if (each["kind"], each["metadata"]["name"]) == (kind, name):
            each["data"].update(data)

    return edit


def released(deployment: str, container: str, image: str) -> Any:
    def edit(each: dict[str, Any]) -> None:
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", deployment):
            for found in each["spec"]["template"]["spec"]["containers"]:
                if found["name"] == container:
                    found["image"] = f"registry.shop.example/{image}"

    return edit


@pytest.mark.parametrize("name", ["shop", "topics", "agent", "crashy"])
def test_healthy_as_written(bench: Bench, name: str) -> None:
    deployed = Deployed(bench, name)
    bench.after(600)
    for owner, container in deployed.containers.items():
        if container.exit is not None:
            assert owner.split("/")[0] in ("kafka-topic-creation", "set-tag-hook")
            assert container.exit.code == 0
        else:
            assert container.memory < 0.85 * (container.run.memory_limit or 0)


@pytest.mark.parametrize("name", ["shop", "topics", "agent", "crashy"])
def test_nothing_ticks_while_nothing_happens(bench: Bench, name: str) -> None:
    deployed = Deployed(bench, name)
    bench.after(60)
    steps = 0
    while (due := bench.clock.next_due()) is not None and due < bench.clock.epoch + 3600:
        bench.clock.step()
        steps += 1
    assert deployed.containers
    assert steps == 0


def test_the_shop_sells(bench: Bench) -> None:
    deployed = Deployed(bench, "shop")
    bench.after(10)
    assert deployed.get("frontend", "/", 80) == (200, "<html><title>Shop</title></html>\n")
    assert deployed.get("backend", "/api/products", 8080)[0] == 200
    assert deployed.get("newsletter", "/", 80)[0] == 200
    deployed.containers["database/postgres"].kill()
    assert deployed.get("backend", "/readyz", 8080)[0] == 503
    assert deployed.get("frontend", "/", 80)[0] == 502


def test_a_message_is_consumed_and_topics_outlive_the_broker(bench: Bench) -> None:
    deployed = Deployed(bench, "topics")
    bench.after(20)
    assert deployed.get("kafka", "/topics/logs_ingest_topic/messages", 9092, "POST")[0] == 201
    status, body = deployed.get("consumer", "/consumed", 8080)
    assert (status, json.loads(body)["messages"], json.loads(body)["partitions"]) == (200, 1, 3)
    deployed.containers["kafka/kafka"].kill()
    deployed.start(
        next(each for each in deployed.objects if each["metadata"]["name"] == "kafka" and "strategy" in each["spec"])
    )
    bench.after(5)
    assert json.loads(deployed.get("kafka", "/topics", 9092)[1])["logs_ingest_topic"]["messages"] == 1


def test_a_cache_that_does_not_fit(bench: Bench) -> None:
    deployed = Deployed(bench, "shop", edited("ConfigMap", "backend-config", CACHE_SIZE_MB="300"))
    bench.after(60)
    end = deployed.containers["backend/api"].exit
    assert end is not None
    assert (end.code, end.reason) == (137, "OOMKilled")
    # 40 Mi at once; 332 Mi more within ten seconds, of which 216 fit.
    assert bench.ended["backend/api"] == pytest.approx(0.02 + 10 * (256 - 40 - 600 / 1024) / 332, abs=0.05)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("LOG_LEVEL", "verbose", "invalid value 'verbose' for LOG_LEVEL: must be one of debug, info, warn, error"),
        ("WORKERS", "two", "invalid value 'two' for WORKERS: not a number"),
        ("DATABASE_ADDRESS", "", "required environment variable DATABASE_ADDRESS is not set"),
    ],
)
def test_bad_settings(bench: Bench, key: str, value: str, line: str) -> None:
    deployed = Deployed(bench, "shop", edited("ConfigMap", "backend-config", **{key: value}))
    bench.after(5)
    container = deployed.containers["backend/api"]
    assert container.exit is not None
    assert container.exit.code == 1
    assert container.log[-1].text.endswith(line)
    assert container.log[-1].stream == "stderr"


def test_a_key_missing_in_a_file(bench: Bench) -> None:
    catalog = "currency: EUR\nregions: eu-west\n"
    deployed = Deployed(bench, "shop", edited("ConfigMap", "catalog", **{"catalog.yaml": catalog}))
    bench.after(5)
    assert said(deployed.containers["backend/api"]).endswith("missing key 'page_size'\n")


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("databse:5432", "dial tcp: lookup databse: no such host"),
        ("newsletter:5432", "dial tcp newsletter:5432: i/o timeout"),
        ("127.0.0.1:5432", "dial tcp 127.0.0.1:5432: connect: connection refused"),
    ],
)
def test_a_database_that_is_not_there(bench: Bench, address: str, line: str) -> None:
    deployed = Deployed(bench, "shop", edited("ConfigMap", "backend-config", DATABASE_ADDRESS=address))
    bench.after(60)
    container = deployed.containers["backend/api"]
    assert container.exit is not None
    assert container.exit.code == 1
    assert container.log[-1].text.endswith(line)
    assert 15 < bench.ended["backend/api"] < 30


def test_a_wrong_password(bench: Bench) -> None:
    def edit(each: dict[str, Any]) -> None:
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "backend":
            env = each["spec"]["template"]["spec"]["containers"][0]["env"]
            env[:] = [entry for entry in env if entry["name"] != "DATABASE_PASSWORD"]
            env.append({"name": "DATABASE_PASSWORD", "value": "guess"})

    deployed = Deployed(bench, "shop", edit)
    bench.after(30)
    line = 'password authentication failed for user "shop"'
    assert f"cannot reach database: FATAL: {line} (SQLSTATE 28P01)" in said(deployed.containers["backend/api"])
    assert line in said(deployed.containers["database/postgres"])


def test_the_application_notices_that_its_database_has_gone(bench: Bench) -> None:
    deployed = Deployed(bench, "shop")
    bench.after(100)
    deployed.containers["database/postgres"].kill()
    bench.after(6)
    end = deployed.containers["backend/api"].exit
    assert end is not None
    assert end.code == 1
    assert bench.ended["backend/api"] - 100 < 5.1


@pytest.mark.parametrize(
    ("tag", "code", "seconds", "line"),
    [
        ("2.5.1", 1, 2, 'fatal: migration 0042_add_order_index: relation "orders" has no column "region"'),
        ("2.5.2", 1, 30, "exit status 1"),
        ("2.5.3", 2, 2, "\t/src/backend/prices.go:88 +0x61"),
        ("2.5.4", 0, 2, "configuration check passed"),
        ("2.6.1", 1, 0, "required environment variable PAYMENT_GATEWAY_URL is not set"),
        ("3.0.0", 1, 0, "/etc/shop/catalog/catalog.yaml: missing key 'tax_region'"),
    ],
)
def test_releases_that_end(bench: Bench, tag: str, code: int, seconds: float, line: str) -> None:
    deployed = Deployed(bench, "shop", released("backend", "api", f"shop/backend:{tag}"))
    bench.after(120)
    container = deployed.containers["backend/api"]
    assert container.exit is not None
    assert (container.exit.code, container.exit.reason) == (code, "Completed" if code == 0 else "Error")
    assert container.log[-1].text.endswith(line)
    assert bench.ended["backend/api"] == pytest.approx(seconds, abs=0.1)


def health(bench: Bench, deployed: Deployed, path: str = "/healthz") -> tuple[int, str]:
    answer = bench.runtime.http_get(deployed.ips["backend"], 8080, path)
    return answer.status, answer.problem


def test_a_release_whose_health_path_has_moved(bench: Bench) -> None:
    deployed = Deployed(bench, "shop", released("backend", "api", "shop/backend:2.6.0"))
    bench.after(10)
    assert health(bench, deployed) == (404, "")
    assert health(bench, deployed, "/livez") == (200, "")


@pytest.mark.parametrize(("tag", "stops"), [("2.7.1", True), ("2.8.0", False)])
def test_releases_that_lock_up(bench: Bench, tag: str, stops: bool) -> None:
    deployed = Deployed(bench, "shop", released("backend", "api", f"shop/backend:{tag}"))
    bench.after(59)
    assert health(bench, deployed) == (200, "")
    bench.after(10)
    assert health(bench, deployed) == (0, "timeout")
    container = deployed.containers["backend/api"]
    assert container.exit is None
    container.terminate()
    bench.after(10)
    assert (container.exit is not None) == stops


def test_a_release_that_is_slow_to_start(bench: Bench) -> None:
    deployed = Deployed(bench, "shop", released("backend", "api", "shop/backend:2.9.0"))
    bench.after(39)
    assert health(bench, deployed) == (0, "refused")
    bench.after(2)
    assert health(bench, deployed) == (200, "")


def test_a_release_whose_health_check_takes_its_time(bench: Bench) -> None:
    deployed = Deployed(bench, "shop", released("backend", "api", "shop/backend:2.9.1"))
    bench.after(10)
    assert health(bench, deployed) == (0, "timeout")
    answer = bench.runtime.http_get(deployed.ips["backend"], 8080, "/healthz", timeout=10)
    assert (answer.status, round(answer.seconds, 1)) == (200, 4.0)


def test_a_deadlock_that_outlives_the_container_but_not_the_pod(bench: Bench) -> None:
    deployed = Deployed(bench, "shop")
    bench.after(10)
    deployed.get("backend", "/api/reindex", 8080, "POST")
    assert health(bench, deployed) == (0, "timeout")
    deployed.containers["backend/api"].kill()
    deployed.containers["backend/exporter"].kill()
    backend = next(
        each for each in deployed.objects if each["metadata"]["name"] == "backend" and "replicas" in each["spec"]
    )
    deployed.start(backend)
    bench.after(10)
    assert health(bench, deployed) == (0, "timeout")


def test_two_containers_that_want_one_port(bench: Bench) -> None:
    deployed = Deployed(bench, "shop", released("backend", "exporter", "shop/exporter:0.11.0"))
    bench.after(10)
    container = deployed.containers["backend/exporter"]
    assert container.exit is not None
    assert container.log[-1].text.endswith("listen tcp :8080: bind: address already in use")
    assert deployed.containers["backend/api"].exit is None


def test_a_database_that_does_not_read_older_data(bench: Bench) -> None:
    deployed = Deployed(bench, "shop")
    bench.after(5)
    deployed.containers["database/postgres"].kill()
    released("database", "postgres", "base/postgres:17.0")(
        database := next(
            each for each in deployed.objects if each["metadata"]["name"] == "database" and "replicas" in each["spec"]
        )
    )
    deployed.start(database)
    bench.after(5)
    container = deployed.containers["database/postgres"]
    assert container.exit is not None
    assert "database files are incompatible with server" in said(container)


def test_fewer_partitions_than_there_are(bench: Bench) -> None:
    deployed = Deployed(bench, "topics")
    bench.after(20)
    edited("ConfigMap", "topics-config", PARTITIONS="2")(
        next(each for each in deployed.objects if each["metadata"]["name"] == "topics-config")
    )
    deployed.start(next(each for each in deployed.objects if each["kind"] == "Job"))
    bench.after(20)
    container = deployed.containers["kafka-topic-creation/kafka-topic-creation"]
    assert container.exit is not None
    assert container.exit.code == 1
    lines = said(container).splitlines()[-5:]
    alter = "--alter --bootstrap-server kafka:9092 --partitions 2 --topic logs_ingest_topic"
    refusal = "Topic currently has 3 partitions, which is higher than the requested 2."
    assert lines[0] == f"+ /opt/bitnami/kafka/bin/kafka-topics.sh {alter}"
    assert lines[2] == f"Error while executing topic command : {refusal}"
    assert lines[3].endswith(f"ERROR org.apache.kafka.common.errors.InvalidPartitionsException: {refusal}")
    assert lines[4] == " (org.apache.kafka.tools.TopicCommand)"


def test_a_consumer_that_sees_to_its_topic_itself(bench: Bench) -> None:
    deployed = Deployed(bench, "topics")
    bench.after(20)
    for each in deployed.objects:
        edited("ConfigMap", "topics-config", PARTITIONS="2")(each)
        released("consumer", "consumer", "ingest/consumer:3.3.0")(each)
    deployed.containers["consumer/consumer"].kill()
    deployed.start(
        next(each for each in deployed.objects if each["metadata"]["name"] == "consumer" and "replicas" in each["spec"])
    )
    bench.after(20)
    assert "InvalidPartitionsException: Topic currently has 3 partitions" in said(
        deployed.containers["consumer/consumer"]
    )


@pytest.mark.parametrize(
    ("servers", "seconds", "text"),
    [
        ("kafak:9092", 1.5, "No resolvable bootstrap urls given in bootstrap.servers"),
        ("dashboard:9092", 33, "Timeout expired while fetching topic metadata"),
    ],
)
def test_a_wrong_bootstrap_server(bench: Bench, servers: str, seconds: float, text: str) -> None:
    deployed = Deployed(bench, "topics", edited("ConfigMap", "consumer-config", KAFKA_BOOTSTRAP_SERVERS=servers))
    bench.after(60)
    container = deployed.containers["consumer/consumer"]
    assert container.exit is not None
    assert container.exit.code == 1
    assert text in said(container)
    assert bench.ended["consumer/consumer"] == pytest.approx(seconds, abs=6)


def test_a_lease_is_lost_while_a_backup_runs(bench: Bench) -> None:
    deployed = Deployed(bench, "agent")
    bench.after(60)
    backup = bench.start(
        "registry.shop.example/agent/backup:1.4.0",
        env={"STORE_ADDRESS": "state-store:2379", "BACKUP_SECONDS": "60"},
        pod="backup",
    )
    bench.after(30)
    controller = deployed.containers["node-agent/controller"]
    assert controller.exit is not None
    assert controller.exit.code == 1
    text = said(controller)
    assert "leaderelection lost" in text
    assert 'Get "https://127.0.0.1:7445/apis/coordination.k8s.io/v1/namespaces/default/leases/node-agent' in text
    assert "context deadline exceeded" in text
    agent = next(
        each for each in deployed.objects if each["metadata"]["name"] == "node-agent" and "replicas" in each["spec"]
    )
    for container in list(deployed.containers.values()):
        if container.run.pod_ip == deployed.ips["node-agent"]:
            container.kill()
    deployed.start(agent)
    bench.after(20)
    again = deployed.containers["node-agent/controller"]
    assert again.exit is not None
    assert "failed to wait for node-agent caches to sync" in said(again)
    bench.after(20)
    assert backup.exit is not None
    assert backup.exit.code == 0
    for container in list(deployed.containers.values()):
        if container.run.pod_ip == deployed.ips["node-agent"]:
            container.kill()
    deployed.start(agent)
    bench.after(60)
    assert deployed.containers["node-agent/controller"].exit is None
    assert deployed.get("node-agent", "/readyz", 8081) == (200, "ok")


def test_a_hook_that_runs_before_its_server(bench: Bench) -> None:
    bench.service("state-store", 2379, 2379)
    script = "echo \"Setting tag for realtime server '0'\"\ncurl -X PUT http://state-store:2379/tags/x || exit 1\n"
    hook = bench.start("registry.shop.example/base/curl:8.9.1", "/bin/sh", "-c", args=(script,))
    bench.after(5)
    assert hook.exit is not None
    assert hook.exit.code == 1
    assert "curl: (7) Failed to connect to state-store port 2379 after" in said(hook)


def test_requests_that_cost_memory(bench: Bench) -> None:
    deployed = Deployed(bench, "shop", released("frontend", "web", "shop/frontend:1.9.0"))
    bench.after(2)
    before = deployed.containers["frontend/web"].memory
    for _ in range(8):
        deployed.get("frontend", "/", 80)
    assert deployed.containers["frontend/web"].memory - before == 2 * MI


@pytest.mark.parametrize("name", ["shop", "topics", "agent"])
def test_no_log_says_what_this_is(bench: Bench, name: str) -> None:
    deployed = Deployed(bench, name)
    bench.after(120)
    text = "".join(said(container) for container in deployed.containers.values()).lower()
    assert text
    assert not [word for word in ("healgate", "simulat", "profile", "scenario", "chaos", "inject") if word in text]
