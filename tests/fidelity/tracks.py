"""A recording as tracks: what one aspect of one object was, from when to when.

Both sides, the recorded cluster and the embedded one, pass through here, so that neither gets a treatment of
its own. The trap is identity: names are drawn, so a pod is the first, second, … of its owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .neutral import neutral, neutral_all

LOOKING = ("logs", "get", "describe", "top", "events", "version", "cluster-info", "api-resources", "explain", "wait")

# Conditions that are taken away again.
PASSING = {"PodResizePending", "PodResizeInProgress"}

Entry = dict[str, Any]
Recording = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A value of a track and when it began."""

    start: float
    value: Any


@dataclass
class Track:
    states: list[State] = field(default_factory=list)

    def note(self, when: float, value: Any) -> None:
        if not self.states or self.states[-1].value != value:
            self.states.append(State(when, value))


@dataclass(frozen=True)
class Telling:
    """An event when it was first written."""

    time: float
    path: str  # the part of the object: spec.containers{main}
    kind: str
    reason: str
    message: str
    source: str  # the component that told it

    @property
    def what(self) -> tuple[str, str, str, str]:
        return self.path, self.kind, self.reason, self.message


@dataclass
class Story:
    """All that is compared of one run."""

    end: float
    names: dict[str, str]
    tracks: dict[str, Track] = field(default_factory=dict)
    events: dict[str, list[Telling]] = field(default_factory=dict)
    limited: set[str] = field(default_factory=set)  # containers with a memory limit, as "pod/container"

    def track(self, key: str) -> Track:
        return self.tracks.setdefault(key, Track())


def only_looks(command: Entry) -> bool:
    """Whether a command changes nothing."""
    words = command["kubectl"]
    return words[0] in LOOKING or (words[0] == "rollout" and words[1:2] in (["status"], ["history"]))


def identify(recording: Recording) -> dict[str, list[str]]:
    """Generated names by what they belong to: "Deployment/app" -> its ReplicaSets, oldest first, and so on."""
    groups: dict[str, list[str]] = {}
    for entry in recording["timeline"]:
        if entry["kind"] == "StatefulSet":
            _identify_revisions(groups, entry)
        if entry["type"] != "ADDED" or entry["kind"] in ("Event", "EndpointSlice"):
            continue
        owners = entry.get("metadata", {}).get("ownerReferences") or ()
        prefix = entry.get("metadata", {}).get("generateName", "").removesuffix("-")
        for owner in owners:
            named = (entry["kind"], owner["kind"]) in (("ReplicaSet", "Deployment"), ("Job", "CronJob"))
            # A StatefulSet gives its pods names that tell them apart, in whatever order they come.
            if (prefix or named) and owner.get("controller") and owner["kind"] != "StatefulSet":
                # The pods of an indexed Job are told apart by their index already.
                names = groups.setdefault(f"{owner['kind']}/{prefix or owner['name']}", [])
                if entry["name"] not in names:
                    names.append(entry["name"])
    return groups


def _identify_revisions(groups: dict[str, list[str]], entry: Entry) -> None:
    """ControllerRevisions are not recorded, but a StatefulSet's status names them."""
    known = groups.setdefault(f"revisions/{entry['name']}", [])
    for field_name in ("currentRevision", "updateRevision"):
        name = (entry.get("status") or {}).get(field_name)
        if name and name not in known:
            known.append(name)


def call(groups: Mapping[str, list[str]]) -> dict[str, str]:
    """A run's generated names and what both runs call them."""
    names: dict[str, str] = {}
    # ReplicaSets and Jobs first: pods are called after them.
    for owner in sorted(groups, key=lambda key: not key.startswith(("Deployment/", "CronJob/"))):
        base = owner.partition("/")[2]
        for number, name in enumerate(groups[owner], 1):
            mark = "@" if owner.startswith("revisions/") else "#"
            names[name] = f"{names.get(base, base)}{mark}{number}"
    return names


