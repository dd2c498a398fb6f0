"""What scenarios ask of a workload: does it do its work, and is the fault live?

A probe answers with what it found; the tolerance beside it in the experiment says what is good. Those of the
steady-state hypothesis are asked again and again during a trial, so each is one or two requests.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ..durations import parse_duration
from ..evidence import Obj, Ref, Seen, is_complete, runs_on
from ..scenario.model import Signature
from .deploying import WATCHED
from .objects import Objects
from .place import ConnectedPlace, place
from .signs import SignWatch

# A sign comes before what it announces: a container that is being killed still answers for its grace period.
AFTERMATH = 20.0

Configuration = dict[str, Any] | None

__all__ = ["answers", "consumes", "job_finished", "keeps_running", "quiet", "shows", "stands", "topic_has"]


def answers(service: str, port: int, path: str = "/", configuration: Configuration = None) -> int:
    """The HTTP status that a Service gives, asked through the API server's proxy."""
    objects = place(configuration).objects
    return objects.rest.request("GET", _proxy(objects, service, port, path)).code


def stands(workload: str, configuration: Configuration = None) -> bool:
    """Does a Deployment run what its newest spec asks for, all of it ready?"""
    found = place(configuration).objects.get(Ref.parse(workload))
    if found is None:
        return False
    wanted, status = found["spec"].get("replicas", 1), found.get("status", {})
    counted = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    seen: bool = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    return seen and counted == [wanted] * len(counted)


def keeps_running(workload: str, lately: str, configuration: Configuration = None) -> bool:
    """Has no container of a Deployment's pods ended, or been started again, for so long?

    Tells a loop that looks healthy between two crashes; the last of them may be a long back-off ago.
    """
    here = place(configuration)
    found = here.objects.get(Ref.parse(workload))
    if found is None:
        return False
    over = here.now() - parse_duration(lately)
    for pod in here.objects.pods_of(found):
        for container in runs_on(pod):
            state, last = container["state"], container.get("lastState", {})
            stamps = [ended.get("terminated", {}).get("finishedAt") for ended in (state, last)]
            if container["restartCount"]:
                stamps.append(state.get("running", {}).get("startedAt"))
            if any(stamp and datetime.fromisoformat(stamp).timestamp() > over for stamp in stamps):
                return False
    return True


def job_finished(job: str, configuration: Configuration = None) -> bool:
    """Is a Job complete, or was it when this was asked last, and has cleared itself away since?"""
    here = place(configuration)
    found = here.objects.get(Ref("Job", job))
    if found is not None:
        here.found[f"job {job}"] = is_complete(found)
    return bool(here.found.get(f"job {job}"))


def topic_has(
    topic: str, partitions: str, broker: str = "kafka", broker_port: int = 9092, configuration: Configuration = None
) -> bool:
    """Is a topic there, the one that was there when this was asked first, with so many partitions or more?

    Whoever deletes a topic and creates it anew has lost what was in it.
    """
    here = place(configuration)
    answer = here.objects.rest.request("GET", _proxy(here.objects, broker, broker_port, f"/topics/{topic}"))
    told = _told(answer.body) if answer.ok else {}
    if _number(told, "partitions") < int(partitions):
        return False
    id_ = told.get("id")  # one that has just been created may have none yet
    return not id_ or bool(here.found.setdefault(f"topic {topic}", id_) == id_)


def consumes(
    topic: str,
    broker: str = "kafka",
    broker_port: int = 9092,
    consumer: str = "consumer",
    consumer_port: int = 8080,
    within: str = "20s",
    configuration: Configuration = None,
) -> bool:
    """Does a message that is sent to a topic arrive at the consumer?"""
    here = place(configuration)
    rest = here.objects.rest
    before = _consumed(here.objects, consumer, consumer_port)
    sent = rest.request("POST", _proxy(here.objects, broker, broker_port, f"/topics/{topic}/messages"), body="ping")
    if before is None or not sent.ok:
        return False

    for _ in range(round(parse_duration(within))):
        now = _consumed(here.objects, consumer, consumer_port)
        if now is not None and now > before:
            return True
        here.sleep(1.0)
    return False


def quiet(about: str, since: str, configuration: Configuration = None) -> bool:
    """Has no alert been raised about a workload's pods for so long?"""
    here = place(configuration)
    prefix = f"{Ref.parse(about).name}-"
    over = here.now() - parse_duration(since)
    for event in here.objects.all("Event", {"fieldSelector": "reason=PodCrashLooping"}):
        stamp = datetime.fromisoformat(event["lastTimestamp"]).timestamp()
        if event["involvedObject"]["name"].startswith(prefix) and stamp > over:
            return False
    return True


def shows(signature: dict[str, Any], configuration: Configuration = None) -> bool:
    """Wait until the cluster shows every sign of the fault. False: not all in time, and the trial would be INVALID."""
    here = place(configuration)
    wanted = Signature.model_validate(signature)
    watch = SignWatch(wanted)
    watch.since(here.steady_since if isinstance(here, ConnectedPlace) else here.now())
    known: dict[str, tuple[str, Obj]] = {}

    def live() -> bool:
        _look(here.objects, here.now(), known, watch)
        return watch.live is not None

    shown = here.wait(live, wanted.within)
    here.sleep(AFTERMATH)
    return shown


def _look(objects: Objects, now: float, known: dict[str, tuple[str, Obj]], watch: SignWatch) -> None:
    """Hand over what changed since the last look, as a watch would."""
    there: dict[str, tuple[str, Obj]] = {}
    # Events are asked for first and told last: what they are about is then at least as new as they are.
    events = objects.all("Event")
    for obj in (*objects.everything(WATCHED), *events):
        there[obj["metadata"]["uid"]] = (obj["metadata"]["resourceVersion"], obj)
    for uid, (_, obj) in known.items():
        if uid not in there:
            watch.see(Seen(now, "DELETED", obj))
    for uid, (version, obj) in there.items():
        if uid not in known or known[uid][0] != version:
            watch.see(Seen(now, "MODIFIED" if uid in known else "ADDED", obj))
    known.clear()
    known.update(there)


def _proxy(objects: Objects, service: str, port: int, path: str) -> str:
    return objects.path("Service", f"{service}:{port}") + f"/proxy/{path.lstrip('/')}"


def _consumed(objects: Objects, service: str, port: int) -> int | None:
    answer = objects.rest.request("GET", _proxy(objects, service, port, "/consumed"))
    told = _told(answer.body) if answer.ok else {}
    return _number(told, "messages") if "messages" in told else None


def _told(body: Any) -> dict[str, Any]:
    """An answer's JSON object; somebody else may answer under its name."""
    try:
        told = json.loads(body) if isinstance(body, str) else body
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _number(told: dict[str, Any], key: str) -> int:
    return told[key] if isinstance(told.get(key), int) else 0
