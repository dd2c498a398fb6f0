"""Ten thousand requests that nobody should send: each gets an API server's refusal, and the door stays open."""

from __future__ import annotations

import http.client
import json
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.http import HOST, HttpDoor

REQUESTS = 10_000
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JSON = "application/json"
REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: ("AlreadyExists", "Conflict"),
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    504: "Timeout",
}
POD = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "main", "image": "shop:1"}]}}


@dataclass
class Attempt:
    method: str
    url: str
    expected: tuple[int, ...]
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    token: str = "admin"


Draw = random.Random


def text(draw: Draw, most: int = 12) -> str:
    return "".join(draw.choice("abzAZ09-_./%&=?#{}[]\"\\' \0\n\té😀") for _ in range(draw.randint(1, most)))


def nonsense(draw: Draw, depth: int = 0) -> Any:
    kind = draw.randint(0, 7 if depth < 3 else 5)
    if kind == 6:
        return [nonsense(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    if kind == 7:
        keys = ("metadata", "spec", "name", "containers", "labels", "$patch", text(draw))
        return {draw.choice(keys): nonsense(draw, depth + 1) for _ in range(draw.randint(0, 3))}
    return draw.choice([None, True, -1, 2**70, 1.5, "", "x", text(draw), [], {}])


def malformed_json(draw: Draw) -> Attempt:
    whole = json.dumps(POD)
    return Attempt("POST", PODS, (400,), whole[: draw.randint(1, len(whole) - 1)].encode(), {"Content-Type": JSON})


def not_an_object(draw: Draw) -> Attempt:
    body = draw.choice([b"[]", b"1", b'"x"', b"true", b"[" * 100_000, b"\xff\xfe", b"{}{}"])
    return Attempt("POST", PODS, (400,), body, {"Content-Type": JSON})


def wrong_type(draw: Draw) -> Attempt:
    kind = draw.choice(
        ["text/plain", "application/xml", "application/cbor", "application/merge-patch+json", "x", "a/b;c"]
    )
    return Attempt("POST", PODS, (415,), json.dumps(POD).encode(), {"Content-Type": kind})


def wrong_patch(draw: Draw) -> Attempt:
    kind = draw.choice([JSON, "application/yaml", "application/patch", "x"])
    return Attempt("PATCH", PODS + "/steady", (415,), b"{}", {"Content-Type": kind})


def broken_patch(draw: Draw) -> Attempt:
    kinds = ("json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
    body = draw.choice([b"{", b"", b"null", b"[{}]", b'[{"op":"remove","path":"/nope"}]', b'"x"', b": :\n - x", b"[1]"])
    headers = {"Content-Type": f"application/{draw.choice(kinds)}"}
    return Attempt("PATCH", PODS + "/steady?fieldManager=me", (200, 400, 422), body, headers)


def nonsense_object(draw: Draw) -> Attempt:
    body = {**POD, draw.choice(["metadata", "spec", "kind", "apiVersion", text(draw)]): nonsense(draw)}
    query = draw.choice(
        ["", "?fieldValidation=Strict", "?dryRun=All", "?dryRun=x", f"?fieldManager={quote(text(draw))}"]
    )
    url = draw.choice(
        [PODS, DEPLOYMENTS, "/api/v1/namespaces/absent/services", "/apis/batch/v1/namespaces/default/jobs"]
    )
    return Attempt("POST", url + query, (201, 400, 404, 409, 422), json.dumps(body).encode(), {"Content-Type": JSON})


def nonsense_patch(draw: Draw) -> Attempt:
    kinds = ("json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
    headers = {"Content-Type": f"application/{draw.choice(kinds)}"}
    body = json.dumps(nonsense(draw)).encode()
    url = draw.choice([PODS + "/steady", PODS + "/steady/status", PODS + "/steady/resize", DEPLOYMENTS + "/none/scale"])
    return Attempt("PATCH", url + "?fieldManager=me&force=true", (200, 400, 404, 415, 422, 409, 201), body, headers)


def bad_protobuf(draw: Draw) -> Attempt:
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    return Attempt("POST", PODS, (400,), draw.choice([b"", b"k8s\0"]) + draw.randbytes(draw.randint(1, 60)), headers)


def bad_selector(draw: Draw) -> Attempt:
    bad = draw.choice(["a==b==c", "a in (b", "!", ",,", "a=b c", "a in b", "=x", "a>b>c", "(a)", "a=%%", "a notin"])
    return Attempt("GET", f"{PODS}?labelSelector={quote(bad)}", (400,))


def bad_field_selector(draw: Draw) -> Attempt:
    bad = draw.choice(["status.foo=1", "metadata.name", "spec.x=y", "a=b=c", "metadata.name>x", "=", "x!y"])
    return Attempt("GET", f"{PODS}?fieldSelector={quote(bad)}", (400,))


def bad_number(draw: Draw) -> Attempt:
    name = draw.choice(
        ["limit", "timeoutSeconds", "resourceVersion", "continue", "resourceVersionMatch", "sendInitialEvents"]
    )
    value = draw.choice(["x", "-", "1e9", "0x1", "٣", "99999999999999999999", "%00"])
    watch = "&watch=1" if name == "sendInitialEvents" else ""
    return Attempt("GET", f"{PODS}?{name}={quote(value, safe='%')}{watch}", (200, 400, 422, 504))


def unknown_path(draw: Draw) -> Attempt:
    parts = [quote(text(draw), safe="") for _ in range(draw.randint(1, 6))]
    root = draw.choice(
        ["", "/api", "/apis", "/api/v1", "/apis/apps/v1", "/openapi", "/api/v1/namespaces/default", PODS]
    )
    return Attempt("GET", f"{root}/{'/'.join(parts)}", (200, 301, 400, 404))


def wrong_method(draw: Draw) -> Attempt:
    method = draw.choice(["PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE"])
    url = draw.choice(["/api/v1/namespaces/default/pods/steady/log", "/api/v1/componentstatuses", "/version", PODS])
    if method == "DELETE" and url == PODS:
        url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return Attempt(method, url, (400, 404, 405, 415, 422), b"{}", {"Content-Type": JSON})


def nobody(draw: Draw) -> Attempt:
    return Attempt(draw.choice(["GET", "POST", "DELETE"]), draw.choice([PODS, "/api/v1/nodes"]), (403,), token="")


def unknown_token(draw: Draw) -> Attempt:
    token = draw.choice(["stolen", "a b", "admi", "x" * 5000])
    return Attempt("GET", draw.choice([PODS, "/version", "/apis", "/nowhere"]), (401,), token=token)


def not_allowed(draw: Draw) -> Attempt:
    method = draw.choice(["GET", "DELETE", "PUT", "PATCH"])
    return Attempt(method, draw.choice([PODS + "/steady", "/api/v1/nodes/worker-1"]), (403,), b"{}", token="alice")


def impersonator(draw: Draw) -> Attempt:
    headers = {"Impersonate-User": draw.choice(["bob", "system:serviceaccount:default:x", "system:serviceaccount:"])}
    return Attempt("GET", PODS, (403, 400), headers=headers, token=draw.choice(["alice", "admin"]))


def unacceptable(draw: Draw) -> Attempt:
    accept = draw.choice(
        ["text/html", "application/cbor", "application/json;as=Nothing;v=v1;g=meta.k8s.io", "x", "a/b"]
    )
    return Attempt("GET", PODS, (406,), headers={"Accept": accept})


def bad_delete(draw: Draw) -> Attempt:
    body = draw.choice([b"[]", b"{", b'{"propagationPolicy":"x"}', b'{"gracePeriodSeconds":"x"}', b'{"dryRun":["x"]}'])
    return Attempt("DELETE", PODS + "/steady", (400, 422), body, {"Content-Type": JSON})


def bad_log(draw: Draw) -> Attempt:
    bad = draw.choice(
        ["tailLines=-1", "sinceSeconds=0", "limitBytes=0", "container=none", "tailLines=x", "sinceTime=x"]
    )
    return Attempt("GET", f"{PODS}/steady/log?{bad}", (400, 422))


KINDS: list[Callable[[Draw], Attempt]] = [
    malformed_json, not_an_object, wrong_type, wrong_patch, broken_patch, nonsense_object, nonsense_patch, bad_protobuf,
    bad_selector, bad_field_selector, bad_number, unknown_path, wrong_method, nobody, unknown_token, not_allowed,
    impersonator, unacceptable, bad_delete, bad_log,
]  # fmt: skip


class Knocker:
    def __init__(self, door: HttpDoor) -> None:
        self._port = int(door.url.rpartition(":")[2])
        self._connection = http.client.HTTPConnection(HOST, self._port, timeout=30)

    def knock(self, one: Attempt) -> tuple[int, bytes]:
        headers = {**one.headers, **({"Authorization": f"Bearer {one.token}"} if one.token else {})}
        try:
            self._connection.request(one.method, one.url, one.body or None, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (ConnectionError, http.client.HTTPException):
            # A server may close after a refusal; it must be there for the next one.
            self._connection.close()
            return 0, b""

    def close(self) -> None:
        self._connection.close()

    def raw(self, data: bytes) -> bytes:
        with socket.create_connection((HOST, self._port), timeout=5) as line:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            return line.recv(65536)


@pytest.fixture
def knocker() -> Iterator[Knocker]:
    cluster = EmbeddedCluster("fuzz")
    cluster.registry.create("pods", {**POD, "metadata": {"name": "steady", "namespace": "default"}})
    tokens = {"admin": "", "alice": "alice"}
    with HttpDoor(cluster.server, cluster.clock, tokens=tokens, nobody="system:anonymous") as door:
        found = Knocker(door)
        yield found
        found.close()
    cluster.close()


def complaint(one: Attempt, status: int, body: bytes) -> str:
    """What is wrong with the answer; nothing if it is right."""
    if status not in one.expected:
        return f"{status}, expected one of {one.expected}"
    if status < 400:
        return ""
    if body.startswith(b"404 page not found"):
        return "" if status == 404 else "a text that is not for this"
    try:
        said = json.loads(body)
    except ValueError:
        return "not even JSON"
    if (said["kind"], said["apiVersion"], said["status"], said["code"]) != ("Status", "v1", "Failure", status):
        return "no Status of this failure"
    if said.get("reason", "") not in REASONS[status] or not said["message"]:
        return f"the reason is {said.get('reason')}"
    return ""


def test_ten_thousand_bad_requests(knocker: Knocker) -> None:
    draw = random.Random(36)
    wrong: list[str] = []
    seen: Counter[tuple[str, int]] = Counter()
    for at in range(REQUESTS):
        kind = KINDS[at % len(KINDS)]
        one = kind(draw)
        status, body = knocker.knock(one)
        seen[kind.__name__, status] += 1
        if found := complaint(one, status, body):
            wrong.append(f"{kind.__name__}: {one.method} {one.url} {one.body[:200]!r}: {found}: {body[:300]!r}")
    assert not wrong, f"{len(wrong)} of {REQUESTS}\n" + "\n".join(wrong[:200])
    assert knocker.knock(Attempt("GET", PODS + "/steady", (200,)))[0] == 200
    # Every kind was refused as a rule, so that the test asks what it means to.
    assert {kind.__name__ for kind in KINDS} == {name for name, status in seen if status >= 400}


def test_bodies_that_are_too_big(knocker: Knocker) -> None:
    for size in (3 * 1024 * 1024 + 1, 20 * 1024 * 1024):
        big = Attempt("POST", PODS, (413,), b"[" + b" " * size + b"]", {"Content-Type": JSON})
        status, body = knocker.knock(big)
        assert not complaint(big, status, body), (status, body[:200])
    assert knocker.knock(Attempt("GET", "/version", (200,)))[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n{}",
        b"POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"GET /version HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET " + b"/x" * 50_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["zeros", "no path", "a version", "no path in ASCII", "a length", "a chunk", "a header", "a long path"],
)
def test_what_is_hardly_http(knocker: Knocker, data: bytes) -> None:
    answer = knocker.raw(data)
    assert not answer or b" 400 " in answer[:20] or b" 404 " in answer[:20] or b" 403 " in answer[:20], answer[:200]
    assert knocker.knock(Attempt("GET", "/version", (200,)))[0] == 200
