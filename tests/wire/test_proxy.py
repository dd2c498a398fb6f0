"""What a healer sends reaches the API server, comes back unchanged, and is written down."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import watch
from kubernetes.client import ApiException, CoreV1Api, V1DeleteOptions
from kubernetes.stream import stream

from healgate.embedded.door.http import HttpDoor
from healgate.evidence import UNANSWERED, Request, is_dry_run
from healgate.wire.fence import Fence

from .conftest import HARNESS, LIMIT, OTHER, OWN, PODS, TOKEN, Put, Scripted, Wire, official, receive

Serve = Callable[..., Scripted]


def config_map(name: str, **data: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "data": data}


def only(wire: Wire, verb: str) -> Request:
    (found,) = [request for request in wire.requests if request.verb == verb]
    return found


def test_a_write_is_written_down_with_what_it_found(wire: Wire) -> None:
    api = CoreV1Api(wire.client())
    api.create_namespaced_config_map(OWN, config_map("settings", level="info"))
    api.patch_namespaced_config_map("settings", OWN, {"data": {"level": "debug"}})
    made, patched = only(wire, "create"), only(wire, "patch")
    assert (made.kind, made.namespace, made.code, made.before) == ("ConfigMap", OWN, 201, None)
    assert (patched.resource, patched.name, patched.user, patched.code) == ("configmaps", "settings", "healer", 200)
    assert patched.body == {"data": {"level": "debug"}}
    assert patched.before is not None
    assert patched.before["data"] == {"level": "info"}


def test_reads_are_written_down_as_what_they_are(wire: Wire) -> None:
    api = CoreV1Api(wire.client())
    api.list_namespaced_pod(OWN)
    api.read_namespace(OWN)
    with pytest.raises(ApiException):
        api.read_namespaced_pod("nobody", OWN)
    assert [(r.verb, r.kind, r.name, r.code) for r in wire.requests] == [
        ("list", "Pod", "", 200),
        ("get", "Namespace", OWN, 200),
        ("get", "Pod", "nobody", 404),
    ]


def test_a_dry_run_of_the_healers_own_is_told_from_a_write(wire: Wire) -> None:
    CoreV1Api(wire.client()).create_namespaced_config_map(OWN, config_map("trial"), dry_run="All")
    assert only(wire, "create").dry_run
    assert not only(wire, "create").writes


@pytest.mark.parametrize("options", [{"dryRun": ["All"]}, {}])
def test_an_eviction_is_told_in_its_body_whether_it_is_meant(options: dict[str, Any]) -> None:
    body = {"kind": "Eviction", "deleteOptions": options}
    assert is_dry_run("create", [], body) is bool(options)


def test_a_subresource_is_written_down_with_what_its_object_was(wire: Wire) -> None:
    api = CoreV1Api(wire.client())
    api.patch_namespace_status(OWN, {"status": {"phase": "Active"}})
    patched = only(wire, "patch")
    assert (patched.kind, patched.name, patched.subresource) == ("Namespace", OWN, "status")
    assert patched.before is not None
    assert patched.before["metadata"]["name"] == OWN


def test_a_change_passes_a_watch_at_once(wire: Wire, embedded: HttpDoor) -> None:
    seen: list[str] = []
    begun, done = threading.Event(), threading.Event()

    def look() -> None:
        api, watching = CoreV1Api(wire.client()), watch.Watch()
        for event in watching.stream(api.list_namespaced_config_map, OWN, resource_version="0", _request_timeout=LIMIT):
            seen.append(event["object"].metadata.name)
            begun.set()
            if seen[-1] == "news":
                watching.stop()
        done.set()

    threading.Thread(target=look, daemon=True).start()
    api = CoreV1Api(official(embedded.url, HARNESS))
    api.create_namespaced_config_map(OWN, config_map("first"))
    assert begun.wait(LIMIT)
    api.create_namespaced_config_map(OWN, config_map("news"))
    assert done.wait(LIMIT)
    assert only(wire, "watch").code == 200


def test_a_client_that_leaves_a_watch_ends_it_at_the_server_too(scripted: Serve, put_before: Put) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nline\n\r\n"
    server = scripted(head, hold_open=True)
    wire = put_before(server.url, PODS)
    client = wire.ask("GET /api/v1/pods?watch=1 HTTP/1.1")
    assert b"line\n" in receive(client, b"line\n")
    client.close()
    assert server.gone.wait(LIMIT)


def test_a_server_that_leaves_a_watch_ends_it_for_the_client_too(scripted: Serve, put_before: Put) -> None:
    server = scripted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nline\n\r\n")
    client = put_before(server.url, PODS).ask("GET /api/v1/pods?watch=1 HTTP/1.1")
    assert receive(client, b"never").endswith(b"5\r\nline\n\r\n")


def test_a_command_runs_over_a_websocket(embedded: HttpDoor, wire: Wire) -> None:
    api = CoreV1Api(official(embedded.url, HARNESS))
    container = {"name": "sh", "image": "busybox:1.36", "command": ["sleep", "3600"]}
    api.create_namespaced_pod(OWN, {"metadata": {"name": "shell"}, "spec": {"containers": [container]}})
    watching = watch.Watch()
    for event in watching.stream(api.list_namespaced_pod, OWN, _request_timeout=LIMIT):
        if event["object"].status.phase == "Running":
            watching.stop()
    healer = CoreV1Api(wire.client())
    command = stream(
        healer.connect_get_namespaced_pod_exec, "shell", OWN, command=["echo", "hello"], stderr=True, stdin=False,
        stdout=True, tty=False, _preload_content=False,
    )  # fmt: skip
    command.run_forever(timeout=LIMIT)
    said = command.read_stdout()
    command.sock.shutdown()  # the library leaves the socket open where the server was the first to close
    assert said == "hello\n"
    (recorded,) = wire.requests
    assert (recorded.verb, recorded.subresource, recorded.code) == ("get", "exec", 101)
    assert recorded.acts


def test_after_an_upgrade_any_protocol_passes_both_ways(scripted: Serve, put_before: Put) -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
    server = scripted(switch, hold_open=True)
    wire = put_before(server.url, PODS)
    client = wire.ask(
        f"POST /api/v1/namespaces/{OWN}/pods/a/exec?command=ls HTTP/1.1",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
    )
    assert receive(client, b"\r\n\r\n") == switch
    client.sendall(b"\x80\x03\x00\x01")
    assert receive(client, b"\x01") == b"echo:\x80\x03\x00\x01"
    server.say(b"unasked")
    assert receive(client, b"unasked") == b"unasked"
    client.close()
    assert server.gone.wait(LIMIT)
    assert [(r.verb, r.subresource, r.code) for r in wire.requests] == [("create", "exec", 101)]


def test_a_compressed_answer_stays_as_it_is(scripted: Serve, put_before: Put) -> None:
    body = gzip.compress(b'{"kind":"PodList"}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    server = scripted(head + body)
    client = put_before(server.url, PODS).ask("GET /api/v1/pods HTTP/1.1", "Accept-Encoding: gzip")
    assert receive(client, body) == head + body
    assert b"Accept-Encoding: gzip" in server.got[0]


def test_a_body_in_chunks_is_read_whole(scripted: Serve, put_before: Put) -> None:
    server = scripted(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    wire = put_before(server.url, PODS)
    client = wire.ask(f"POST /api/v1/namespaces/{OWN}/pods HTTP/1.1", "Transfer-Encoding: chunked",
                 body=b'6\r\n{"kind\r\n8;x=y\r\n":"Pod"}\r\n0\r\n\r\n')  # fmt: skip
    assert b"201" in receive(client, b"\r\n\r\n")
    assert wire.requests[0].body == {"kind": "Pod"}
    assert b"Content-Length: 14" in server.got[0]
    assert server.got[0].endswith(b'{"kind":"Pod"}')


def test_who_waits_for_a_word_before_sending_a_body_gets_it(wire: Wire) -> None:
    body = json.dumps({"metadata": {"name": "late"}}).encode()
    client = wire.ask(f"POST /api/v1/namespaces/{OWN}/configmaps HTTP/1.1", f"Content-Length: {len(body)}",
                 "Content-Type: application/json", "Expect: 100-continue")  # fmt: skip
    assert receive(client, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(body)
    assert b"201 Created" in receive(client, b"\r\n\r\n")


def test_a_large_object_passes(wire: Wire) -> None:
    text = "x" * 900_000
    api = CoreV1Api(wire.client())
    api.create_namespaced_config_map(OWN, config_map("large", text=text))
    assert api.read_namespaced_config_map("large", OWN).data["text"] == text


def test_a_token_of_somebody_elses_goes_on_as_it_is(scripted: Serve, put_before: Put) -> None:
    server = scripted(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    wire = put_before(server.url, PODS)
    # {"sub": "system:serviceaccount:ops:bot"}
    token = "e30.eyJzdWIiOiAic3lzdGVtOnNlcnZpY2VhY2NvdW50Om9wczpib3QifQ.c2ln"
    client = wire.ask("GET /api/v1/pods HTTP/1.1", token=token)
    assert b"401" in receive(client, b"\r\n\r\n")
    assert f"Authorization: Bearer {token}".encode() in server.got[0]
    assert [(r.user, r.code) for r in wire.requests] == [("system:serviceaccount:ops:bot", 401)]


def test_the_proxys_own_token_becomes_the_harnesss_credentials(scripted: Serve, put_before: Put) -> None:
    server = scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    client = put_before(server.url, PODS).ask("GET /api/v1/pods HTTP/1.1", "Impersonate-User: root")
    receive(client, b"\r\n\r\n")
    assert f"authorization: Bearer {HARNESS}".encode() in server.got[0]
    assert TOKEN.encode() not in server.got[0]
    assert b"Impersonate" not in server.got[0]


def test_nobody_without_credentials_gets_through(scripted: Serve, put_before: Put) -> None:
    server = scripted(b"")
    wire = put_before(server.url, PODS)
    client = wire.ask("GET /api/v1/pods HTTP/1.1", token="")
    assert b"401 Unauthorized" in receive(client, b"\r\n\r\n")
    assert (server.got, wire.requests) == ([], [])


def test_a_write_that_was_sent_and_never_answered_is_on_the_record(scripted: Serve, put_before: Put) -> None:
    wire = put_before(scripted(b"").url, PODS)
    client = wire.ask(f"DELETE /api/v1/namespaces/{OWN}/pods/a HTTP/1.1")
    assert receive(client, b"never") == b""
    assert [(r.verb, r.name, r.code) for r in wire.requests] == [("delete", "a", UNANSWERED)]


def test_whether_a_write_was_done_is_learned_also_when_nobody_waits_for_it(scripted: Serve, put_before: Put) -> None:
    """Clients give up on a busy server, which does it all the same."""
    may_answer = threading.Event()
    wire = put_before(scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", may_answer=may_answer).url, PODS)
    wire.ask(f"DELETE /api/v1/namespaces/{OWN}/pods/a HTTP/1.1").close()
    for _ in range(3):  # by then it has been noticed that the client went
        receive(wire.ask("GET /api/v1/pods HTTP/1.1", token=""), b"\r\n\r\n")
    assert wire.requests == []
    may_answer.set()
    assert wire.requests.came.wait(LIMIT)
    assert [(r.verb, r.code) for r in wire.requests] == [("delete", 200)]


def test_an_api_server_that_is_not_there_is_hung_up_on_the_client(put_before: Put) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    wire = put_before(f"http://127.0.0.1:{port}", PODS)
    assert receive(wire.ask("GET /api/v1/pods HTTP/1.1"), b"never") == b""


@pytest.mark.parametrize(
    "rubbish", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nnonsense\r\n\r\n"]
)
def test_who_does_not_speak_http_is_hung_up_on(wire: Wire, rubbish: bytes) -> None:
    client = wire.dial()
    client.sendall(rubbish)
    assert receive(client, b"never") == b""


def test_what_happens_elsewhere_is_only_tried_and_counts_all_the_same(wire: Wire, embedded: HttpDoor) -> None:
    CoreV1Api(wire.client()).create_namespaced_config_map("default", config_map("astray"))
    made = only(wire, "create")
    assert made.writes
    assert made.accepted
    there = CoreV1Api(official(embedded.url, HARNESS)).list_namespaced_config_map("default").items
    assert "astray" not in {found.metadata.name for found in there}


def test_a_deletion_elsewhere_is_only_tried_whatever_it_is_told_in_its_body(wire: Wire, embedded: HttpDoor) -> None:
    """With a body the server does not read the query, and most clients send one."""
    there = CoreV1Api(official(embedded.url, HARNESS))
    there.create_namespaced_config_map("default", config_map("theirs"))
    CoreV1Api(wire.client()).delete_namespaced_config_map("theirs", "default", body=V1DeleteOptions())
    assert only(wire, "delete").acts
    assert there.read_namespaced_config_map("theirs", "default").metadata.name == "theirs"


def test_a_rehearsal_in_the_query_of_a_deletion_with_a_body_is_none(wire: Wire) -> None:
    api = CoreV1Api(wire.client())
    api.create_namespaced_config_map(OWN, config_map("gone"))
    api.delete_namespaced_config_map("gone", OWN, dry_run="All", body=V1DeleteOptions())
    assert only(wire, "delete").acts
    with pytest.raises(ApiException):
        api.read_namespaced_config_map("gone", OWN)


def test_a_rehearsal_in_the_body_of_a_deletion_is_one(wire: Wire) -> None:
    api = CoreV1Api(wire.client())
    api.create_namespaced_config_map(OWN, config_map("kept"))
    api.delete_namespaced_config_map("kept", OWN, body=V1DeleteOptions(dry_run=["All"]))
    assert only(wire, "delete").dry_run
    assert api.read_namespaced_config_map("kept", OWN).metadata.name == "kept"


def test_a_command_elsewhere_is_refused_and_counts_as_given(wire: Wire) -> None:
    client = wire.ask("POST /api/v1/namespaces/kube-system/pods/dns/exec?command=reboot HTTP/1.1")
    assert b"403 Forbidden" in receive(client, b"\r\n\r\n")
    assert wire.requests[-1].acts


def test_a_write_is_written_down_with_what_it_left(wire: Wire) -> None:
    api = CoreV1Api(wire.client())
    api.create_namespaced_config_map(OWN, config_map("changed"))
    api.patch_namespaced_config_map("changed", OWN, {"data": {"size": "large"}})
    patched = only(wire, "patch")
    assert patched.after is not None
    assert patched.after["data"]["size"] == "large"


def test_another_trials_namespace_is_not_there(wire: Wire) -> None:
    api = CoreV1Api(wire.client())
    namespaces = {found.metadata.name for found in api.list_namespace().items}
    accounts = {found.metadata.namespace for found in api.list_service_account_for_all_namespaces().items}
    assert OWN in namespaces & accounts
    assert "kube-system" in namespaces & accounts
    assert OTHER not in namespaces | accounts
    with pytest.raises(ApiException) as refused:
        api.list_namespaced_pod(OTHER)
    assert refused.value.status == 404


def test_two_healers_meet_only_what_is_theirs(embedded: HttpDoor, put_before: Put) -> None:
    one = put_before(embedded.url)
    other = put_before(embedded.url, fence=Fence(OTHER, frozenset({OWN})))
    CoreV1Api(one.client()).create_namespaced_config_map(OWN, config_map("mine"))
    seen = CoreV1Api(other.client()).list_config_map_for_all_namespaces().items
    assert "mine" not in {found.metadata.name for found in seen}
    assert [len(one.requests), len(other.requests)] == [1, 1]
