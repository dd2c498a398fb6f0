"""What a healer may see and do beyond its own namespace."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from healgate.wire.fence import Fence, Passage, tried
from healgate.wire.kinds import Kind, Kinds, Target, verb_of

KINDS = Kinds(
    [
        Kind("", "v1", "pods", "Pod", True),
        Kind("", "v1", "events", "Event", True),
        Kind("", "v1", "namespaces", "Namespace", False),
        Kind("", "v1", "nodes", "Node", False),
        Kind("apps", "v1", "deployments", "Deployment", True),
        Kind("coordination.k8s.io", "v1", "leases", "Lease", True),
        Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False),
        Kind("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False),
    ]
)
FENCE = Fence("mine", frozenset({"theirs", "books"}))
LENIENT = Fence("mine", frozenset({"theirs", "books"}), frozenset({"Event", "Lease"}))


def passage(fence: Fence, method: str, path: str) -> Passage:
    target = KINDS.parse(path)
    return fence.passage(target, verb_of(method, target, watch=False))


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/version", Passage.OPEN),
        ("GET", "/api/v1/pods", Passage.OPEN),
        ("GET", "/api/v1/namespaces/kube-system/pods/dns", Passage.OPEN),
        ("DELETE", "/api/v1/namespaces/mine/pods/a", Passage.OPEN),
        ("DELETE", "/api/v1/namespaces/mine/pods", Passage.OPEN),
        ("POST", "/api/v1/namespaces/mine/pods/a/exec", Passage.OPEN),
        ("DELETE", "/api/v1/namespaces/mine", Passage.OPEN),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", Passage.OPEN),
        ("DELETE", "/api/v1/namespaces/kube-system/pods/dns", Passage.TRIED),
        ("PATCH", "/apis/apps/v1/namespaces/default/deployments/a/scale", Passage.TRIED),
        ("DELETE", "/api/v1/namespaces/kube-system", Passage.TRIED),
        ("POST", "/api/v1/namespaces", Passage.TRIED),
        ("PATCH", "/api/v1/nodes/one", Passage.TRIED),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", Passage.TRIED),
        ("POST", "/api/v1/namespaces/kube-system/pods/dns/exec", Passage.CLOSED),
        ("GET", "/api/v1/namespaces/kube-system/pods/dns/portforward", Passage.CLOSED),
        ("GET", "/api/v1/namespaces/theirs/pods", Passage.HIDDEN),
        ("GET", "/api/v1/namespaces/theirs", Passage.HIDDEN),
        ("DELETE", "/api/v1/namespaces/books", Passage.HIDDEN),
    ],
)
def test_each_request_has_its_passage(method: str, path: str, expected: Passage) -> None:
    assert passage(FENCE, method, path) is expected


def test_what_a_healer_says_of_itself_may_be_free() -> None:
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/healer"
    assert passage(FENCE, "PUT", leases) is Passage.TRIED
    assert passage(LENIENT, "PUT", leases) is Passage.OPEN
    assert passage(LENIENT, "POST", "/api/v1/namespaces/default/events") is Passage.OPEN
    assert passage(LENIENT, "POST", "/api/v1/namespaces/theirs/events") is Passage.HIDDEN


def narrowed(path: str, query: str = "", verb: str = "list") -> str:
    return FENCE.narrowed(KINDS.parse(path), verb, query)


def test_a_list_over_all_namespaces_leaves_the_hidden_ones_out() -> None:
    assert parse_qs(narrowed("/api/v1/pods")) == {
        "fieldSelector": ["metadata.namespace!=books,metadata.namespace!=theirs"]
    }
    assert parse_qs(narrowed("/api/v1/namespaces")) == {"fieldSelector": ["metadata.name!=books,metadata.name!=theirs"]}


def test_a_selector_of_the_healers_own_stays_beside_ours() -> None:
    query = parse_qs(narrowed("/api/v1/pods", "watch=1&fieldSelector=spec.nodeName%3Done&limit=5", "watch"))
    assert query["fieldSelector"] == ["spec.nodeName=one,metadata.namespace!=books,metadata.namespace!=theirs"]
    assert (query["watch"], query["limit"]) == (["1"], ["5"])


@pytest.mark.parametrize("path", ["/api/v1/namespaces/mine/pods", "/api/v1/nodes", "/version"])
def test_what_spans_no_namespaces_is_asked_as_it_is(path: str) -> None:
    assert narrowed(path, "limit=5") == "limit=5"


def test_a_rehearsal_keeps_the_rest_of_the_query() -> None:
    assert parse_qs(tried("fieldManager=me&dryRun=")) == {"fieldManager": ["me"], "dryRun": ["All"]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/namespaces/mine/pods/a/log", ("Pod", "mine", "a", "log")),
        ("/api/v1/namespaces/mine", ("Namespace", "", "mine", "")),
        ("/api/v1/namespaces/mine/status", ("Namespace", "", "mine", "status")),
        ("/api/v1/watch/namespaces/mine/pods", ("Pod", "mine", "", "")),
        ("/api/v1/namespaces/mine/pods/a/proxy/deep/path", ("Pod", "mine", "a", "proxy")),
        ("/apis/apps/v1/deployments", ("Deployment", "", "", "")),
        ("/api/v1%2Fnamespaces/mine%2fpods/a", ("Pod", "mine", "a", "")),
        ("/api/v1/unknown", None),
        ("/api", None),
        ("/", None),
    ],
)
def test_a_path_is_about_something(path: str, expected: tuple[str, str, str, str] | None) -> None:
    target: Target | None = KINDS.parse(path)
    assert (target and (target.kind.kind, target.namespace, target.name, target.sub)) == expected
