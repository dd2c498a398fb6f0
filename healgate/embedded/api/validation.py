"""What the server refuses of a kind, beyond its metadata: the subset that healers and their manifests run into.

Checks of a value as such run when the value is new or changed; checks of a change compare with what is stored.
Of a kind without an entry here only what it lacks is looked at, which is more lenient than a real server and never
stricter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import podvalidation as pods
from .definitions import check_custom, check_definition
from .errors import Cause, prohibited, required, shown, unsupported, wrong
from .lacking import lacking
from .metadata import check_labels, check_qualified
from .objects import at
from .resources import Resource
from .schedule import Unparseable, parse
from .schema import schema
from .selectors import selects

Obj = dict[str, Any]

IMMUTABLE = "field is immutable"
POD_SPEC = "io.k8s.api.core.v1.PodSpec"


def validate(res: Resource, new: Obj, old: Obj | None, subresource: str = "") -> list[Cause]:
    """All causes for refusing `new` (as a change of `old`)."""
    if res.custom:
        return check_custom(res, new, old)
    if subresource == "resize" and old is not None:
        return pods.check_resize(new, old)
    if subresource == "ephemeralcontainers" and old is not None:
        return pods.check_ephemeral(new, old) or lacking(POD_SPEC, new["spec"], "spec.")
    if old is not None and _content(old) == _content(new):
        return []
    check = _BY_RESOURCE.get(res.key)
    found = check(new, old) if check is not None else []
    type_name = schema().type_of(res.api_version, res.kind)
    if found or not schema().known(type_name):
        return found
    spec = schema().field(type_name, "spec")
    if spec is None:
        return lacking(type_name, new, "", whole=False)
    return lacking(spec.of, new.get("spec") or {}, "spec.") if spec.shape == "struct" else []


def _content(obj: Obj) -> Obj:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _immutable(new: Obj, old: Obj | None, *paths: str) -> list[Cause]:
    if old is None:
        return []
    return [wrong(path, at(new, path), IMMUTABLE) for path in paths if at(new, path) != at(old, path)]


def _whole(path: str, value: Any) -> list[Cause]:
    if isinstance(value, int) and value < 0:
        return [wrong(path, value, "must be greater than or equal to 0")]
    return []


_PERCENT = re.compile("[0-9]+%")
_PERCENT_TEXT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


def _count_or_percent(parent: str, values: Obj, *names: str, at_most_all: bool = True) -> list[Cause]:
    found: list[Cause] = []
    for name in names:
        value, path = values.get(name), f"{parent}.{name}"
        if not isinstance(value, str):
            found += _whole(path, value)
        elif not _PERCENT.fullmatch(value):
            found.append(wrong(path, value, _PERCENT_TEXT))
        elif at_most_all and int(value[:-1]) > 100:
            found.append(wrong(path, value, "must not be greater than 100%"))
    return found


def check_selector(path: str, selector: Any) -> list[Cause]:
    found = check_labels(f"{path}.matchLabels", (selector or {}).get("matchLabels"))
    for index, one in enumerate((selector or {}).get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = one.get("operator"), one.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                found.append(required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                found.append(prohibited(f"{where}.values", why))
        else:
            found.append(wrong(f"{where}.operator", operator or "", "not a valid selector operator"))
        found += check_qualified(f"{where}.key", one.get("key", ""))
    return found


def _workload(new: Obj) -> list[Cause]:
    """What deployments, replica, stateful and daemon sets have in common."""
    spec = new.get("spec", {})
    found = _whole("spec.replicas", spec.get("replicas"))
    found += _whole("spec.minReadySeconds", spec.get("minReadySeconds"))
    found += _whole("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    selector = spec.get("selector")
    template = spec.get("template", {})
    labels = template.get("metadata", {}).get("labels") or {}
    if not selector:
        found.append(required("spec.selector"))
    else:
        found += check_selector("spec.selector", selector)
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            found.append(wrong("spec.selector", selector, "empty selector is invalid for deployment"))
        elif not found and not selects(selector, labels):
            why = "`selector` does not match template `labels`"
            found.append(wrong("spec.template.metadata.labels", labels, why))
    found += _template("spec.template", _with_claims(spec, template))
    return found


def _with_claims(spec: Obj, template: Obj) -> Obj:
    """A StatefulSet's template with the volumes that its claims will be; they go before others of the same name."""
    claims = [name for one in spec.get("volumeClaimTemplates") or () if (name := one.get("metadata", {}).get("name"))]
    if not claims:
        return template
    inner = template.get("spec") or {}
    volumes = [one for one in inner.get("volumes") or () if one.get("name") not in claims]
    volumes += [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in dict.fromkeys(claims)]
    return {**template, "spec": {**inner, "volumes": volumes}}


