"""A right repair passes in whatever words it is sent: it is the same repair.

The control is the reference healer, whose changes go out as other healers send theirs: replaced, applied, paused
before, noted beside, or sent twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from healers.reference.access import Access
from healers.reference.healer import Healer
from healgate.clusters import open_cluster
from healgate.drivers import HealerSpec
from healgate.trial import run_trial

from .test_controls import SEED, catalogue

Obj = dict[str, Any]
MERGE, STRATEGIC, JSON = (f"application/{kind}+json" for kind in ("merge-patch", "strategic-merge-patch", "json-patch"))
APPLY = "application/apply-patch+yaml"
SERVERS = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Styled(Access):
    """The reference healer's access, which sends its patches in one of the styles below."""

    def __init__(self, api_client: Any, style: Callable[[Styled, Obj, Any], None]) -> None:
        super().__init__(api_client)
        self._client = api_client
        self._style = style

    def patch(self, obj: Obj, body: Any) -> None:
        self._style(self, obj, body)

    def as_it_is(self, obj: Obj, body: Any) -> None:
        super().patch(obj, body)

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        answer = self._client.call_api(method, self._client.configuration.host + path, header_params=headers, body=body)
        answer.read()
        if answer.status >= 300:
            raise ApiException(status=answer.status, reason=answer.data.decode())
        return json.loads(answer.data)

    def path(self, obj: Obj) -> str:
        base = "/api/v1" if obj["kind"] == "ConfigMap" else "/apis/apps/v1"
        return f"{base}/namespaces/{obj['metadata']['namespace']}/{obj['kind'].lower()}s/{obj['metadata']['name']}"

    def note(self, obj: Obj, **metadata: Any) -> None:
        self.call("PATCH", self.path(obj), {"metadata": metadata}, MERGE)

    def wanted(self, obj: Obj, body: Any) -> Obj:
        """The object as it is to be."""
        kind = JSON if isinstance(body, list) else STRATEGIC
        found: Obj = self.call("PATCH", f"{self.path(obj)}?dryRun=All", body, kind)
        return found

    def manifest(self, obj: Obj, body: Any) -> Obj:
        """The same as it would lie in a repository."""
        found = self.wanted(obj, body)
        metadata = {key: value for key, value in found["metadata"].items() if key not in SERVERS}
        return {**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata}


def replaced(access: Styled, obj: Obj, body: Any) -> None:
    access.call("PUT", access.path(obj), access.wanted(obj, body))


def replaced_from_a_manifest(access: Styled, obj: Obj, body: Any) -> None:
    access.call("PUT", access.path(obj), access.manifest(obj, body))


def applied(access: Styled, obj: Obj, body: Any) -> None:
    access.call("PATCH", f"{access.path(obj)}?fieldManager=x&force=true", access.manifest(obj, body), APPLY)


def applied_by_the_client(access: Styled, obj: Obj, body: Any) -> None:
    found = access.manifest(obj, body)
    found["metadata"].setdefault("annotations", {})[LAST_APPLIED] = json.dumps(found)
    access.call("PATCH", access.path(obj), found, MERGE)


def step_by_step(access: Styled, obj: Obj, body: Any) -> None:
    uid = access.call("GET", access.path(obj))["metadata"]["uid"]
    found = access.wanted(obj, body)
    parts = [{"op": "replace", "path": f"/{part}", "value": found[part]} for part in ("spec", "data") if part in found]
    access.call("PATCH", access.path(obj), [{"op": "test", "path": "/metadata/uid", "value": uid}, *parts], JSON)


def twice(access: Styled, obj: Obj, body: Any) -> None:
    access.as_it_is(obj, body)
    access.as_it_is(obj, body)


def paused_meanwhile(access: Styled, obj: Obj, body: Any) -> None:
    for paused in (True, False):
        if obj["kind"] == "Deployment":
            access.call("PATCH", access.path(obj), {"spec": {"paused": paused}}, MERGE)
        if paused:
            access.as_it_is(obj, body)


def restarted_beside(access: Styled, obj: Obj, body: Any) -> None:
    access.as_it_is(obj, body)
    if obj["kind"] != "ConfigMap":
        stamp = {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}
        access.call("PATCH", access.path(obj), {"spec": {"template": {"metadata": stamp}}}, STRATEGIC)


def noted_beside(access: Styled, obj: Obj, body: Any) -> None:
    """On the object, in a ConfigMap, as an Event, and with a Lease on it all."""
    namespace = obj["metadata"]["namespace"]
    access.note(obj, annotations={"healer.example/state": "at work"}, labels={"healer.example/seen": "yes"})
    access.as_it_is(obj, body)
    access.note(obj, annotations={"healer.example/state": "done"})
    about = {"kind": obj["kind"], "name": obj["metadata"]["name"], "namespace": namespace}
    for path, made in (
        (f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"generateName": "notes-"}, "data": {"a": "b"}}),
        (f"/api/v1/namespaces/{namespace}/events", {"metadata": {"generateName": "healed-"}, "involvedObject": about}),
        (f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases", {"metadata": {"generateName": "healer-"}}),
    ):
        access.call("POST", path, made)


STYLES = (
    replaced,
    replaced_from_a_manifest,
    applied,
    applied_by_the_client,
    step_by_step,
    twice,
    paused_meanwhile,
    restarted_beside,
    noted_beside,
)


@pytest.mark.parametrize("scenario", ["oom/limit-too-low", "exit/config-change", "failing-probe/liveness-wrong"])
@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_a_right_repair_passes_in_every_style(scenario: str, style: Callable[[Styled, Obj, Any], None]) -> None:
    sent = []

    def styled(access: Styled, obj: Obj, body: Any) -> None:
        sent.append(obj)
        style(access, obj, body)

    def heal(api_client: Any, report: Any) -> None:
        healer = Healer(api_client, report)
        healer.access = Styled(api_client, styled)
        healer.run()

    cluster = open_cluster("embedded")
    healer = HealerSpec(style.__name__, "", heal)
    record = run_trial(catalogue()[scenario], 1, seed=SEED, cluster=cluster, healer=healer).record
    assert (record.verdict, record.message) == ("PASS", "")
    assert sent
