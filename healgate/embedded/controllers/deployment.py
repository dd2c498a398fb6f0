"""Deployments: rollouts, their stalls and their undoing.

The trap is to be kinder than the real one. Healthy old pods are kept only as long as new ones are not
available; a release that is Ready for an instant takes them all with it, and nothing rolls back by itself.
"""

from __future__ import annotations

from ..api.errors import ApiError
from ..api.registry import Registry
from ..clock import Clock
from ..store.store import Change, Obj
from . import progress, rollout
from .controller import Controller, Orphans, claim
from .objects import (
    annotations_of,
    being_deleted,
    beyond_its_containers,
    condition,
    controller_of,
    is_terminal,
    owner_reference,
    with_metadata,
)
from .replicaset import terminates_namespace

SETS = "replicasets.apps"


class Deployments(Controller):
    resource = "deployments.apps"
    kind = "Deployment"
    component = "deployment-controller"

    def __init__(self, registry: Registry, clock: Clock) -> None:
        super().__init__(registry, clock)
        self.orphans = Orphans(registry, SETS)

    def start(self) -> None:
        super().start()
        self.follow(SETS)
        self.store.subscribe("pods", self._pod_changed, beyond_its_containers)

    def _pod_changed(self, change: Change) -> None:
        """Recreate waits for the last old pod; nothing else here looks at pods."""
        if change.type != "DELETED" or (reference := controller_of(change.object)) is None:
            return
        replica_set = self.store.get(SETS, change.object["metadata"]["namespace"], reference["name"])
        owner = controller_of(replica_set) if replica_set is not None else None
        if owner is not None and owner["kind"] == "Deployment":
            self.queue.add(change.object["metadata"]["namespace"], owner["name"])

    def sync(self, namespace: str, name: str) -> None:
        deployment = self.registry.find(self.resource, namespace, name)
        if deployment is None:
            return
        if not any(deployment["spec"]["selector"].values()):
            message = "This deployment is selecting all pods. A non-empty selector is required."
            self.event(deployment, "Warning", "SelectingAll", message)
            return
        sets = claim(self, deployment, SETS, self.orphans)
        if being_deleted(deployment):
            self._write_counts(deployment, sets, rollout.find_new(deployment, sets))
        elif self._mark_pause(deployment):
            return
        elif deployment["spec"].get("paused") or self._was_scaled(deployment, sets):
            self._scale(deployment, sets)
        elif rollout.is_rolling(deployment):
            self._roll(deployment, sets)
        else:
            self._recreate(deployment, sets)

    # -- pausing and scaling

    def _mark_pause(self, deployment: Obj) -> bool:
        """Note a pause or its end in Progressing; the write wakes the next sync, which does the rest."""
        if progress.deadline(deployment) is None:
            return False
        found = condition(deployment, "Progressing")
        if found is not None and found["reason"] == "ProgressDeadlineExceeded":
            return False
        noted = found is not None and found["reason"] == "DeploymentPaused"
        paused = bool(deployment["spec"].get("paused"))
        if paused == noted:
            return False
        word = "paused" if paused else "resumed"
        self._write_progress(deployment, "Unknown", f"Deployment{word.capitalize()}", f"Deployment is {word}")
        return True

    def _was_scaled(self, deployment: Obj, sets: list[Obj]) -> bool:
        wanted = str(deployment["spec"]["replicas"])
        return any(annotations_of(one).get(rollout.DESIRED, wanted) != wanted for one in rollout.active(sets))

    def _scale(self, deployment: Obj, sets: list[Obj]) -> None:
        new, old, _ = self._find_sets(deployment, sets, create=False)
        self._scale_sets(deployment, new, old)
        if deployment["spec"].get("paused"):
            self._clean_up(deployment, old)
        sets = self._fresh([*old, *([new] if new else [])])
        self._write_counts(deployment, sets, self._fresh([new])[0] if new else None)

    def _scale_sets(self, deployment: Obj, new: Obj | None, old: list[Obj]) -> None:
        sets = [*old, *([new] if new is not None else [])]
        working = rollout.active(sets)
        if len(working) <= 1:
            newest = working[0] if working else new if new is not None else rollout.by_age(old)[-1] if old else None
            if newest is not None:
                self._resize(deployment, newest, deployment["spec"]["replicas"])
        elif rollout.is_saturated(deployment, new):
            for one in rollout.active(old):
                self._resize(deployment, one, 0)
        elif rollout.is_rolling(deployment):
            for one, size in rollout.proportions(deployment, working):
                self._resize(deployment, one, size)

    def _resize(self, deployment: Obj, replica_set: Obj, size: int) -> bool:
        """Give a ReplicaSet its size and the annotations that show a later scaling; whether the size changed."""
        before = replica_set["spec"]["replicas"]
        annotations = {**annotations_of(replica_set), **rollout.size_annotations(deployment)}
        meta = replica_set["metadata"]

        def edit(current: Obj) -> Obj:
            return with_metadata({**current, "spec": {**current["spec"], "replicas": size}}, annotations=annotations)

        changed = self.registry.change(SETS, meta["namespace"], meta["name"], edit)
        if changed is None or size == before:
            return False
        word = "up" if size > before else "down"
        message = f"Scaled {word} replica set {meta['name']} from {before} to {size}"
        self.event(deployment, "Normal", "ScalingReplicaSet", message)
        return True

    # -- rollouts

    def _roll(self, deployment: Obj, sets: list[Obj]) -> None:
        new, old, written = self._find_sets(deployment, sets, create=True)
        if new is None:
            return
        if not self._grow_new(deployment, new, [*old, new]):
            self._shrink_old(deployment, new, old)
        if not written:
            self._write_progressed(deployment, [*old, new], new)

    def _grow_new(self, deployment: Obj, new: Obj, sets: list[Obj]) -> bool:
        wanted, current = deployment["spec"]["replicas"], new["spec"]["replicas"]
        if current == wanted:
            return False
        size = wanted if current > wanted else rollout.new_size(deployment, sets, current)
        return size != current and self._resize(deployment, new, size)

    def _shrink_old(self, deployment: Obj, new: Obj, old: list[Obj]) -> None:
        """First the unavailable old pods, then as many available ones as the new ones make dispensable."""
        sizes = {one["metadata"]["name"]: one["spec"]["replicas"] for one in rollout.by_age(old)}
        if not any(sizes.values()):
            return
        minimum = deployment["spec"]["replicas"] - rollout.max_unavailable(deployment)
        new_available = rollout.counted([new], "availableReplicas")
        new_missing = new["spec"]["replicas"] - new_available
        room = sum(sizes.values()) + new["spec"]["replicas"] - minimum - new_missing
        if room <= 0:
            return
        ordered = rollout.by_age(old)
        for one in ordered:
            name = one["metadata"]["name"]
            gone = min(room, max(sizes[name] - rollout.counted([one], "availableReplicas"), 0))
            sizes[name] -= gone
            room -= gone
        surplus = new_available + rollout.counted(old, "availableReplicas") - minimum
        unhealthy_gone = dict(sizes)
        for one in ordered:
            name = one["metadata"]["name"]
            gone = min(max(surplus, 0), sizes[name])
            sizes[name] -= gone
            surplus -= gone
        for one in ordered:
            name = one["metadata"]["name"]
            for size in dict.fromkeys((unhealthy_gone[name], sizes[name])):
                if size != one["spec"]["replicas"]:
                    self._resize(deployment, one, size)
                    one = {**one, "spec": {**one["spec"], "replicas": size}}

    def _recreate(self, deployment: Obj, sets: list[Obj]) -> None:
        new, old, _ = self._find_sets(deployment, sets, create=False)
        shrunk = [self._resize(deployment, one, 0) for one in rollout.active(old)]
        current = [*old, *([new] if new is not None else [])]
        if any(shrunk) or self._old_pods_run(old):
            self._write_progressed(deployment, current, new)
            return
        written = False
        if new is None:
            new, old, written = self._find_sets(deployment, sets, create=True)
            if new is None:
                return
        self._grow_new(deployment, new, [*old, new])
        if not written:
            self._write_progressed(deployment, [*old, new], new)

    def _old_pods_run(self, old: list[Obj]) -> bool:
        return any(not is_terminal(pod) for one in old for pod in self.controlled(one, "pods"))

    def _clean_up(self, deployment: Obj, old: list[Obj]) -> None:
        limit = deployment["spec"].get("revisionHistoryLimit")
        kept = [one for one in old if not being_deleted(one)]
        if limit is None or len(kept) <= limit:
            return
        for one in sorted(kept, key=rollout.revision)[: len(kept) - limit]:
            status, meta = one.get("status", {}), one["metadata"]
            behind = meta["generation"] > status.get("observedGeneration", 0)
            if not (status.get("replicas") or one["spec"]["replicas"] or behind):
                self.registry.delete(SETS, meta["namespace"], meta["name"], uid=meta["uid"])

    # -- the new ReplicaSet

    def _find_sets(self, deployment: Obj, sets: list[Obj], *, create: bool) -> tuple[Obj | None, list[Obj], bool]:
        """(new, old ones, whether the Deployment was written, so that what we hold of it is stale)."""
        new = rollout.find_new(deployment, sets)
        old = [one for one in sets if new is None or one["metadata"]["uid"] != new["metadata"]["uid"]]
        revision = max((rollout.revision(one) for one in old), default=0) + 1
        if new is None:
            return (self._create_new(deployment, old, revision), old, True) if create else (None, old, False)
        annotations = rollout.revised(deployment, new, revision, existing=True)
        min_ready = deployment["spec"].get("minReadySeconds", 0)
        if annotations != annotations_of(new) or new["spec"].get("minReadySeconds", 0) != min_ready:
            return self._refresh(new, annotations, min_ready), old, False
        return new, old, self._write_revision(deployment, new, "FoundNewReplicaSet", "Found new replica set")

    def _refresh(self, replica_set: Obj, annotations: dict[str, str], min_ready: int) -> Obj:
        def edit(current: Obj) -> Obj:
            spec = {key: value for key, value in current["spec"].items() if key != "minReadySeconds"}
            if min_ready:
                spec["minReadySeconds"] = min_ready
            return with_metadata({**current, "spec": spec}, annotations=annotations)

        meta = replica_set["metadata"]
        return self.registry.change(SETS, meta["namespace"], meta["name"], edit) or replica_set

    def _create_new(self, deployment: Obj, old: list[Obj], revision: int) -> Obj:
        wanted = self._new_set(deployment, old, revision)
        name = wanted["metadata"]["name"]
        try:
            new = self.registry.add(SETS, wanted, checks_name=True)
        except ApiError as problem:
            if problem.reason == "AlreadyExists":
                self._note_collision(deployment, name)
            elif not terminates_namespace(problem):
                message = f'Failed to create new replica set "{name}": {problem.message}'
                self._write_progress(deployment, "False", "ReplicaSetCreateError", message)
                self.event(deployment, "Warning", "ReplicaSetCreateError", message)
            raise
        size = new["spec"]["replicas"]
        if size:
            message = f"Scaled up replica set {name} from 0 to {size}"
            self.event(deployment, "Normal", "ScalingReplicaSet", message)
        self._write_revision(deployment, new, "NewReplicaSetCreated", "Created new replica set", always=True)
        return new

    def _new_set(self, deployment: Obj, old: list[Obj], revision: int) -> Obj:
        spec, meta = deployment["spec"], deployment["metadata"]
        digest = rollout.template_hash(spec["template"], deployment.get("status", {}).get("collisionCount", 0))
        template_meta = spec["template"].get("metadata") or {}
        labels = {**(template_meta.get("labels") or {}), rollout.HASH_LABEL: digest}
        selector = spec["selector"]
        new: Obj = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{meta['name']}-{digest}",
                "namespace": meta["namespace"],
                "labels": labels,
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": rollout.new_size(deployment, old, 0),
                "selector": {
                    **selector,
                    "matchLabels": {**selector.get("matchLabels", {}), rollout.HASH_LABEL: digest},
                },
                "template": {**spec["template"], "metadata": {**template_meta, "labels": labels}},
            },
        }
        if spec.get("minReadySeconds"):
            new["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        new["status"] = {"replicas": 0}
        new["metadata"]["annotations"] = rollout.revised(deployment, new, revision, existing=False)
        return new

    def _note_collision(self, deployment: Obj, name: str) -> None:
        """The name is taken by another template (or another owner): the next try hashes differently."""
        namespace = deployment["metadata"]["namespace"]
        taken = self.registry.find(SETS, namespace, name)
        if taken is not None and (owner := controller_of(taken)) and owner["uid"] == deployment["metadata"]["uid"]:
            return
        status = deployment.get("status", {})
        status = {**status, "collisionCount": status.get("collisionCount", 0) + 1}
        self.registry.set_status(self.resource, namespace, deployment["metadata"]["name"], status)

    # -- status

    def _write_revision(self, deployment: Obj, new: Obj, reason: str, message: str, *, always: bool = False) -> bool:
        """The revision annotation, and Progressing for a ReplicaSet just made or found; whether it wrote."""
        revision = annotations_of(new)[rollout.REVISION]
        unnamed = progress.deadline(deployment) is not None and condition(deployment, "Progressing") is None
        if not always and not unnamed and annotations_of(deployment).get(rollout.REVISION) == revision:
            return False
        text = f'{message} "{new["metadata"]["name"]}"'
        self._write_progress(
            deployment, "True", reason if always or unnamed else "", text, {rollout.REVISION: revision}
        )
        return True

    def _write_progress(
        self, deployment: Obj, status: str, reason: str, message: str, annotations: dict[str, str] | None = None
    ) -> None:
        now = self.clock.now()

        def edit(current: Obj) -> Obj:
            if annotations:
                current = with_metadata(current, annotations={**annotations_of(current), **annotations})
            if not reason or progress.deadline(deployment) is None:
                return current
            old = current.get("status", {})
            conditions = list(old.get("conditions") or ())
            conditions = progress.with_condition(conditions, "Progressing", status, reason, message, now)
            return {**current, "status": {**old, "conditions": conditions}}

        self.registry.change(self.resource, deployment["metadata"]["namespace"], deployment["metadata"]["name"], edit)

    def _fresh(self, sets: list[Obj]) -> list[Obj]:
        """As they are now, after our own writes to them."""
        return [self.registry.find(SETS, one["metadata"]["namespace"], one["metadata"]["name"]) or one for one in sets]

    def _write_counts(self, deployment: Obj, sets: list[Obj], new: Obj | None) -> None:
        self.write_status(deployment, progress.counts(deployment, sets, new, self.clock.now()))

    def _write_progressed(self, deployment: Obj, sets: list[Obj], new: Obj | None) -> None:
        now = self.clock.now()
        current = self._fresh(sets)
        fresh = None if new is None else next(one for one in current if _same(one, new))
        status = progress.progressed(deployment, current, fresh, now)
        self.write_status(deployment, status)
        if progress.is_complete(deployment, status):
            self._clean_up(deployment, [one for one in current if one is not fresh])
        wait = progress.until_deadline(deployment, status, now)
        if wait is not None:
            self.enqueue(deployment, wait)


def _same(one: Obj, other: Obj) -> bool:
    return bool(one["metadata"]["uid"] == other["metadata"]["uid"])
