"""The few things that the healer reads and writes, over the official client, as plain dictionaries.

The client's typed models cost about a millisecond a pod; a healer that watches every change of every pod reads JSON.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

Obj = dict[str, Any]

# A node says so in the place of a log, and the API server passes it on as one: of a run that is gone for good, and of
# one that is just being put away.
GONE = "unable to retrieve container logs"
MOVING = "failed to try resolving symlinks"


class LogMoving(Exception):
    """The log of the run that died cannot be read at this moment."""


class Access:
    """One cluster, seen and changed through one client."""

    def __init__(self, api_client: Any) -> None:
        # Any: raw answers and plain dictionaries are outside what the client's type hints describe.
        self.core: Any = client.CoreV1Api(api_client)
        self.apps: Any = client.AppsV1Api(api_client)
        self.batch: Any = client.BatchV1Api(api_client)
        self.discovery: Any = client.DiscoveryV1Api(api_client)
        self.custom: Any = client.CustomObjectsApi(api_client)
        self._watch: Any = watch.Watch()  # type: ignore[no-untyped-call]
        self._version = ""

    # -- reading

    def pods(self) -> list[Obj]:
        """All pods; the next watch goes on from here."""
        found = _read(self.core.list_pod_for_all_namespaces)
        self._version = found["metadata"]["resourceVersion"]
        return [{**pod, "kind": "Pod"} for pod in found["items"]]

    def pod_changes(self, seconds: int) -> Generator[tuple[str, Obj], None, None]:
        """Changes of pods for so many seconds; an expired watch starts over."""
        try:
            stream = self._watch.stream(
                self.core.list_pod_for_all_namespaces,
                resource_version=self._version,
                timeout_seconds=seconds,
                allow_watch_bookmarks=True,
                deserialize=False,
            )
            for event in stream:
                self._version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield event["type"], event["object"]
        except ApiException as error:
            if error.status != 410:
                raise
            for pod in self.pods():
                yield "MODIFIED", pod

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        reader = {
            "Deployment": self.apps.read_namespaced_deployment,
            "StatefulSet": self.apps.read_namespaced_stateful_set,
            "DaemonSet": self.apps.read_namespaced_daemon_set,
            "ReplicaSet": self.apps.read_namespaced_replica_set,
            "Job": self.batch.read_namespaced_job,
            "Service": self.core.read_namespaced_service,
            "ConfigMap": self.core.read_namespaced_config_map,
            "Pod": self.core.read_namespaced_pod,
        }.get(kind)
        if reader is None:
            return None
        try:
            return {"kind": kind, **_read(reader, name, namespace)}
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def all(self, kind: str, namespace: str) -> list[Obj]:
        lister = {
            "Deployment": self.apps.list_namespaced_deployment,
            "StatefulSet": self.apps.list_namespaced_stateful_set,
            "ReplicaSet": self.apps.list_namespaced_replica_set,
            "Job": self.batch.list_namespaced_job,
            "ConfigMap": self.core.list_namespaced_config_map,
            "Secret": self.core.list_namespaced_secret,
            "PersistentVolumeClaim": self.core.list_namespaced_persistent_volume_claim,
            "LimitRange": self.core.list_namespaced_limit_range,
            "Pod": self.core.list_namespaced_pod,
        }[kind]
        return [{"kind": kind, **item} for item in _read(lister, namespace)["items"]]

    def nobody_serves(self, namespace: str, service: str) -> bool:
        """Is there such a Service, and nothing ready behind it?"""
        selector = f"kubernetes.io/service-name={service}"
        slices = _read(self.discovery.list_namespaced_endpoint_slice, namespace, label_selector=selector)["items"]
        ready = [one["conditions"].get("ready", True) for part in slices for one in part.get("endpoints") or ()]
        return bool(slices) and not any(ready)

    def events_about(self, obj: Obj) -> list[Obj]:
        meta = obj["metadata"]
        selector = f"involvedObject.uid={meta['uid']}"
        found = _read(self.core.list_namespaced_event, meta["namespace"], field_selector=selector)["items"]
        return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")

    def log(self, pod: Obj, container: str) -> str:
        """The last run's log: of the run that died if there was one; LogMoving if it must be asked again."""
        meta = pod["metadata"]
        for previous in (True, False):
            try:
                answer = self.core.read_namespaced_pod_log(
                    meta["name"],
                    meta["namespace"],
                    container=container,
                    previous=previous,
                    tail_lines=50,
                    _preload_content=False,
                )
                text: str = answer.data.decode(errors="replace")
                if text.startswith(MOVING):
                    raise LogMoving
                if text and not text.startswith(GONE):
                    return text
            except ApiException as error:
                if error.status not in (400, 404):
                    raise
        return ""

    # -- writing

    def patch(self, obj: Obj, body: Any) -> None:
        meta = obj["metadata"]
        {
            "Deployment": self.apps.patch_namespaced_deployment,
            "StatefulSet": self.apps.patch_namespaced_stateful_set,
            "ConfigMap": self.core.patch_namespaced_config_map,
        }[obj["kind"]](meta["name"], meta["namespace"], body, _preload_content=False)

    def delete_pod(self, pod: Obj) -> None:
        meta = pod["metadata"]
        try:
            self.core.delete_namespaced_pod(meta["name"], meta["namespace"], _preload_content=False)
        except ApiException as error:
            if error.status != 404:
                raise

    def recreate_job(self, job: Obj) -> None:
        """A Job's template is immutable, so a mended one is a new one. Raw deletes orphan pods unless told not to."""
        meta = job["metadata"]
        self.batch.delete_namespaced_job(
            meta["name"], meta["namespace"], propagation_policy="Background", _preload_content=False
        )
        template = json.loads(json.dumps(job["spec"]["template"]))
        labels = template["metadata"].get("labels", {})
        for label in ("controller-uid", "job-name"):
            labels.pop(label, None)
            labels.pop(f"batch.kubernetes.io/{label}", None)
        spec = {k: v for k, v in job["spec"].items() if k not in ("selector", "template")}
        kept = {k: meta[k] for k in ("name", "namespace", "labels", "annotations") if k in meta}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": kept, "spec": {**spec, "template": template}}
        for key in ("controller-uid", "job-name"):
            kept.get("labels", {}).pop(f"batch.kubernetes.io/{key}", None)
        self.batch.create_namespaced_job(meta["namespace"], body, _preload_content=False)


def _read(call: Any, *args: Any, **kwargs: Any) -> Obj:
    answer: Obj = json.loads(call(*args, _preload_content=False, **kwargs).data)
    return answer
