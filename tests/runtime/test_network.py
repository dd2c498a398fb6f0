"""Names, Services and connections between pods."""

from __future__ import annotations

import pytest

from healgate.actor.host import Reply, Request
from healgate.embedded.runtime.network import Origin

from .bench import Bench, said

SERVER = "mkdir /www; echo {} > /www/index.html; exec httpd -f -p 8080 -h /www"


def served(bench: Bench, ip: str, text: str = "ok") -> None:
    bench.sh(SERVER.format(text), ip=ip, pod=f"server-{ip}")


@pytest.mark.parametrize("name", ["db", "db.default", "db.default.svc", "db.default.svc.cluster.local", "10.96.0.20"])
def test_the_names_of_a_service(bench: Bench, name: str) -> None:
    served(bench, "10.244.0.9")
    bench.service("db", 80, 8080, "10.244.0.9")
    client = bench.start("curlimages/curl:8.9.1", "sh", "-c", f"sleep 1; curl -s http://{name}/")
    bench.after(3)
    assert said(client) == "ok\n"


@pytest.mark.parametrize(
    ("url", "problem", "code"),
    [
        ("http://nobody/", "curl: (6) Could not resolve host: nobody", 6),
        ("http://db.other/", "curl: (6) Could not resolve host: db.other", 6),
        ("http://empty/", "curl: (7) Failed to connect to empty port 80 after 1 ms: Couldn't connect to server", 7),
        (
            "http://10.244.0.9:81/",
            "curl: (7) Failed to connect to 10.244.0.9 port 81 after 1 ms: Couldn't connect to server",
            7,
        ),
        (
            "-m 3 http://10.244.9.9/",
            "curl: (28) Operation timed out after 3000 milliseconds with 0 bytes received",
            28,
        ),
        ("-f http://db/missing", "curl: (22) The requested URL returned error: 404", 22),
    ],
)
def test_what_curl_says(bench: Bench, url: str, problem: str, code: int) -> None:
    served(bench, "10.244.0.9")
    bench.service("db", 80, 8080, "10.244.0.9")
    bench.service("empty", 80, 8080)
    client = bench.start("curlimages/curl:8.9.1", "sh", "-c", f"sleep 1; curl -sS {url}")
    bench.after(10)
    assert client.exit is not None
    assert (said(client).strip(), client.exit.code) == (problem, code)


def test_the_progress_that_curl_shows_without_a_terminal(bench: Bench) -> None:
    bench.service("pinot-controller", 9000, 9000)
    client = bench.start("curlimages/curl:8.9.1", "curl", "http://pinot-controller:9000/tags")
    bench.after(10)
    lines = said(client).splitlines()
    assert lines[0] == "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current"
    assert lines[2] == "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"
    assert lines[3].startswith("curl: (7) Failed to connect to pinot-controller port 9000 after ")


@pytest.mark.parametrize(
    ("command", "output", "code"),
    [
        ("nc -zv db 80", "db (10.96.0.20:80) open\n", 0),
        ("nc -zv empty 80", "nc: empty (10.96.0.30:80): Connection refused\n", 1),
        ("nc -z nobody 80", "nc: bad address 'nobody'\n", 1),
        ("wget -qO- http://db/", "ok\n", 0),
        ("wget -qO- http://db/none", "wget: server returned error: HTTP/1.1 404 Not Found\n", 1),
        ("wget -q http://nobody/", "wget: bad address 'nobody'\n", 1),
    ],
)
def test_busybox_clients(bench: Bench, command: str, output: str, code: int) -> None:
    served(bench, "10.244.0.9")
    bench.service("db", 80, 8080, "10.244.0.9")
    bench.service("empty", 80, 8080, cluster_ip="10.96.0.30")
    client = bench.sh("sleep 100")
    bench.after(1)
    result = client.exec(tuple(command.split()), 30)
    assert (result.output, result.code) == (output, code)


def test_an_exec_that_takes_too_long(bench: Bench) -> None:
    client = bench.sh("sleep 100")
    bench.after(1)
    late = client.exec(("sh", "-c", "echo before; sleep 5; echo after"), 2)
    assert (late.timed_out, late.output, late.seconds) == (True, "before\n", 2)
    slow = client.exec(("sleep", "5"), 10)
    assert (slow.timed_out, slow.code, slow.seconds) == (False, 0, 5)


def test_an_exec_of_nothing(bench: Bench) -> None:
    client = bench.sh("sleep 100")
    result = client.exec(("nosuch",), 1)
    assert result.code == -1
    assert result.output.endswith('exec: "nosuch": executable file not found in $PATH')