def _template(path: str, template: Obj) -> list[Cause]:
    meta = template.get("metadata", {})
    found = check_labels(f"{path}.labels", meta.get("labels"))
    spec = template.get("spec", {})
    found += pods.check_spec(f"{path}.spec", spec)
    policy = spec.get("restartPolicy")
    if policy != "Always":
        found.append(unsupported(f"{path}.spec.restartPolicy", policy, ["Always"]))
    if spec.get("activeDeadlineSeconds") is not None:
        found.append(
            prohibited(f"{path}.spec.activeDeadlineSeconds", "activeDeadlineSeconds in this kind is not Supported")
        )
    return found


def _deployment(new: Obj, old: Obj | None) -> list[Cause]:
    found = _workload(new)
    spec = new["spec"]
    strategy = spec.get("strategy", {})
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate"):
        why = "may not be specified when strategy `type` is 'Recreate'"
        found.append(prohibited("spec.strategy.rollingUpdate", why))
    path, rolling = "spec.strategy.rollingUpdate", strategy.get("rollingUpdate", {})
    found += _count_or_percent(path, rolling, "maxUnavailable")
    found += _count_or_percent(path, rolling, "maxSurge", at_most_all=False)
    if rolling.get("maxUnavailable") in (0, "0%") and rolling.get("maxSurge") in (0, "0%"):
        why = "may not be 0 when `maxSurge` is 0"
        found.append(wrong(f"{path}.maxUnavailable", rolling["maxUnavailable"], why))
    deadline = spec.get("progressDeadlineSeconds")
    if isinstance(deadline, int) and deadline <= spec.get("minReadySeconds", 0):
        found.append(wrong("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return found + _immutable(new, old, "spec.selector")


def _replica_set(new: Obj, old: Obj | None) -> list[Cause]:
    return _workload(new) + _immutable(new, old, "spec.selector")


def _daemon_set(new: Obj, old: Obj | None) -> list[Cause]:
    rolling = (new["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    found = _count_or_percent("spec.updateStrategy.rollingUpdate", rolling, "maxUnavailable", "maxSurge")
    return _workload(new) + found + _immutable(new, old, "spec.selector")


_STATEFUL_MUTABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip


def _stateful_set(new: Obj, old: Obj | None) -> list[Cause]:
    found = _workload(new)
    if old is not None:
        before = {key: value for key, value in old["spec"].items() if key not in _STATEFUL_MUTABLE}
        after = {key: value for key, value in new["spec"].items() if key not in _STATEFUL_MUTABLE}
        if before != after:
            names = "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
            names += "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"
            why = f"updates to statefulset spec for fields other than {names} are forbidden"
            found.append(prohibited("spec", why))
    return found


_WHILE_SUSPENDED = ("nodeSelector", "tolerations", "affinity", "schedulingGates")


def _job(new: Obj, old: Obj | None) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    for name in (
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ):
        found += _whole(f"spec.{name}", spec.get(name))
    if not spec.get("selector"):
        found.append(required("spec.selector"))
    template = spec["template"]
    found += _job_template("spec.template.spec", template["spec"], "podFailurePolicy" in spec)
    if old is None:
        return found
    if not (spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")):
        found += _immutable(new, old, "spec.completions")
    found += _immutable(new, old, "spec.selector")
    before, after = old["spec"]["template"], template
    if old["spec"].get("suspend") and "startTime" not in old.get("status", {}):
        before, after = _suspended(before), _suspended(after)
    if before != after:
        found.append(wrong("spec.template", after, IMMUTABLE))
    paths = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
    return found + _immutable(new, old, *(f"spec.{path}" for path in paths))


def _job_template(path: str, spec: Obj, failure_policy: bool) -> list[Cause]:
    found = pods.check_spec(path, spec)
    policy, where = spec.get("restartPolicy"), f"{path}.restartPolicy"
    if policy == "Always":
        found.append(required(where, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        found.append(unsupported(where, policy, ["OnFailure", "Never"]))
    elif failure_policy and policy != "Never":
        found.append(wrong(where, policy, 'only "Never" is supported when podFailurePolicy is specified'))
    return found


def _suspended(template: Obj) -> Obj:
    """A template without what a suspended job that never started may still change."""
    meta = {key: one for key, one in template.get("metadata", {}).items() if key not in ("labels", "annotations")}
    spec = {key: one for key, one in template["spec"].items() if key not in _WHILE_SUSPENDED}
    spec["containers"] = [{**one, "resources": {}} for one in spec["containers"]]
    return {**template, "metadata": meta, "spec": spec}


def _cron_job(new: Obj, old: Obj | None) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    schedule = spec.get("schedule") or ""
    if not schedule:
        found.append(required("spec.schedule"))
    else:
        try:
            parse(schedule)
        except Unparseable as problem:
            found.append(wrong("spec.schedule", schedule, str(problem)))
    if old is None and "TZ" in schedule:
        why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        found.append(wrong("spec.schedule", schedule, why))
    job = spec.get("jobTemplate", {}).get("spec", {})
    inner = job.get("template", {}).get("spec", {})
    return found + _job_template("spec.jobTemplate.spec.template.spec", inner, "podFailurePolicy" in job)


def _pod(new: Obj, old: Obj | None) -> list[Cause]:
    found = pods.check_spec("spec", new.get("spec", {}))
    return found or (pods.check_change(new, old) if old else [])


def _service(new: Obj, old: Obj | None) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    ports = spec.get("ports") or []
    kind = spec.get("type")
    if kind not in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"):
        found.append(unsupported("spec.type", kind, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]))
    if kind == "ExternalName" and not spec.get("externalName"):
        found.append(required("spec.externalName"))
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        found.append(required("spec.ports"))
    seen: list[str] = []
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        name = port.get("name", "")
        if not name and len(ports) > 1:
            found.append(required(f"{path}.name"))
        elif name in seen:
            found.append(Cause(f"{path}.name", "FieldValueDuplicate", f"Duplicate value: {shown(name)}"))
        seen.append(name)
        found += pods.check_port(f"{path}.port", port.get("port", 0))
    found += check_labels("spec.selector", spec.get("selector"))
    was = at(old, "spec.type") if old else None
    before = at(old, "spec.clusterIP") if old else None
    if (
        old is not None
        and kind != "ExternalName"
        and was != "ExternalName"
        and before
        and spec.get("clusterIP") != before
    ):
        found.append(wrong("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set"))
    return found


def _config(new: Obj, old: Obj | None) -> list[Cause]:
    """ConfigMaps and Secrets."""
    found: list[Cause] = []
    for section in ("data", "binaryData"):
        for key in new.get(section) or {}:
            if not pods.CONFIG_KEY.fullmatch(key):
                found.append(wrong(f"{section}[{key}]", key, pods.CONFIG_KEY_TEXT))
    if old is not None and old.get("immutable"):
        names = [name for name in ("data", "binaryData", "stringData") if new.get(name) != old.get(name)]
        found += [prohibited(name, "field is immutable when `immutable` is set") for name in names]
        if not new.get("immutable"):
            found.append(prohibited("immutable", "field is immutable when `immutable` is set"))
    if "type" in new:
        found += _immutable(new, old, "type")
        needed = {
            "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
            "kubernetes.io/tls": ["tls.crt", "tls.key"],
        }.get(new["type"], [])
        found += [required(f"data[{key}]") for key in needed if key not in (new.get("data") or {})]
    return found


def _budget(new: Obj, _: Obj | None) -> list[Cause]:
    spec = new.get("spec", {})
    if "minAvailable" in spec and "maxUnavailable" in spec:
        why = "minAvailable and maxUnavailable cannot be both set"
        return [wrong("spec", spec, why)]
    found = _count_or_percent("spec", spec, "minAvailable", "maxUnavailable")
    return found + check_selector("spec.selector", spec.get("selector"))


def _binding(new: Obj, old: Obj | None) -> list[Cause]:
    found: list[Cause] = []
    if not at(new, "roleRef.name"):
        found.append(required("roleRef.name"))
    if old is not None and new.get("roleRef") != old.get("roleRef"):
        found.append(wrong("roleRef", new.get("roleRef"), "cannot change roleRef"))
    return found


def _autoscaler(new: Obj, _: Obj | None) -> list[Cause]:
    spec = new.get("spec", {})
    found: list[Cause] = []
    for name in ("kind", "name"):
        if not at(spec, f"scaleTargetRef.{name}"):
            found.append(required(f"spec.scaleTargetRef.{name}"))
    top, bottom = spec.get("maxReplicas", 0), spec.get("minReplicas", 1)
    if top < 1:
        found.append(wrong("spec.maxReplicas", top, "must be greater than 0"))
    elif top < bottom:
        found.append(wrong("spec.maxReplicas", top, "must be greater than or equal to `minReplicas`"))
    return found


def _claim(new: Obj, old: Obj | None) -> list[Cause]:
    spec = new.get("spec", {})
    found: list[Cause] = []
    if not spec.get("accessModes"):
        found.append(required("spec.accessModes", "at least 1 access mode is required"))
    if not at(spec, "resources.requests.storage"):
        found.append(required("spec.resources[storage]"))
    if old is not None:
        fixed = ("accessModes", "selector", "storageClassName", "volumeMode", "dataSource")
        if any(spec.get(key) != old["spec"].get(key) for key in fixed):
            free = "resources.requests and volumeAttributesClassName for bound claims"
            why = f"spec is immutable after creation except {free}"
            found.append(prohibited("spec", why))
    return found


_BY_RESOURCE: dict[str, Callable[[Obj, Obj | None], list[Cause]]] = {
    "pods": _pod,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "services": _service,
    "configmaps": _config,
    "secrets": _config,
    "poddisruptionbudgets.policy": _budget,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "persistentvolumeclaims": _claim,
    "customresourcedefinitions.apiextensions.k8s.io": check_definition,
}
