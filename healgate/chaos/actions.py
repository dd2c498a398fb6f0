"""What scenarios do to a workload: Chaos Toolkit actions, for experiments and for test fixtures alike.

Each does what a person or a pipeline might do, over the plain API, and leaves nothing that a person would not leave.
`Kind/name` names an object everywhere. Chaos Toolkit hands in the experiment's `configuration`, which names the
namespace; in process the trial's own namespace counts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..durations import parse_duration
from ..evidence import Obj, Ref, is_ready
from ..problems import HarnessError
from ..scenario.workloads import find_folder, load_workload
from . import registries
from .deploying import apply, open_namespace, stand
from .objects import MERGE, STRATEGIC
from .place import ConnectedPlace, Place, place
from .templates import changed

Configuration = dict[str, Any] | None

__all__ = [
    "cut_off_registry",
    "delete_object",
    "deploy",
    "patch_object",
    "raise_alert",
    "recreate_job",
    "remove_key",
    "request_each",
    "restart",
    "set_config",
    "set_image",
    "start_cron_job",
    "wait",
    "wait_until_unserved",
]

STEADY_WITHIN = 300.0
UNSERVED_WITHIN = 60.0
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


def deploy(
    workload: str,
    changes: list[dict[str, Any]] | None = None,
    also: list[dict[str, Any]] | None = None,
    age: str = "0s",
    configuration: Configuration = None,
) -> None:
    """Apply a folder of manifests and wait until it stands.

    `changes` are patches to its objects before they are applied ({object: Kind/name, patch: ...}), `also` are whole
    manifests beside it, and `age` lets it grow old before it must stand.
    """
    here = place(configuration)
    folder = load_workload(find_folder(workload))
    if isinstance(here, ConnectedPlace):  # a trial comes with its own
        open_namespace(here)
        here.found.clear()
    apply(here, folder.objects, changes or [], also or [])
    if (old := parse_duration(age)) > 0:
        here.sleep(old)
    if isinstance(here, ConnectedPlace):  # a trial waits by watching
        stand(here, folder.refs, STEADY_WITHIN)
        here.steady_since = here.now()


def set_image(workload: str, container: str, image: str, configuration: Configuration = None) -> None:
    """Release another image of one container."""
    _patch_containers(place(configuration), workload, [{"name": container, "image": image}])


def patch_object(
    object: str, patch: dict[str, Any], api_version: str = "", configuration: Configuration = None
) -> None:
    """Patch anything; containers, volumes and variables are found by name."""
    here = place(configuration)
    kind = STRATEGIC if not api_version else MERGE
    here.objects.patch(Ref.parse(object), patch, kind, api_version=api_version)


def set_config(config: str, key: str, value: str | None, configuration: Configuration = None) -> None:
    """Set one key of a ConfigMap; no value removes it."""
    place(configuration).objects.patch(Ref("ConfigMap", config), {"data": {key: value}})


def remove_key(secret: str, key: str, configuration: Configuration = None) -> None:
    """Remove one key of a Secret."""
    place(configuration).objects.patch(Ref("Secret", secret), {"data": {key: None}})


def delete_object(object: str, api_version: str = "", configuration: Configuration = None) -> None:
    """Delete anything, with what it owns."""
    place(configuration).objects.delete(Ref.parse(object), api_version=api_version)


def restart(workload: str, configuration: Configuration = None) -> None:
    """Replace all pods, as `kubectl rollout restart` does."""
    here = place(configuration)
    annotations = {RESTARTED_AT: _stamp(here.now())}
    here.objects.patch(
        Ref.parse(workload), {"spec": {"template": {"metadata": {"annotations": annotations}}}}, STRATEGIC
    )


def recreate_job(job: str, patch: dict[str, Any] | None = None, configuration: Configuration = None) -> None:
    """Delete a Job and create it again, changed if so asked: a Job's template cannot be changed in place."""
    here = place(configuration)
    ref = Ref("Job", job)
    old = here.objects.get(ref)
    if old is None:
        raise HarnessError(f"expected {ref} to be there; found none")
    here.objects.delete(ref)
    if not here.wait(lambda: here.objects.get(ref) is None, 60.0):
        raise HarnessError(f"{ref} was deleted and is still there after 60s")
    here.objects.create(changed(_fresh_job(old), patch or {}))


