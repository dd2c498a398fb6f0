"""A trial's evidence as one small document that can be read, drawn and compared: the evidence file.

The evidence holds every version of every object. A reader wants what changed: containers from state to state, what
the healer said and sent, events, and the manifests before and after. All times are seconds since the trial began,
rounded to the millisecond, so that two runs of one seed write the same bytes. The traps are the healer that polls
(equal reads between two writes are told once, with how often and until when) and what is in Secrets, which must not
end in a report.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..evidence import Claim, Evidence, Obj, Ref, Request, Seen
from ..handed_over import read_json
from ..problems import Place, Problem, UsageProblem
from ..record import TrialRecord, as_json
from ..scenario.model import Scenario

Story = dict[str, Any]

# What an object says of itself that no person wrote.
_NOISE = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
# Kinds whose changes are told in their own way, or follow from another object's.
_NOT_COMPARED = frozenset(
    {"Pod", "Event", "ReplicaSet", "ControllerRevision", "Endpoints", "EndpointSlice", "Lease", "Namespace"}
)
# A log is for reading: the end of it says why the container died.
_LOG_CHARACTERS = 20_000


def tell(evidence: Evidence, plan: Scenario, row: TrialRecord, budget_scale: float = 1.0) -> Story:
    """The story of one trial; `json.dumps` takes it as it is."""
    zero = evidence.started
    pods, containers, events = _from_timeline(evidence.timeline, zero)
    return {
        "trial": {name: value for name, value in asdict(row).items() if name != "evidence"},
        "namespace": evidence.namespace,
        "due": [str(due) for due in plan.due],
        "classes": sorted(str(name) for name in plan.classes),
        "targets": [str(ref) for ref in plan.target],
        "bystanders": sorted(str(ref) for ref in evidence.bystanders),
        "marks": {
            "started": 0.0,
            "broken": _since(zero, evidence.broken),
            "live": _since(zero, evidence.live),
            "ended": _since(zero, evidence.ended),
        },
        "began": zero,
        "budgets": {
            "detect": plan.budgets.detect * budget_scale,
            "classify": plan.budgets.classify * budget_scale,
            "recover": plan.budgets.recover * budget_scale,
        },
        "hold": round(evidence.hold, 3),
        "healer": {"how": evidence.healer.how, "note": evidence.healer.note},
        "harness_error": evidence.harness_error,
        "not_steady": evidence.not_steady,
        "claims": [_claim(claim, zero) for claim in evidence.claims],
        "requests": _requests(evidence.requests, zero),
        "pods": pods,
        "containers": containers,
        "recoveries": [
            {
                "since": _since(zero, recovery.since),
                "until": _since(zero, recovery.until),
                "lost": recovery.lost,
                "to_crash": recovery.lost_to_crash,
            }
            for recovery in evidence.recoveries
        ],
        "events": events,
        "changes": _changes(evidence.baseline, evidence.final),
        "logs": {name: text[-_LOG_CHARACTERS:] for name, text in sorted(evidence.logs.items())},
    }


def write(path: Path, story: Story) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(story, separators=(",", ":")) + "\n", encoding="utf-8")


def read(path: Path) -> Story:
    """Raises UsageProblem for a file that is none, or that is gone."""
    story: Story = read_json(path, "the evidence of a trial")
    if not isinstance(story, dict) or "marks" not in story:
        raise UsageProblem(Problem("expected the evidence of a trial; found other JSON", Place(str(path))))
    return story


def _since(zero: float, time: float | None) -> float | None:
    return None if time is None else round(time - zero, 3)


def _claim(claim: Claim, zero: float) -> dict[str, Any]:
    told: dict[str, Any] = {"t": round(claim.time - zero, 3), "word": str(claim.word)}
    if claim.crash_class is not None:
        told["class"] = str(claim.crash_class)
    if claim.about:
        told["about"] = claim.about
    if claim.note:
        told["note"] = claim.note
    return told


def _requests(requests: Iterable[Request], zero: float) -> list[dict[str, Any]]:
    """Numbered from 1 as they were sent; equal reads between two writes are one entry with `times` and `until`."""
    told: list[dict[str, Any]] = []
    reads: dict[tuple[str, str, int], dict[str, Any]] = {}
    for number, request in enumerate(requests, 1):
        changes = request.writes or request.dry_run
        if not changes:
            key = (request.verb, request.path, request.code)
            if (same := reads.get(key)) is not None:
                same["times"] = same.get("times", 1) + 1
                same["until"] = round(request.time - zero, 3)
                continue
        entry: dict[str, Any] = {
            "n": number,
            "t": round(request.time - zero, 3),
            "verb": request.verb,
            "what": _what(request),
            "code": request.code,
            "path": request.path,
        }
        if request.user:
            entry["user"] = request.user
        if changes:
            reads.clear()
            entry["writes"] = request.writes
            if request.dry_run:
                entry["dry_run"] = True
            if request.body is not None:
                entry["body"] = _without_secrets(request.body) if request.kind == "Secret" else request.body
        else:
            reads[key] = entry
        told.append(entry)
    return told


def _what(request: Request) -> str:
    if not request.resource:
        return request.path
    named = request.name
    if not named and request.verb == "create" and isinstance(request.body, dict):
        metadata = request.body.get("metadata") or {}
        named = metadata.get("name") or metadata.get("generateName") or "?"
    name = f"/{named}" if named else "s" if request.kind else ""
    sub = f" ({request.subresource})" if request.subresource else ""
    return f"{request.kind or request.resource}{name}{sub}"


def _from_timeline(
    timeline: Iterable[Seen], zero: float
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Pods with their lives, containers from state to state, events in the order in which they were seen."""
    pods: dict[str, Any] = {}
    steps: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    last: dict[tuple[str, str], tuple[object, ...]] = {}
    for seen in timeline:
        kind = seen.object["kind"]
        if kind == "Pod":
            _see_pod(seen, zero, pods, steps, last)
        elif kind == "Event" and seen.type != "DELETED":
            events.append(_event(seen, zero))
    return pods, steps, events


