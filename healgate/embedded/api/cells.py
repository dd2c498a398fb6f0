"""How a cell of `kubectl get` is written: what is more than a path has a function here.

Which kind shows which is in columns; the one with rules of its own, the pod's STATUS, is in podcells. Ages are the
server's, so they are of the virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import seconds_of
from .objects import at

Obj = dict[str, Any]
Cell = Callable[[Obj, float], Any]
Cells = dict[str, Cell]

NONE = "<none>"


def duration(seconds: float) -> str:
    """Two units at most, as kubectl shows ages: 5s, 3m50s, 12m, 3h5m, 2d4h, 17d."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    if whole < 120:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 10:
        return f"{minutes}m" + (f"{whole % 60}s" if whole % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    hours = whole // 3600
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y" + (f"{days % 365}d" if years < 8 and days % 365 else "")


def since(stamp: Any, now: float) -> str:
    return duration(now - seconds_of(stamp)) if stamp else "<unknown>"


def age(obj: Obj, now: float) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def value_of(path: str, missing: Any = NONE) -> Cell:
    def cell(obj: Obj, _: float) -> Any:
        value = at(obj, path)
        return missing if value is None or value == "" else value

    return cell


def count_of(path: str) -> Cell:
    return lambda obj, _: len(at(obj, path) or ())


def name_of(obj: Obj, _: float) -> str:
    return str(obj["metadata"]["name"])


def pairs(labels: Any) -> str:
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) if labels else NONE


def selector_text(selector: Any) -> str:
    if not selector:
        return NONE
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(one.get("values") or ())
        word = {"In": f"{one['key']} in ({values})", "NotIn": f"{one['key']} notin ({values})"}
        parts.append(word.get(one["operator"], one["key"] if one["operator"] == "Exists" else f"!{one['key']}"))
    return ",".join(parts) or NONE


def selector(obj: Obj, _: float) -> str:
    return selector_text(at(obj, "spec.selector"))


def _containers(path: str, key: str) -> Cell:
    return lambda obj, _: ",".join(str(one.get(key)) for one in at(obj, path) or ()) or NONE


def names_of(path: str) -> Cells:
    return {"Containers": _containers(path, "name"), "Images": _containers(path, "image")}


TEMPLATE = "spec.template.spec.containers"


def ready_of(obj: Obj, _: float) -> str:
    wanted = at(obj, "spec.replicas")
    return f"{at(obj, 'status.readyReplicas') or 0}/{wanted if wanted is not None else 0}"