def tell(recording: Recording, names: dict[str, str], *, until: float) -> Story:
    """The run as tracks and events."""
    story = Story(until, names)
    held: dict[str, Entry] = {}
    for entry in recording["timeline"]:
        if entry["t"] > until:
            break
        if entry["kind"] == "Event":
            _tell_event(story, entry)
        elif entry["kind"] != "EndpointSlice":
            _tell_object(story, entry, held)
    return story


def _tell_event(story: Story, entry: Entry) -> None:
    about, _, path = entry["about"].partition(" ")
    message = neutral(entry["message"], story.names)
    source = entry.get("reportingComponent", "")
    telling = Telling(entry["t"], path, entry["eventType"], entry["reason"], message, source)
    known = story.events.setdefault(neutral(about, story.names), [])
    if all(one.what != telling.what for one in known):
        known.append(telling)


def _tell_object(story: Story, entry: Entry, held: dict[str, Entry]) -> None:
    """An entry has only what changed: the rest is carried on."""
    key = f"{entry['kind']}/{story.names.get(entry['name'], entry['name'])}"
    if entry["type"] == "DELETED":
        story.track(f"{key} life").note(entry["t"], "gone")
        held.pop(key, None)
        return
    old = held.get(key, {})
    now = {part: entry.get(part, old.get(part)) or {} for part in ("metadata", "spec", "status")}
    held[key] = now
    life = "going" if "deletionTimestamp" in now["metadata"] else "there"
    story.track(f"{key} life").note(entry["t"], life)
    for aspect, value in _aspects(entry["kind"], now):
        story.track(f"{key} {aspect}").note(entry["t"], neutral_all(value, story.names))
    if entry["kind"] == "Pod" and entry["type"] == "ADDED":
        for container in now["spec"].get("containers") or ():
            if "memory" in ((container.get("resources") or {}).get("limits") or {}):
                story.limited.add(f"{key} container {container['name']}")


def _aspects(kind: str, obj: Entry) -> Iterator[tuple[str, Any]]:
    status = obj["status"]
    if kind != "Pod":
        yield "status", _counts(status)
        return
    yield "phase", {part: status.get(part, "") for part in ("phase", "reason", "message")}
    for one in status.get("conditions") or ():
        yield f"condition {one['type']}", _condition(one)
    listed = {one["type"] for one in status.get("conditions") or ()}
    for kind in PASSING.difference(listed):
        yield f"condition {kind}", {}
    for group in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(group) or ():
            yield f"container {one['name']}", _container(one)


def _condition(one: Entry) -> dict[str, str]:
    return {part: one.get(part, "") for part in ("status", "reason", "message")}


def _counts(status: Entry) -> dict[str, Any]:
    """Conditions side by side, whatever their order; times left to the comparison of when."""
    found: dict[str, Any] = {}
    for key, value in status.items():
        if key == "conditions":
            found.update({one["type"]: _condition(one) for one in value})
        elif key == "uncountedTerminatedPods":
            found[key] = {kind: len(uids) for kind, uids in value.items()}
        elif key == "active" and not isinstance(value, int):
            # A CronJob's Jobs: which object it was is nobody's business.
            found[key] = [{part: one[part] for part in one if part in ("kind", "namespace", "name")} for one in value]
        elif not key.endswith("Time"):
            found[key] = value
    return found


def _container(one: Entry) -> dict[str, Any]:
    state: tuple[str, Entry] = next(iter((one.get("state") or {}).items()), ("none", {}))
    last = (one.get("lastState") or {}).get("terminated") or {}
    return {
        "state": state[0],
        "reason": state[1].get("reason", ""),
        "code": state[1].get("exitCode"),
        "message": state[1].get("message", ""),
        "restarts": one["restartCount"],
        "ready": one["ready"],
        "started": one.get("started"),
        "last": (last.get("reason", ""), last.get("exitCode"), last.get("message", "")),
    }