def _see_pod(
    seen: Seen,
    zero: float,
    pods: dict[str, Any],
    steps: list[dict[str, Any]],
    last: dict[tuple[str, str], tuple[object, ...]],
) -> None:
    pod, time = seen.object, round(seen.time - zero, 3)
    name = pod["metadata"]["name"]
    life = pods.get(name)
    if life is None:
        owner = next((one["name"] for one in pod["metadata"].get("ownerReferences", ())), "")
        life = pods[name] = {"from": time, "owner": owner, "app": _app(pod)}
    if seen.type == "DELETED":
        life["gone"] = time
        return
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        states: dict[str, Obj] = container.get("state") or {"waiting": {}}
        state, details = next(iter(states.items()))
        reason, code = details.get("reason", ""), details.get("exitCode")
        ready = bool(container.get("ready"))
        now = (state, reason, code, ready, container.get("restartCount", 0))
        if last.get((name, container["name"])) == now:
            continue
        last[name, container["name"]] = now
        step = {"t": time, "pod": name, "container": container["name"], "state": state, "restarts": now[4]}
        if reason:
            step["reason"] = reason
        if code is not None:
            step["exit"] = code
        if state == "running":
            step["ready"] = ready
        steps.append(step)


def _app(pod: Obj) -> str:
    """The pod's name without what a controller added: what a person calls it."""
    made_by = pod["metadata"].get("generateName", "").rstrip("-")
    hashed = pod["metadata"].get("labels", {}).get("pod-template-hash", "")
    name: str = made_by or pod["metadata"]["name"]
    return name.removesuffix(f"-{hashed}") if hashed else name


def _event(seen: Seen, zero: float) -> dict[str, Any]:
    event = seen.object
    about: Obj = event.get("involvedObject") or event.get("regarding") or {}
    told = {
        "t": round(seen.time - zero, 3),
        "type": event.get("type", ""),
        "reason": event.get("reason", ""),
        "about": f"{about.get('kind', '')}/{about.get('name', '')}",
        "message": event.get("message") or event.get("note") or "",
    }
    count = event.get("count") or (event.get("series") or {}).get("count")
    return {**told, "count": count} if count and count > 1 else told


