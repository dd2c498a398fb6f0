"""Who else acts on the cluster during a trial, on the same clock.

    co-actors:
      - {actor: secret-source}

A co-actor is somebody that a healer may reckon with: the store that Secrets and ConfigMaps come from, which writes
them anew when it is asked to. It sees what the trial's watch sees and acts through the harness's own access, a moment
later, since nobody is instant. The trap is a co-actor that repairs unasked: then the healer is judged for its luck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import TypeAdapter

from ..clusters.seam import Lease
from ..evidence import Obj, Ref, Seen
from ..problems import HarnessError, Refused
from ..scenario.model import Duration, Strict
from .objects import MERGE, Objects

GROUP = "secrets.shop.example"
VERSION = f"{GROUP}/v1"
ASK = f"{GROUP}/refresh"
# kind of the declared source -> (what it keeps in shape, where its spec names that)
KEEPS = {"ManagedSecret": ("Secret", "secretName"), "ManagedConfig": ("ConfigMap", "configMapName")}


class SecretSourceSpec(Strict):
    """The store behind ManagedSecret and ManagedConfig."""

    actor: Literal["secret-source"]
    takes: Duration = 3.0  # from being asked to having written


CoActorSpec = Annotated[SecretSourceSpec, "one of the actors there are"]
_SPEC: TypeAdapter[SecretSourceSpec] = TypeAdapter(CoActorSpec)


def parse(spec: Mapping[str, Any]) -> SecretSourceSpec:
    """Raises pydantic's ValidationError."""
    return _SPEC.validate_python(spec)


def start(specs: Sequence[Mapping[str, Any]], lease: Lease) -> None:
    """Called before the workload is deployed, so that they know what there was."""
    for spec in specs:
        source = SecretSource(lease, parse(spec))
        lease.watch(source.see)


class SecretSource:
    """Remembers what each source first held, and writes it again when the source is asked to refresh."""

    def __init__(self, lease: Lease, spec: SecretSourceSpec) -> None:
        self._objects = Objects(lease.rest, lease.namespace)
        self._after: Callable[[float, Callable[[], None]], None] = lease.after
        self._now = lease.now
        self._takes = spec.takes
        self._kept: dict[Ref, Obj] = {}  # the store's own content: each object as it was first written
        self._known: set[Ref] = set()  # of these it has taken stock; what others write later is not from the store
        self._asked: dict[Ref, tuple[Any, Any]] = {}

    def see(self, seen: Seen) -> None:
        ref = seen.ref
        if ref.kind in ("Secret", "ConfigMap") and seen.type == "ADDED" and ref not in self._known:
            self._kept.setdefault(ref, seen.object)
        elif ref.kind in KEEPS and seen.type != "DELETED":
            asked = _asked(seen.object)
            before = self._asked.get(ref)
            self._asked[ref] = asked
            if before != asked:
                # The first sight of a source is its first sync: its object is in place, only its status is not.
                first = before is None
                self._after(self._takes, lambda: self._sync(seen.object, write=not first))

    def _sync(self, source: Obj, *, write: bool) -> None:
        kind, field = KEEPS[source["kind"]]
        ref = Ref(kind, source["spec"][field])
        self._known.add(ref)
        kept = self._kept.get(ref)
        if write and kept is not None:
            try:
                self._write(ref, kept)
            except Refused as problem:
                self._report(source, str(problem))
                return
        self._report(source, "" if kept is not None else f"no {source['spec']['source']}")

    def _write(self, ref: Ref, kept: Obj) -> None:
        found = self._objects.get(ref)
        # Somebody else may be quicker with the new one.
        if found is not None or self._objects.create(_as_written(kept), exists_already=True) is None:
            gone = {key: None for key in (found or {}).get("data", {}) if key not in kept.get("data", {})}
            self._objects.patch(ref, {"data": {**gone, **kept.get("data", {})}}, MERGE)

    def _report(self, source: Obj, problem: str) -> None:
        stamp = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {
            "type": "Ready",
            "status": "False" if problem else "True",
            "reason": "SyncFailed" if problem.startswith("could not") else "SourceNotFound" if problem else "Synced",
            "message": problem or f"synced from {source['spec']['source']}",
            "lastTransitionTime": stamp,
        }
        status = {
            "lastSync": stamp,
            "observedRefresh": source["spec"].get("refresh", 0),
            "observedGeneration": source["metadata"].get("generation", 1),
            "conditions": [condition],
        }
        try:
            self._objects.patch(Ref.of(source), {"status": status}, api_version=VERSION, sub="status")
        except HarnessError:
            if self._objects.get(Ref.of(source), VERSION) is not None:
                raise


def _asked(source: Obj) -> tuple[Any, Any]:
    """What a person changes to have it synced: the number in its spec, or the annotation."""
    return source["spec"].get("refresh"), source["metadata"].get("annotations", {}).get(ASK)


def _as_written(obj: Obj) -> Obj:
    meta = {key: obj["metadata"][key] for key in ("name", "namespace", "labels") if key in obj["metadata"]}
    return {**{key: obj[key] for key in ("apiVersion", "kind", "type", "data") if key in obj}, "metadata": meta}