def start_cron_job(cron_job: str, name: str, configuration: Configuration = None) -> None:
    """Run a CronJob now, as `kubectl create job --from` does."""
    here = place(configuration)
    owner = here.objects.get(Ref("CronJob", cron_job))
    if owner is None:
        raise HarnessError(f"expected CronJob/{cron_job} to be there; found none")
    template = owner["spec"]["jobTemplate"]
    reference = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cron_job,
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    metadata = {
        "name": name,
        "namespace": here.namespace,
        "labels": template.get("metadata", {}).get("labels", {}),
        "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
        "ownerReferences": [reference],
    }
    here.objects.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})


def request_each(
    workload: str,
    port: int,
    path: str,
    method: str = "POST",
    pods: int = 0,
    configuration: Configuration = None,
) -> None:
    """Send one HTTP request to the pods of a Deployment, each or only so many of them; answers do not matter."""
    here = place(configuration)
    ref = Ref.parse(workload)
    found = here.objects.get(ref)
    if found is None:
        raise HarnessError(f"expected {ref} to be there; found none")
    for pod in here.objects.pods_of(found)[: pods or None]:
        target = here.objects.path("Pod", f"{pod['metadata']['name']}:{port}") + f"/proxy/{path.lstrip('/')}"
        here.objects.rest.request(method, target)


def raise_alert(about: str, message: str, configuration: Configuration = None) -> None:
    """An alert manager passes an alert on as an Event about a workload's first pod."""
    here = place(configuration)
    pod = _first_pod(here, Ref.parse(about))
    stamp = _stamp(here.now())
    name = pod["metadata"]["name"]
    container = pod["spec"]["containers"][0]["name"]
    text = message.replace("{pod}", name).replace("{container}", container)
    involved = {"apiVersion": "v1", "kind": "Pod", "name": name, "namespace": here.namespace}
    here.objects.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name}.", "namespace": here.namespace},
            "involvedObject": {**involved, "uid": pod["metadata"]["uid"]},
            "reason": "PodCrashLooping",
            "message": text,
            "type": "Warning",
            "source": {"component": "alertmanager"},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
    )


def cut_off_registry(host: str, seconds: int, configuration: Configuration = None) -> None:
    """Nobody reaches an image registry for so long; then it answers again by itself."""
    registries.cut_off(place(configuration), host, float(seconds))


def wait(seconds: float, configuration: Configuration = None) -> None:
    """Let time pass, on the cluster's clock."""
    place(configuration).sleep(float(seconds))


def wait_until_unserved(workload: str, configuration: Configuration = None) -> None:
    """Wait until no pod of it is ready, or still on its way out: where no other is, a Service asks that one.

    Who still serves after a minute keeps the fault from showing: that the proof tells, which makes a trial INVALID.
    """
    here = place(configuration)
    ref = Ref.parse(workload)
    found = here.objects.get(ref)
    if found is None:
        raise HarnessError(f"expected {ref} to be there; found none")

    def unserved() -> bool:
        pods = here.objects.pods_of(found)
        return not any(is_ready(pod) or "deletionTimestamp" in pod["metadata"] for pod in pods)

    here.wait(unserved, UNSERVED_WITHIN)


def _patch_containers(here: Place, workload: str, containers: list[dict[str, Any]]) -> None:
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    here.objects.patch(Ref.parse(workload), patch, STRATEGIC)


def _first_pod(here: Place, ref: Ref) -> Obj:
    found = here.objects.get(ref)
    pods = here.objects.pods_of(found) if found is not None else []
    if not pods:
        raise HarnessError(f"expected a pod of {ref}; found none")
    return pods[0]


def _fresh_job(old: Obj) -> Obj:
    """A Job as a person wrote it, without what the cluster put into it."""
    meta = {
        key: old["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in old["metadata"]
    }
    template = dict(old["spec"]["template"])
    labels = {
        key: value
        for key, value in template.get("metadata", {}).get("labels", {}).items()
        if key.removeprefix("batch.kubernetes.io/") not in ("controller-uid", "job-name")
    }
    template["metadata"] = {**template.get("metadata", {}), "labels": labels}
    spec = {key: value for key, value in old["spec"].items() if key not in ("selector", "template", "manualSelector")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {**spec, "template": template}}


def _stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