def _changes(before: Mapping[Ref, Obj], after: Mapping[Ref, Obj]) -> dict[str, str]:
    """What differs in the manifests between the baseline and the end, as unified diffs by object."""
    changes: dict[str, str] = {}
    for ref in sorted({*before, *after}, key=str):
        if ref.kind in _NOT_COMPARED:
            continue
        old, new = before.get(ref), after.get(ref)
        if old is new:
            continue
        written, found = _as_written(old), _as_written(new)
        if written == found:
            continue
        diff = difflib.unified_diff(_lines(written), _lines(found), f"{ref} before", f"{ref} after", n=4)
        changes[str(ref)] = "".join(diff)
    return changes


def _as_written(obj: Obj | None) -> Obj | None:
    if obj is None:
        return None
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _NOISE}
    written = {**{name: value for name, value in obj.items() if name != "status"}, "metadata": metadata}
    return _without_secrets(written) if obj["kind"] == "Secret" else written


def _without_secrets(secret: Any) -> Any:
    """Which keys there are, and whether a value changed, but no value."""
    if not isinstance(secret, dict):
        return "(hidden)"
    hidden: dict[str, Any] = {
        name: {key: f"(hidden, {_fingerprint(value)})" for key, value in (secret.get(name) or {}).items()}
        for name in ("data", "stringData")
        if isinstance(secret.get(name) or {}, dict) and name in secret
    }
    annotations = (secret.get("metadata") or {}).get("annotations") or {}
    if "kubectl.kubernetes.io/last-applied-configuration" in annotations:
        shown = {**annotations, "kubectl.kubernetes.io/last-applied-configuration": "(hidden)"}
        hidden["metadata"] = {**secret["metadata"], "annotations": shown}
    return {**secret, **hidden}


def _fingerprint(value: object) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest()[:6]


def _lines(obj: Obj | None) -> list[str]:
    return [] if obj is None else list(as_yaml(obj))


def as_yaml(value: Any, pad: str = "") -> Iterator[str]:
    """Lines of YAML of plain data, keys sorted; the library takes milliseconds for what a person reads once."""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _entry(f"{pad}{_scalar(key)}:", value[key], pad)
    elif isinstance(value, list) and value:
        for item in value:
            if item and isinstance(item, dict | list):
                first, *rest = as_yaml(item, f"{pad}  ")
                yield f"{pad}- {first[len(pad) + 2 :]}"
                yield from rest
            else:
                yield f"{pad}- {_scalar(item)}\n"
    else:
        yield f"{pad}{_scalar(value)}\n"


def _entry(key: str, value: Any, pad: str) -> Iterator[str]:
    if value and isinstance(value, dict | list):
        yield f"{key}\n"
        yield from as_yaml(value, pad if isinstance(value, list) else f"{pad}  ")
    elif isinstance(value, str) and _is_block(value):
        yield f"{key} |{'' if value.endswith(chr(10)) else '-'}\n"
        yield from (f"{pad}  {line}\n" if line else "\n" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{key} {_scalar(value)}\n"


def _is_block(text: str) -> bool:
    """Several lines that YAML gives back as they are: no spaces at their ends, nothing unprintable."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and bool(lines[0] and lines[-1])
        and not lines[0].startswith(" ")
        and all(line.isprintable() and line == line.rstrip() for line in lines)
    )


def _scalar(value: Any) -> str:
    """Plain where YAML reads it back as the same text, in JSON's notation otherwise."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _OTHER.fullmatch(value):
        return value
    readable = isinstance(value, str) and value.isprintable()
    return json.dumps(value, ensure_ascii=not readable).replace("\x7f", "\\x7f")


# Texts that need no quotes; of those, what YAML would read as something else.
_PLAIN = re.compile(r"[A-Za-z0-9_./$(][A-Za-z0-9_./$()=@+,-]*(:[A-Za-z0-9_./$()=@+,-]+)*")
_OTHER = re.compile(
    r"(?i)y|n|yes|no|on|off|true|false|null|[-+.]?[0-9][0-9_.:]*(e[-+]?[0-9]+)?|0[xo][0-9a-f_]+|[0-9-]+(t.*)?|\.(inf|nan)"
)
