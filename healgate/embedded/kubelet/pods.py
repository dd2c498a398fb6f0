"""A pod's worker: one loop per pod that looks, publishes, acts, remembers and sleeps.

Modelled step by step on the real one, because its order is what healers see: status goes out *before* the sync
acts, from the cache of the last relist and the reasons that the previous sync left. The trap is to publish what
the sync has just found out.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from ..api.errors import ApiError
from ..api.runtimeclasses import CLASSES
from ..clock.clock import Timer
from ..runtime.seam import ContainerRun
from .actions import Actions, compute
from .backoff import go_duration
from .containers import grace_of
from .dns import resolver_of
from .ending import DEADLINE, Ending, deadline_of, past_deadline
from .images import PullSecret, StartFailed, pull_secrets
from .mounts import MountPlan
from .node import NodeServices, restart_key
from .pleg import Relister
from .probes import PodProbes
from .records import PodRecord, Seen, Snapshot
from .resize import Allocation
from .restart import all_containers, field_path, init_containers, may_restart_all, whatever_runs
from .security import further_groups, refuse_root, security_of
from .status import Inputs, build, restarting_all, set_ready
from .tasks import Interrupt, Interrupted, Steps, Task, together
from .turns import Turns
from .volumes import PodVolumes

Obj = dict[str, Any]
Stage = Literal["syncing", "terminating", "terminated", "finished"]

MOUNT_POLL = 0.3
# What containerd runs pods with; "" is its default.
HANDLERS = ("", "runc")
MOUNT_DEADLINE = 123.0
FORCED_GRACE = 1.0
# From the wish for a sync to its beginning.
DISPATCH = (0.0005, 0.01)
# From the final status of a deleted pod to the end of its object.
CONFIRM = (0.3, 1.0)


class PodWorker:
    """Everything a kubelet does for one pod."""

    def __init__(self, node: NodeServices, pod: Obj, fits: Callable[[Obj], str], gone: Callable[[str], None]) -> None:
        self.node = node
        self.clock = node.clock
        self.pod = pod
        meta = pod["metadata"]
        self.uid: str = meta["uid"]
        self.description = f"{meta['name']}_{meta['namespace']}({self.uid})"
        self.stage: Stage = "syncing"
        self.record = PodRecord(self.uid)
        self.relister = Relister(self.clock, self.record, node.relist_phase, node.timing.relist, self._relisted)
        self.volumes = PodVolumes(self.clock, node.registry.store, node.token, self.tell_pod)
        self.probes = PodProbes(
            self.clock, node.pokes, node.runtime, self.record, self.tell, self._probe_ready, self.wake
        )
        self.allocation = Allocation(pod)
        self.interrupt = Interrupt(self.clock)
        self.status: Obj = pod.get("status") or {}
        self._fits = fits
        self._gone = gone
        self._reasons: dict[str, tuple[str, str]] = {}
        self._started_at = self.clock.now()
        self._synced_at = float("-inf")
        self._requeue: Timer | None = None
        self._pending = False
        self._working = False
        # The last sync found nothing to do, and nobody has asked for another since.
        self._at_rest = False
        self._removed = False
        self._ending: Ending | None = None
        self._deadline: Timer | None = None
        self._plan: MountPlan | None = None
        # All that was there when the last sync found that everything waits for its back-off; None: it did not.
        self._backing_off: tuple[Obj, tuple[Seen, ...]] | None = None
        self._restart_keys: dict[str, tuple[Obj, Obj, str]] = {}
        # What the last status was made of: most syncs of a waiting pod would make the same one.
        self._made_of: tuple[Any, ...] = ()
        self._made: Obj = {}
        self._fixed: dict[str, Obj] = {}
        self._could_restart = may_restart_all(pod)
        # Others have written what only a kubelet knows.
        self._overwritten = False
        self._phase = ""
        # A container that is not ready is asked again by every sync: it never counts as seen.
        self._probes_seen = -1
        self._end_in_time()
        node.storage.watch(self)

    # -- what others tell the worker

    def update(self, pod: Obj) -> None:
        """The object changed in a way that matters."""
        if pod["spec"].get("activeDeadlineSeconds") != self.pod["spec"].get("activeDeadlineSeconds"):
            self.pod = pod
            self._end_in_time()
        self.pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self.probes.pod = pod
            self._leave()
        self.wake()

    def removed(self) -> None:
        """The object is gone: by force, or because this worker confirmed the deletion."""
        self._removed = True
        self._leave()
        self.wake()

    def end(self, ending: Ending) -> None:
        """Stop it for good, without anybody having deleted it."""
        if self.stage == "syncing":
            self._ending = ending
            self._leave()
            self.wake()

    def _end_in_time(self) -> None:
        """Have the pod end at its active deadline, which may be set or moved while it runs."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        when = deadline_of(self.pod, self._started_at)
        if when is not None:
            self._deadline = self.clock.call_at(self.node.next_tick(max(when, self.clock.now())), self._too_long)

    def _too_long(self) -> None:
        if self.stage == "syncing":
            self.tell_pod("Normal", "DeadlineExceeded", DEADLINE)
            self.end(past_deadline())

    def _leave(self) -> None:
        if self.stage == "syncing":
            self.stage = "terminating"
            self.probes.cut_off()
        self.interrupt.give()

    def wake(self) -> None:
        if self.stage == "finished":
            return
        self._pending = True
        self._at_rest = False
        if not self._working:
            self._working = True
            self.clock.call_later(self.node.random.uniform(*DISPATCH), self._begin)

    def _begin(self) -> None:
        if not self._only_backs_off():
            Task(self.clock, self._loop())

    def _only_backs_off(self) -> bool:
        """The loop's turn where it would only say that all waits, as most turns of a crash loop: that needs no task."""
        snapshot = self.relister.snapshot
        if self.stage != "syncing" or self.relister.as_of() <= self._synced_at or not self._still_backing_off(snapshot):
            return False
        self._pending = self._working = False
        self.allocation.follow(self.pod, self.record, self._fits, self.tell_pod)
        self._publish(snapshot)
        self._synced_at = self.clock.now()
        self._requeue_after(self._back_off_all(snapshot))
        return True

    def _relisted(self, died: list[str]) -> None:
        self.wake()
        for name in died:
            self.record.remove_old_dead(name)

    # -- what the worker tells others

    def tell(self, container: str, type: str, reason: str, message: str) -> None:
        if self.node.away:
            return
        self.node.recorder.event(self.pod, type, reason, message, field_path(self.pod, container))

    def tell_pod(self, type: str, reason: str, message: str) -> None:
        if self.node.away:
            return
        self.node.recorder.event(self.pod, type, reason, message)

    def _inputs(self, snapshot: Snapshot) -> Inputs:
        resources, allocated = self.allocation.shown()
        return Inputs(
            pod=self.pod,
            snapshot=snapshot,
            previous=self.status,
            reasons=self._reasons,
            started=self.probes.started,
            ready=self.probes.ready,
            resources=self.allocation.allocated,
            until_restarted=self.allocation.until_restarted,
            node=self.node.identity,
            now=self.clock.now(),
            started_at=self._started_at,
            fixed=self._fixed,
            could_restart=self._could_restart,
            over=self.stage == "terminated",
            ending=self._ending,
            resize=self.allocation.conditions,
            pod_resources=resources,
            pod_allocated=allocated,
        )

    def _publish(self, snapshot: Snapshot) -> str:
        """Build the status and write it if it is another; the phase of the containers, ahead of the one shown."""
        self._adopt_foreign_conditions()
        made_of = (
            snapshot.containers,
            snapshot.sandbox,
            tuple(self._reasons.items()),
            self.stage,
            self.pod["metadata"],
            self.allocation.shown(),
            self.allocation.conditions,
            self.probes.version,
        )
        self._probes_seen = self.probes.version
        if made_of == self._made_of and self._made == self.status and not self._overwritten:
            return self._phase
        status, phase = build(self._inputs(snapshot))
        self._made_of, self._made, self._phase = made_of, status, phase
        self._write(status)
        return phase

    def _adopt_foreign_conditions(self) -> None:
        """Others write conditions too (readiness gates, disruption targets); they are kept."""
        if self.node.away:
            return
        meta = self.pod["metadata"]
        current = self.node.registry.store.get("pods", meta["namespace"], meta["name"])
        if current is not None and current["metadata"]["uid"] == self.uid:
            written = current.get("status") or {}
            if written is not self.status:
                self.status = {**written, **{key: self.status[key] for key in self.status if key != "conditions"}}
                self._overwritten = self.status != written

    def _write(self, status: Obj) -> None:
        if status == self.status and not self._overwritten:
            return
        self.status, self._overwritten = status, False
        self.probes.published(status)
        meta = self.pod["metadata"]
        if not self._removed and not self.node.away:
            self.node.registry.set_status("pods", meta["namespace"], meta["name"], status, only_if_uid=self.uid)

    def _probe_ready(self, name: str, ready: bool) -> None:
        status = set_ready(self.status, self.pod, name, ready, self.clock.now())
        if status is not None:
            self._write(status)

    # -- the loop

    def _loop(self) -> Steps[None]:
        while self._pending and self.stage != "finished":
            yield from self._newer_cache()
            self._pending = False
            stage = self.stage
            delay = 0.0
            try:
                if stage == "syncing":
                    delay = yield from self._sync()
                elif stage == "terminating":
                    yield from self._terminate()
                    self.stage = "terminated"
                else:
                    yield from self._finish()
            except Interrupted:
                self._pending = True
            self._synced_at = self.clock.now()
            self._requeue_after(delay)
        self._working = False

    def _newer_cache(self) -> Steps[None]:
        while self.relister.as_of() <= self._synced_at:
            self.relister.changed()
            yield self.relister.renewed

    def _requeue_after(self, delay: float) -> None:
        if self._requeue is not None:
            self._requeue.cancel()
        if self.stage in ("syncing", "terminating"):
            self._requeue = self.clock.call_at(self.node.next_tick(self.clock.now() + delay), self._resync)

    def _resync(self) -> None:
        """Time for another sync; where it would find all as the last one left it, it is only put off."""
        if self._at_rest and self._probes_seen == self.probes.version and self.volumes.fresh:
            self._requeue_after(self.node.jittered(self.node.timing.resync))
        else:
            self.wake()

    # -- syncing

    def _sync(self) -> Steps[float]:
        """One sync; how long until the next, if nothing happens."""
        timing = self.node.timing
        snapshot = self.relister.snapshot
        self.allocation.follow(self.pod, self.record, self._fits, self.tell_pod)
        phase = self._publish(snapshot)
        if phase in ("Succeeded", "Failed"):
            self.stage = "terminating"
            self._pending = True
            return 0.0
        if self._still_backing_off(snapshot):
            return self._back_off_all(snapshot)
        self._backing_off = None
        if not (yield from self._mounted()):
            return self.node.jittered(timing.retry)
        secrets, missing = pull_secrets(self.node.registry.store, self.pod)
        if missing:
            self.tell_pod(
                "Warning",
                "FailedToRetrieveImagePullSecret",
                f"Unable to retrieve some image pull secrets ({', '.join(missing)}); "
                "attempting to pull the image may not succeed.",
            )
        self.probes.add(self.pod)
        if self._could_restart and restarting_all(self.status):
            yield from self._remove_all()
            self._pending = True  # to begin anew, as soon as a relist has seen that they are gone
            return 0.0
        failures = yield from self._act(snapshot, secrets)
        if not failures:
            self._at_rest = not (missing or self.allocation.conditions)
            self.relister.on_demand()
            return self.node.jittered(timing.resync)
        if not missing and not self.allocation.conditions and self._all_back_off(failures):
            self._backing_off = (self.pod, snapshot.containers)
        return self._later_or_retry(failures)

    def _later_or_retry(self, failures: list[StartFailed]) -> float:
        """How long until the next sync where something did not start."""
        timing = self.node.timing
        expiries = [failure.until for failure in failures if failure.until is not None]
        if timing.visibility == "current" and expiries:
            wait = min(max(min(expiries) - self.clock.now(), 0.0), timing.longest_backoff_wait)
            return self.node.jittered(wait)
        return self.node.jittered(timing.retry)

    def _all_back_off(self, failures: list[StartFailed]) -> bool:
        spec = self.pod["spec"]
        waiting = sum(failure.until is not None for failure in failures)
        plain = not init_containers(self.pod) and not spec.get("imagePullSecrets")
        return plain and waiting == len(failures) == len(spec["containers"])

    def _still_backing_off(self, snapshot: Snapshot) -> bool:
        """Whether a sync could but say once more that everything waits."""
        if self._backing_off is None or self._backing_off[0] is not self.pod or not self.volumes.fresh:
            return False
        if self._backing_off[1] != snapshot.containers or not self.record.sandbox or self.interrupt.given:
            return False
        now, restarts = self.clock.now(), self.node.restarts
        for container in self.pod["spec"]["containers"]:
            dead = snapshot.newest_dead(container["name"])
            if dead is None or not restarts.waits(self._restart_key(container), dead.finished, now):
                return False
        return True

    def _back_off_all(self, snapshot: Snapshot) -> float:
        """Say of every container that it waits, as a sync that tried to start it would."""
        failures = []
        for container in self.pod["spec"]["containers"]:
            waits = self._back_off(container, snapshot)
            assert waits is not None
            self._reasons[container["name"]] = (waits.reason, waits.message)
            failures.append(waits)
        return self._later_or_retry(failures)

    def _restart_key(self, container: Obj) -> str:
        name = container["name"]
        allocated = self.allocation.allocated.get(name) or {}
        known = self._restart_keys.get(name)
        if known is None or known[0] is not container or known[1] is not allocated:
            known = (container, allocated, restart_key(self.pod, container, allocated))
            self._restart_keys[name] = known
        return known[2]

    def _mounted(self) -> Steps[bool]:
        """Wait until all volumes are there."""
        self.volumes.want(self.pod)
        if self.volumes.ready and self._plan is not None:
            if self.volumes.refresh():
                self._refresh_files()
            return True
        deadline = self.clock.now() + MOUNT_DEADLINE
        yield from self.interrupt.sleep(MOUNT_POLL)
        while not self.volumes.ready:
            left = deadline - self.clock.now()
            if left <= 0:
                return False
            self.volumes.changed.wait(self.interrupt.nudge)
            yield from self.interrupt.sleep_or_nudge(left)
            self.volumes.changed.unwait(self.interrupt.nudge)
            if self.volumes.ready:
                yield from self.interrupt.sleep(self.node.random.uniform(0.1, 0.1 + MOUNT_POLL))
        self._plan = MountPlan(self.pod)
        return True

    def _refresh_files(self) -> None:
        """Give running containers the new contents of what they mount, but for subPath mounts."""
        for container in whatever_runs(self.pod):
            found = self.record.newest(container["name"])
            if found is not None and found.running and found.process is not None:
                found.process.refresh_files(self._files(container, refresh=True))

    def _files(self, container: Obj, *, refresh: bool = False) -> dict[str, bytes]:
        assert self._plan is not None
        return self._plan.files(container, self.volumes, refresh=refresh)

    def _act(self, snapshot: Snapshot, secrets: tuple[PullSecret, ...]) -> Steps[list[StartFailed]]:
        actions = compute(self.pod, snapshot, self.probes, frozenset(self.allocation.restarts))
        for kill in actions.kill:
            record = self.record.by_id(kill.id)
            if record is not None:
                self.allocation.stops(kill.container["name"])
                grace = grace_of(self.pod, kill.container, kill.cause)
                yield from self.node.containers.kill(self, kill.container, record, kill.message, grace, self.interrupt)
        if not self.record.sandbox:
            if problem := self._no_runtime():
                self.tell_pod("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {problem}")
                return [StartFailed("", "", "")]
            yield from self._make_sandbox()
        return (yield from self._start_all(actions, snapshot, secrets))

    def _remove_all(self) -> Steps[None]:
        """A rule of one container has all begin anew: none is given its grace, and nothing of them is kept."""
        for container in (*self.pod["spec"]["containers"], *init_containers(self.pod)):
            found = self.record.newest(container["name"])
            if found is not None and found.running:
                yield from self.node.containers.kill(self, container, found, "killing", 0.0, self.interrupt)
        for container in all_containers(self.pod):
            self.record.remove(container["name"])
        self.relister.changed()

    def _no_runtime(self) -> str:
        """Why the node cannot run pods of this class, in containerd's words."""
        name = self.pod["spec"].get("runtimeClassName")
        found = self.node.registry.store.get(CLASSES, "", name) if name else None
        handler = found.get("handler", "") if found is not None else ""
        if handler in HANDLERS:
            return ""
        why = f'failed to get sandbox runtime: no runtime for "{handler}" is configured'
        return f"rpc error: code = Unknown desc = {why}"

    def _make_sandbox(self) -> Steps[None]:
        containers = self.node.containers
        yield from self.interrupt.sleep(containers.takes(containers.latency.sandbox))
        shared = self.pod["spec"].get("hostNetwork")
        self.record.ip = self.node.identity.address if shared else self.node.new_address()
        self.record.sandbox = True
        self.relister.changed()
        self._publish(self.record.snapshot(self.clock.now()))

    def _start_all(
        self, actions: Actions, snapshot: Snapshot, secrets: tuple[PullSecret, ...]
    ) -> Steps[list[StartFailed]]:
        failures: list[StartFailed] = []
        for container in actions.start_ephemeral:
            if failed := (yield from self._try(container, snapshot, secrets)):
                failures.append(failed)
        for container in actions.start_init:
            failed = yield from self._try(container, snapshot, secrets)
            if failed is not None:
                failures.append(failed)
                if not actions.initialized:
                    return failures
        for container in actions.start:
            failed = yield from self._try(container, snapshot, secrets)
            if failed is not None:
                failures.append(failed)
        return failures

    def _try(self, container: Obj, snapshot: Snapshot, secrets: tuple[PullSecret, ...]) -> Steps[StartFailed | None]:
        """Start one container, or back off; the outcome goes to the reason cache for the next sync to publish."""
        name = container["name"]
        waits = self._back_off(container, snapshot)
        if waits is not None:
            self._reasons[name] = (waits.reason, waits.message)
            return waits
        try:
            image = yield from self.node.images.ensure(
                self.pod,
                container,
                secrets,
                lambda type, reason, message: self.tell(name, type, reason, message),
                self.interrupt,
            )
            attempt = self.record.next_attempt(name, snapshot.newest(name))
            yield from self.node.containers.start(self, container, image, attempt)
        except StartFailed as failed:
            if failed.told:
                self.tell(name, "Warning", "Failed", f"Error: {failed.told}")
            self._reasons[name] = (failed.reason, failed.message)
            return failed
        self._reasons.pop(name, None)
        return None

    def _back_off(self, container: Obj, snapshot: Snapshot) -> StartFailed | None:
        """Judged by the newest dead run that the relist knew, not by one that this sync has killed.

        Told, not raised: most syncs of a crash loop end here.
        """
        name = container["name"]
        dead = snapshot.newest_dead(name)
        if dead is None:
            return None
        now = self.clock.now()
        key = self._restart_key(container)
        restarts = self.node.restarts
        if not restarts.waits(key, dead.finished, now):
            restarts.next(key, dead.finished, now)
            return None
        period = restarts.period(key)
        self.tell(name, "Warning", "BackOff", f"Back-off restarting failed container {name} in pod {self.description}")
        return StartFailed(
            "CrashLoopBackOff",
            f"back-off {go_duration(period)} restarting failed container={name} pod={self.description}",
            "",
            until=dead.finished + period,
        )

    def inputs_of(self, container: Obj, attempt: int) -> ContainerRun:
        """Everything one run is given; StartFailed if its configuration cannot be made."""
        assert self._plan is not None
        meta, spec = self.pod["metadata"], self.pod["spec"]
        env = self.node.environment.make(self.pod, container, self.record.ip)
        refuse_root(self.pod, container, self.description)
        writable, volumes = self._plan.writable(container)
        security = security_of(self.pod, container)
        return ContainerRun(
            namespace=meta["namespace"],
            pod=meta["name"],
            pod_uid=self.uid,
            pod_ip=self.record.ip,
            pod_labels=meta.get("labels") or {},
            hostname=spec.get("hostname") or meta["name"],
            service_account=spec.get("serviceAccountName") or "default",
            container=container["name"],
            attempt=attempt,
            image=container["image"],
            command=self._plan.expanded(container.get("command"), env),
            args=self._plan.expanded(container.get("args"), env),
            env=env,
            files=self._files(container),
            writable=writable,
            read_only_root=bool((container.get("securityContext") or {}).get("readOnlyRootFilesystem")),
            working_dir=container.get("workingDir") or "",
            memory_limit=self.allocation.limit_of(container["name"]),
            volumes=volumes,
            parts=self._plan.parts(container),
            termination_log=container.get("terminationMessagePath") or "/dev/termination-log",
            user=security.get("runAsUser"),
            group=security.get("runAsGroup"),
            groups=further_groups(self.pod),
            cpus=self.node.cpus(),
            resolver=resolver_of(self.pod),
        )

    # -- termination

    def _terminate(self) -> Steps[None]:
        """Stop everything, all at once; the sidecars are only told when it is their turn."""
        self._publish(self.relister.snapshot)
        self.probes.stop_liveness_and_startup()
        turns = Turns(self.clock, self.pod, {found.seen.name for found in self.record.containers if found.running})
        yield from together(self.clock, [self._stop(one, turns) for one in whatever_runs(self.pod)])
        self.probes.stop()
        self.volumes.stop()
        containers = self.node.containers
        yield containers.takes(containers.latency.stop_sandbox)
        self.record.sandbox = False
        self.relister.changed()
        self.relister.on_demand()
        self._pending = True

    def _stop(self, container: Obj, turns: Turns) -> Steps[None]:
        record = self.record.newest(container["name"])
        if record is not None and record.running:
            grace = FORCED_GRACE if self._removed else max(self._grace(container), FORCED_GRACE)
            yield from self.node.containers.kill(self, container, record, "", grace, turns=turns)
        turns.over(container["name"])

    def _grace(self, container: Obj) -> float:
        ending = self._ending
        return grace_of(self.pod, container) if ending is None or ending.grace is None else ending.grace

    def _finish(self) -> Steps[None]:
        """Write the final status, then, if the pod was deleted, let the API server forget it."""
        while self.node.away:
            yield self.node.back
        if not self._removed:
            self._publish(self.relister.snapshot)
        if self.record.ip:
            # Once only: what is over may be deleted long after its address has been given to another.
            self.node.release(self.record.ip)
            self.record.ip = ""
        if not self.pod["metadata"].get("deletionTimestamp") and not self._removed:
            # Over, but not deleted: its object and its logs stay until somebody deletes them; an evicted pod's do not.
            self._pending = False
            if self._ending is not None and self._ending.reason == "Evicted":
                self.record.containers.clear()
            return
        if not self._removed:
            yield self.node.random.uniform(*CONFIRM)
            meta = self.pod["metadata"]
            with suppress(ApiError):  # somebody may be faster
                self.node.registry.delete("pods", meta["namespace"], meta["name"], grace=0, uid=self.uid)
        self.stage = "finished"
        self.relister.stop()
        if self._requeue is not None:
            self._requeue.cancel()
        self._gone(self.uid)