def completions(obj: Obj, _: float) -> str:
    done = at(obj, "status.succeeded") or 0
    if (wanted := at(obj, "spec.completions")) is not None:
        return f"{done}/{wanted}"
    parallel = at(obj, "spec.parallelism") or 1
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def job_status(obj: Obj, _: float) -> str:
    true = {one["type"] for one in at(obj, "status.conditions") or () if one["status"] == "True"}
    if "Complete" in true:
        return "Complete"
    if "Failed" in true:
        return "Failed"
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    for condition, word in (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget")):
        if condition in true:
            return word
    return "SuccessCriteriaMet" if "SuccessCriteriaMet" in true else "Running"


def job_duration(obj: Obj, now: float) -> str:
    start, end = at(obj, "status.startTime"), at(obj, "status.completionTime")
    if not start:
        return ""
    return duration((seconds_of(end) if end else now) - seconds_of(start))


def ports(obj: Obj, _: float) -> str:
    parts = []
    for port in at(obj, "spec.ports") or ():
        outside = f":{port['nodePort']}" if port.get("nodePort") else ""
        parts.append(f"{port['port']}{outside}/{port.get('protocol', 'TCP')}")
    return ",".join(parts) or NONE


def external(obj: Obj, _: float) -> str:
    kind = at(obj, "spec.type")
    if kind == "ExternalName":
        return str(at(obj, "spec.externalName"))
    if kind == "LoadBalancer":
        found = at(obj, "status.loadBalancer.ingress") or ()
        return ",".join(one.get("ip") or one.get("hostname", "") for one in found) or "<pending>"
    return ",".join(at(obj, "spec.externalIPs") or ()) or NONE


def endpoints(obj: Obj, _: float) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else NONE


def slice_addresses(obj: Obj, _: float) -> str:
    found = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else "<unset>"


def slice_ports(obj: Obj, _: float) -> str:
    return ",".join(str(one.get("port", "*")) for one in obj.get("ports") or ()) or "<unset>"


def node_status(obj: Obj, _: float) -> str:
    ready = next((one for one in at(obj, "status.conditions") or () if one["type"] == "Ready"), None)
    words = [("Ready" if ready["status"] == "True" else "NotReady") if ready else "Unknown"]
    if at(obj, "spec.unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def node_roles(obj: Obj, _: float) -> str:
    prefix = "node-role.kubernetes.io/"
    roles = [key[len(prefix) :] for key in obj["metadata"].get("labels") or {} if key.startswith(prefix)]
    return ",".join(sorted(roles)) or NONE


def node_address(kind: str) -> Cell:
    def cell(obj: Obj, _: float) -> str:
        found = [one["address"] for one in at(obj, "status.addresses") or () if one["type"] == kind]
        return str(found[0]) if found else NONE

    return cell


def event_seen(first: bool) -> Cell:
    def cell(obj: Obj, now: float) -> str:
        begun = obj.get("firstTimestamp") or obj.get("eventTime")
        latest = at(obj, "series.lastObservedTime") or obj.get("lastTimestamp") or begun
        if first:
            return since(begun, now)
        count = at(obj, "series.count") or obj.get("count") or 1
        return f"{since(latest, now)} (x{count} over {since(begun, now)})" if count > 1 else since(latest, now)

    return cell


def event_object(obj: Obj, _: float) -> str:
    about = obj.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def event_source(obj: Obj, _: float) -> str:
    source = obj.get("source") or {}
    parts = [source.get("component") or obj.get("reportingComponent", ""), source.get("host", "")]
    return ", ".join(part for part in parts if part)


def target(obj: Obj, _: float) -> str:
    one = at(obj, "spec.scaleTargetRef") or {}
    return f"{one.get('kind')}/{one.get('name')}"


def hpa_targets(obj: Obj, _: float) -> str:
    current = {at(one, "resource.name"): one for one in at(obj, "status.currentMetrics") or ()}
    parts: list[str] = []
    for metric in at(obj, "spec.metrics") or ():
        name = at(metric, "resource.name")
        if name is None:
            parts.append("<unknown>")
            continue
        seen = at(current.get(name, {}), "resource.current") or {}
        if (wanted := at(metric, "resource.target.averageUtilization")) is not None:
            value = seen.get("averageUtilization")
            parts.append(f"{name}: {f'{value}%' if value is not None else '<unknown>'}/{wanted}%")
        else:
            parts.append(
                f"{name}: {seen.get('averageValue', '<unknown>')}/{at(metric, 'resource.target.averageValue')}"
            )
    return ", ".join(parts) or NONE


def access_modes(obj: Obj, _: float) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    modes = at(obj, "status.accessModes") or (
        at(obj, "spec.accessModes") if "capacity" in (obj.get("spec") or {}) else ()
    )
    return ",".join(short.get(one, one) for one in modes or ())


def claim_of(obj: Obj, _: float) -> str:
    claim = at(obj, "spec.claimRef") or {}
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def quota(section: str) -> Cell:
    def cell(obj: Obj, _: float) -> str:
        hard, used = at(obj, "status.hard") or at(obj, "spec.hard") or {}, at(obj, "status.used") or {}
        names = [one for one in sorted(hard) if one.startswith("limits.") == (section == "limits")]
        return ", ".join(f"{one}: {used.get(one, 0)}/{hard[one]}" for one in names)

    return cell


def rules_hosts(obj: Obj, _: float) -> str:
    return ",".join(one.get("host", "*") for one in at(obj, "spec.rules") or ()) or "*"


def balancer(obj: Obj, _: float) -> str:
    found = at(obj, "status.loadBalancer.ingress") or ()
    return ",".join(one.get("ip") or one.get("hostname", "") for one in found)


def data_count(obj: Obj, _: float) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


def subjects(obj: Obj, _: float) -> str:
    role = obj.get("roleRef") or {}
    return f"{role.get('kind')}/{role.get('name')}"


def controller(obj: Obj, _: float) -> str:
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner["apiVersion"].rpartition("/")[0]
            return f"{owner['kind'].lower()}{'.' if group else ''}{group}/{owner['name']}"
    return NONE


def users(kind: str) -> Cell:
    def cell(obj: Obj, _: float) -> str:
        found = [one for one in obj.get("subjects") or () if one.get("kind") == kind]
        words = [
            f"{one.get('namespace', '')}/{one['name']}" if kind == "ServiceAccount" else one["name"] for one in found
        ]
        return ", ".join(words)

    return cell


def name_and_default(annotation: str) -> Cell:
    """The name, and whether it is what is taken when nothing is said."""

    def cell(obj: Obj, _: float) -> str:
        notes = obj["metadata"].get("annotations") or {}
        return name_of(obj, 0) + (" (default)" if notes.get(annotation) == "true" else "")

    return cell


def parameters(obj: Obj, _: float) -> str:
    found = at(obj, "spec.parameters")
    if not found:
        return NONE
    group = f".{found['apiGroup']}" if found.get("apiGroup") else ""
    return f"{found['kind']}{group}/{found['name']}"


def parent(obj: Obj, _: float) -> str:
    found = at(obj, "spec.parentRef")
    if not found:
        return NONE
    parts = [found.get("resource", "") + ("." + found["group"] if found.get("group") else "")]
    return "/".join([*parts, *([found["namespace"]] if found.get("namespace") else []), found.get("name", "")])


def param_kind(obj: Obj, _: float) -> str:
    found = at(obj, "spec.paramKind")
    return f"{found.get('apiVersion')}/{found.get('kind')}" if found else "<unset>"


def param_ref(obj: Obj, _: float) -> str:
    found = at(obj, "spec.paramRef")
    if not found:
        return "<unset>"
    where = f"{found['namespace']}/" if found.get("namespace") else ""
    return where + (found.get("name") or selector_text(found.get("selector")))


def signed(obj: Obj, _: float) -> str:
    types = {one["type"] for one in at(obj, "status.conditions") or ()}
    words = [word for word in ("Approved", "Denied", "Failed") if word in types][:1]
    if at(obj, "status.certificate"):
        words.append("Issued")
    return ",".join(words) or "Pending"


def flag_of(path: str, missing: bool = False) -> Cell:
    def cell(obj: Obj, _: float) -> bool:
        value = at(obj, path)
        return missing if value is None else bool(value)

    return cell


def condition_of(kind: str, missing: str) -> Cell:
    def cell(obj: Obj, _: float) -> str:
        found = [one["status"] for one in at(obj, "status.conditions") or () if one["type"] == kind]
        return found[0] if found else missing

    return cell


def service(obj: Obj, _: float) -> str:
    found = at(obj, "spec.service")
    return f"{found['namespace']}/{found['name']}" if found else "Local"


def available(obj: Obj, _: float) -> str:
    found = next((one for one in at(obj, "status.conditions") or () if one["type"] == "Available"), None)
    if found is None:
        return "Unknown"
    return str(found["status"]) + ("" if found["status"] == "True" else f" ({found.get('reason', '')})")
