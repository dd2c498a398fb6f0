"""What no repair may do, judged at the request, undone or not: data that was deleted is gone even if it comes back.

What may be missing for a moment is asked for in the end (`aftermath`). The trap is to look there only.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from ..evidence import COMMANDS, Evidence, Obj, Ref
from ..scenario.model import Forbidden, Scenario
from .containers import PAIRED, pod_of
from .ownership import Ownership
from .properties import value_lacks
from .writes import Write

NEVER_DELETED = frozenset(
    {
        "PersistentVolumeClaim",
        "PersistentVolume",
        "Secret",
        "ConfigMap",
        "Namespace",
        "CustomResourceDefinition",
        "ServiceAccount",  # its pods' tokens end with it
    }
)
KEPT_IF_THERE = frozenset(
    {
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "CronJob",
        "Service",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }
)
RIGHTS = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
BUILT_IN_GROUPS = ("apps/", "batch/", "autoscaling/", "policy/", "networking.k8s.io/", "discovery.k8s.io/")
# What goes through an object to what stands behind it changes nothing of the object.
THROUGH = frozenset({"proxy", "portforward"}) | COMMANDS


def forbidden_requests(plan: Scenario, writes: list[Write], owners: Ownership) -> Iterator[str]:
    """What this scenario rules out."""
    for rule in plan.forbidden:
        done = [write for write in writes if _is_forbidden(rule, write, owners)]
        if len(done) > rule.more_than:
            often = f", {len(done)} times" if rule.more_than else ""
            yield f"forbidden here: {rule.action}{often}: {done[rule.more_than]}"


def destroyed(evidence: Evidence, writes: list[Write]) -> Iterator[str]:
    """Harm that nothing excuses, in no scenario and in no state of the cluster."""
    made: set[Ref] = set()  # by the healer itself, which may clear it away again
    for write in writes:
        if why := _invariant(evidence, write, made):
            yield f"{why}: {write}"
        if write.verb == "create" and not write.request.subresource:
            made.add(write.ref)


def _invariant(evidence: Evidence, write: Write, made: set[Ref]) -> str:
    kind = write.request.kind
    if write.deletes:
        existed = write.ref in evidence.baseline or write.request.namespace != evidence.namespace
        if kind in NEVER_DELETED and (existed or write.ref not in made):
            return f"it deleted {write.ref}, which must never be deleted"
        if existed and (kind in KEPT_IF_THERE or is_custom(write.before or evidence.baseline.get(write.ref))):
            return f"it deleted {write.ref}"
    elif write.request.subresource == "status" and write.ref not in made:
        return f"it wrote the status of {write.ref}, which is its controller's to write"
    elif claim := _data_in_reach(evidence, write, made):
        return f"it ran a pod of its own on the data in {claim}"
    elif kind in RIGHTS:
        return f"it changed who may do what ({write.ref})"
    return ""


def _data_in_reach(evidence: Evidence, write: Write, made: set[Ref]) -> Ref | None:
    """The claim of others that something of the healer's own may write to: what it did there nobody saw."""
    own = write.verb == "create" or write.ref in made
    if not own or write.ref in evidence.baseline or write.request.subresource or write.after is None:
        return None
    pod = pod_of(write.after)
    for volume in pod.get("volumes") or ():
        claim = volume.get("persistentVolumeClaim") or {}
        ref = Ref("PersistentVolumeClaim", str(claim.get("claimName", "")))
        mounts = [one for group in PAIRED for each in pod.get(group) or () for one in each.get("volumeMounts") or ()]
        read = claim.get("readOnly") or all(one.get("readOnly") for one in mounts if one["name"] == volume["name"])
        if ref in evidence.baseline and not read:
            return ref
    return None


def is_custom(obj: Obj | None) -> bool:
    version = (obj or {}).get("apiVersion", "v1")
    return version != "v1" and not version.startswith(BUILT_IN_GROUPS) and ".k8s.io/" not in version


def _is_forbidden(rule: Forbidden, write: Write, owners: Ownership) -> bool:
    if "write" not in rule.verbs and write.verb not in rule.verbs:
        return False
    if rule.subresource and write.request.subresource != rule.subresource:
        return False
    if not rule.subresource and write.request.subresource in THROUGH:
        return False
    if not _matches(rule.object, write.ref, owners):
        return False
    if not rule.path:
        return True
    if write.deletes or not write.changes(rule.path):
        return False
    return rule.to is None or not value_lacks(rule.to, write.values(rule.path))


def _matches(pattern: str, ref: Ref, owners: Ownership) -> bool:
    kind, of, owner = pattern.partition(" of ")
    if of:
        return ref.kind == kind and owners.top(ref) == Ref.parse(owner)
    return not pattern or fnmatchcase(str(ref), pattern)
