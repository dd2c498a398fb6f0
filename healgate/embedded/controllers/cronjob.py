"""CronJobs: a Job for each time that the schedule names, and only so many of the old ones kept.

The name of a Job is its time, so that one time never gets two. The trap is the list of active Jobs in the status: it
is what the concurrency policy looks at, and what has ended leaves it with an event.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..api.errors import ApiError
from ..api.schedule import Schedule, Unparseable, parse
from ..clock.clock import seconds_of, stamp
from ..store.store import Change, Obj
from . import jobs
from .controller import Controller
from .objects import being_deleted, owner_reference
from .replicaset import terminates_namespace

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
# How long after its time a schedule is looked at.
AFTER = 0.1
TOO_MANY = 100


class CronJobs(Controller):
    resource = "cronjobs.batch"
    kind = "CronJob"
    component = "cronjob-controller"

    def start(self) -> None:
        super().start()
        self.follow("jobs.batch", _has_begun_or_ended)

    def sync(self, namespace: str, name: str) -> None:
        cron = self.registry.find(self.resource, namespace, name)
        if cron is None:
            return
        owned = self.controlled(cron, "jobs.batch")
        status: dict[str, Any] = dict(cron.get("status") or {})
        self._look_after(cron, owned, status)
        self._forget_old(cron, owned)
        if not being_deleted(cron) and not cron["spec"].get("suspend"):
            self._run_due(cron, status)
        self.write_status(cron, {key: value for key, value in status.items() if value})

    # -- Jobs that are there

    def _look_after(self, cron: Obj, owned: list[Obj], status: dict[str, Any]) -> None:
        """Take what has ended, or is gone, from the list of the active."""
        by_uid = {job["metadata"]["uid"]: job for job in owned}
        active = []
        for reference in status.get("active") or ():
            job = by_uid.get(reference["uid"])
            end = jobs.finished(job) if job is not None else None
            if job is None:
                self.event(cron, "Normal", "MissingJob", f"Active job went missing: {reference['name']}")
            elif end is not None:
                text = f"Saw completed job: {reference['name']}, condition: {end['type']}"
                self.event(cron, "Normal", "SawCompletedJob", text)
                if end["type"] == "Complete":
                    status["lastSuccessfulTime"] = job["status"]["completionTime"]
            else:
                active.append(reference)
        known = {reference["uid"] for reference in status.get("active") or ()}
        for job in owned:
            if job["metadata"]["uid"] not in known and jobs.finished(job) is None:
                text = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
                self.event(cron, "Warning", "UnexpectedJob", text)
        status["active"] = active

    def _forget_old(self, cron: Obj, owned: list[Obj]) -> None:
        for kind, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            ended = [job for job in owned if (end := jobs.finished(job)) is not None and end["type"] == kind]
            ended.sort(key=lambda job: (job["status"].get("startTime", ""), job["metadata"]["name"]))
            for job in ended[: max(len(ended) - int(cron["spec"].get(field, 3)), 0)]:
                self._delete(cron, job["metadata"]["name"], job["metadata"]["uid"])

    def _delete(self, cron: Obj, name: str, uid: str) -> None:
        try:
            self.registry.delete("jobs.batch", cron["metadata"]["namespace"], name, propagation="Background", uid=uid)
        except ApiError as problem:
            self.event(cron, "Warning", "FailedDelete", f"Deleted job: {problem.message}")
            return
        self.event(cron, "Normal", "SuccessfulDelete", f"Deleted job {name}")

    # -- the next one

    def _run_due(self, cron: Obj, status: dict[str, Any]) -> None:
        spec, now = cron["spec"], self.clock.now()
        schedule = self._schedule(cron)
        if schedule is None:
            return
        due, following = self._due(cron, status, schedule, now)
        if following is not None:
            self.enqueue(cron, following - now + AFTER)
        if due is None:
            return
        name = f"{cron['metadata']['name']}-{int(due // 60)}"
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and due + deadline < now:
            told = datetime.fromtimestamp(due, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
            self.event(cron, "Warning", "MissSchedule", f"Missed scheduled time to start a job: {told}")
            return
        active = list(status.get("active") or ())
        if any(reference["name"] == name for reference in active) or status.get("lastScheduleTime") == stamp(due):
            return
        if active and spec.get("concurrencyPolicy") == "Forbid":
            why = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.event(cron, "Normal", "JobAlreadyActive", why)
            return
        if spec.get("concurrencyPolicy") == "Replace":
            for reference in active:
                self._delete(cron, reference["name"], reference["uid"])
            active = []
        made = self._create(cron, name, due)
        if made is not None:
            meta = made["metadata"]
            status["active"] = [
                *active,
                {
                    "kind": "Job",
                    "namespace": meta["namespace"],
                    "name": name,
                    "uid": meta["uid"],
                    "apiVersion": "batch/v1",
                    "resourceVersion": meta["resourceVersion"],
                },
            ]
            status["lastScheduleTime"] = stamp(due)

    def _schedule(self, cron: Obj) -> Schedule | None:
        text, zone = cron["spec"]["schedule"], cron["spec"].get("timeZone")
        try:
            return parse(text, zone)
        except Unparseable as problem:
            self.event(cron, "Warning", "UnparseableSchedule", f'unparseable schedule: "{text}" : {problem}')
        except (ZoneInfoNotFoundError, ValueError):
            self.event(cron, "Warning", "UnknownTimeZone", f'invalid timeZone: "{zone}": unknown time zone {zone}')
        return None

    def _due(
        self, cron: Obj, status: dict[str, Any], schedule: Schedule, now: float
    ) -> tuple[float | None, float | None]:
        """The newest time that has come since the last one that was served, and the one behind it."""
        since = seconds_of(status.get("lastScheduleTime") or cron["metadata"]["creationTimestamp"])
        deadline = cron["spec"].get("startingDeadlineSeconds")
        if deadline is not None:
            since = max(since, now - float(deadline))
        missed, due = 0, None
        while (following := schedule.after(since)) is not None and following <= now:
            since = due = following
            missed += 1
        if missed > TOO_MANY:
            why = f"too many missed start times: {missed}. Set or decrease .spec.startingDeadlineSeconds or check "
            self.event(cron, "Warning", "TooManyMissedTimes", why + "clock skew")
        return due, following

    def _create(self, cron: Obj, name: str, due: float) -> Obj | None:
        template = cron["spec"]["jobTemplate"]
        given = template.get("metadata") or {}
        zone = cron["spec"].get("timeZone")
        told = datetime.fromtimestamp(due, ZoneInfo(zone) if zone else UTC).isoformat().replace("+00:00", "Z")
        meta: dict[str, Any] = {
            "name": name,
            "namespace": cron["metadata"]["namespace"],
            "annotations": {**(given.get("annotations") or {}), SCHEDULED: told},
            "ownerReferences": [owner_reference(cron)],
        }
        if given.get("labels"):
            meta["labels"] = dict(given["labels"])
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": template["spec"]}
        try:
            made: Obj = self.registry.create("jobs.batch", job)
        except ApiError as problem:
            if not terminates_namespace(problem):
                self.event(cron, "Warning", "FailedCreate", f"Error creating job: {problem.message}")
            return None
        self.event(cron, "Normal", "SuccessfulCreate", f"Created job {name}")
        return made


def _has_begun_or_ended(change: Change) -> bool:
    """Counts of pods are nothing to a CronJob."""
    before = change.before
    return change.type != "MODIFIED" or before is None or jobs.finished(before) != jobs.finished(change.object)