def test_endpoints_take_turns(bench: Bench) -> None:
    served(bench, "10.244.0.9", "one")
    served(bench, "10.244.0.8", "two")
    bench.service("web", 80, 8080, "10.244.0.9", "10.244.0.8")
    client = bench.sh("sleep 1; for i in 1 2 3 4; do wget -qO- http://web/; done")
    bench.after(5)
    assert sorted(said(client).split()) == ["one", "one", "two", "two"]


def test_pods_of_a_headless_service_have_names(bench: Bench) -> None:
    served(bench, "10.244.0.9", "zero")
    bench.service("db", 8080, 8080, "10.244.0.9", cluster_ip="None")
    slices = bench.store.get("endpointslices.discovery.k8s.io", "default", "db-abc12")
    assert slices is not None
    named = [{**slices["endpoints"][0], "hostname": "db-0"}]
    bench.store.put("endpointslices.discovery.k8s.io", {**slices, "endpoints": named})
    client = bench.sh("sleep 1; wget -qO- http://db-0.db:8080/; wget -qO- http://db:8080/; wget http://db-1.db:8080/")
    bench.after(5)
    assert said(client) == "zero\nzero\nwget: bad address 'db-1.db:8080'\n"


def test_containers_of_a_pod_share_their_ports(bench: Bench) -> None:
    first = bench.sh(SERVER.format("mine"), ip="10.244.0.9", pod="first")
    second = bench.sh("sleep 1; httpd -f -p 8080; echo $?; sleep 100", ip="10.244.0.9", pod="second")
    bench.after(3)
    assert said(second) == "httpd: bind: Address in use\n1\n"
    assert second.exec(("wget", "-qO-", "http://localhost:8080/"), 1).output == "mine\n"
    first.kill()
    assert bench.runtime.connect("10.244.0.9", 8080) == "refused"


def test_a_one_shot_server(bench: Bench) -> None:
    container = bench.sh('echo "HTTP/1.1 200 OK\n\nhello" | nc -l -p 8080; echo served', ip="10.244.0.9")
    bench.after(1)
    answer = bench.runtime.http_get("10.244.0.9", 8080, "/")
    assert (answer.status, answer.body) == (200, "hello\n")
    bench.after(1)
    assert said(container) == "served\n"
    assert container.exit is not None


def test_a_python_server(bench: Bench) -> None:
    container = bench.start(
        "registry.access.redhat.com/ubi9/python-311:latest",
        "/bin/bash",
        "-c",
        args=("cd /tmp\necho ok > healthz\nexec python3 -m http.server 8080\n",),
        ip="10.244.0.9",
    )
    bench.after(1)
    assert bench.runtime.http_get("10.244.0.9", 8080, "/healthz").body == "ok\n"
    assert said(container).splitlines() == [
        "Serving HTTP on 0.0.0.0 port 8080 (http://0.0.0.0:8080/) ...",
        '10.244.0.1 - - [16/May/2026 12:00:01] "GET /healthz HTTP/1.1" 200 -',
    ]


def test_an_answer_that_takes_longer_than_anybody_waits(bench: Bench) -> None:
    slow = bench.runtime.network
    bench.start("registry.shop.example/base/state-store:3.5.13", ip="10.244.0.9")
    bench.after(2)
    slow.ask("10.244.0.9", 2379, Request("POST", "/backup?seconds=60"), 1)
    answer = bench.runtime.http_get("10.244.0.9", 2379, "/health", timeout=2)
    assert (answer.status, answer.problem, answer.seconds) == (0, "timeout", 2)
    bench.after(61)
    assert bench.runtime.http_get("10.244.0.9", 2379, "/health", timeout=2).status == 200


def test_an_answer_lasts_where_there_is_only_one_that_could_give_it(bench: Bench) -> None:
    network, asked = bench.runtime.network, Origin("default", "10.244.0.5", "client")
    for address in ("10.244.0.8", "10.244.0.9"):
        network.listen(object(), address, 8080, lambda _: Reply(200, lasts=True))
    bench.service("one", 80, 8080, "10.244.0.9")
    bench.service("two", 80, 8080, "10.244.0.8", "10.244.0.9")
    request = Request("GET", "/")
    assert network.fetch(asked, "one", 80, request, 1).lasts
    assert not network.fetch(asked, "two", 80, request, 1).lasts, "the next turn is the other one's"
    assert network.dial(asked, "one", 80, 1).lasts
    assert not network.dial(asked, "two", 80, 1).lasts
    assert not network.dial(asked, "three", 80, 1).lasts, "nobody tells when a name appears elsewhere"
