"""Everything recorded in one trial: what the cluster showed, what the healer said and did.

The judge sees nothing else, so whatever a verdict depends on must be here; and the record on disk is made
from it, so that a verdict can be checked later by somebody who does not believe it. Times are seconds of the
cluster's clock since 1970.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .words import CrashClass, Word

Obj = dict[str, Any]


class Ref(NamedTuple):
    """An object by kind and name: `Deployment/backend`. The namespace is the trial's unless it says otherwise."""

    kind: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Ref:
        kind, slash, name = text.partition("/")
        if not (slash and kind and name):
            raise ValueError(f'expected "Kind/name", like Deployment/backend; found {text!r}')
        return cls(kind, name)

    @classmethod
    def of(cls, obj: Obj) -> Ref:
        return cls(obj["kind"], obj["metadata"]["name"])

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(slots=True)
class Seen:
    """One change of one object in the trial's namespace, as the cluster's watch showed it."""

    time: float
    type: str  # ADDED, MODIFIED, DELETED
    object: Obj  # with kind and apiVersion; shared and never edited
    ref: Ref = field(init=False)  # asked by everybody who sees it

    def __post_init__(self) -> None:
        self.ref = Ref.of(self.object)

    @property
    def leaves(self) -> bool:
        """It is gone, or was told to go."""
        return self.type == "DELETED" or "deletionTimestamp" in self.object["metadata"]


def runs_on(pod: Obj) -> Iterator[Obj]:
    """The statuses of what is to run for as long as the pod does: its sidecars and its containers."""
    status = pod.get("status", {})
    if started := status.get("initContainerStatuses"):
        init = pod.get("spec", {}).get("initContainers", ())
        sidecars = {one["name"] for one in init if one.get("restartPolicy") == "Always"}
        yield from (one for one in started if one["name"] in sidecars)
    yield from status.get("containerStatuses", ())


def is_ready(pod: Obj) -> bool:
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready":
            return bool(condition["status"] == "True")
    return False


def is_complete(job: Obj) -> bool:
    if job["kind"] != "Job":
        return False
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Complete" and one["status"] == "True" for one in conditions)


# What is done through them inside a container is nobody's to see; a GET opens them as well as a POST.
COMMANDS = frozenset({"exec", "attach"})
DELETIONS = frozenset({"delete", "deletecollection"})
WRITES = frozenset({"create", "update", "patch"}) | DELETIONS
# What a client says of itself, and asks about itself; nothing that others live by, unless it takes it from others.
ABOUT_ITSELF = frozenset({"Event", "Lease"})
QUESTIONS = ("Review", "TokenRequest")
# The code of a request that nobody answered, or whose answer nobody waited for. It may have been done.
UNANSWERED = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the healer, as it passed the recording point. One type for all kinds of cluster."""

    time: float
    user: str
    method: str
    path: str
    verb: str  # get list watch create update patch delete deletecollection
    resource: str  # "pods", "deployments.apps"; "" for non-resource paths
    kind: str
    subresource: str
    namespace: str  # "" for cluster scope
    name: str
    code: int
    body: Any = None  # see `decoded_body`
    before: Obj | None = None  # what a write found, where the cluster can tell
    after: Obj | None = None  # what stood there when it was answered, where the cluster can tell
    dry_run: bool = False

    @property
    def writes(self) -> bool:
        if self.subresource == "portforward":
            return False
        return (self.verb in WRITES or self.is_command) and not self.dry_run

    @property
    def is_command(self) -> bool:
        return self.subresource in COMMANDS

    @property
    def accepted(self) -> bool:
        return UNANSWERED < self.code < 300

    @property
    def acts(self) -> bool:
        """It may have changed what others live by: not refused, and not about the client itself."""
        itself = self.kind.endswith(QUESTIONS) or not self.kind or (self.is_about_itself and not self.deletes)
        return self.writes and self.code < 300 and not itself and self.subresource != "token"

    @property
    def is_about_itself(self) -> bool:
        return self.kind in ABOUT_ITSELF

    @property
    def deletes(self) -> bool:
        return self.verb in DELETIONS

    def __str__(self) -> str:
        sub = f"/{self.subresource}" if self.subresource else ""
        answer = "no answer" if self.code == UNANSWERED else str(self.code)
        return f"{self.verb} {self.kind or self.path}/{self.name}{sub} -> {answer}"


def is_dry_run(verb: str, query: Iterable[tuple[str, str]], body: Any) -> bool:
    """A deletion with a body is told there what to do, and the server does not read its query; an eviction is, too."""
    if verb in DELETIONS and body is not None:
        return isinstance(body, dict) and bool(body.get("dryRun"))
    if isinstance(body, dict) and body.get("kind") == "Eviction":
        options = body.get("deleteOptions")
        if isinstance(options, dict) and options.get("dryRun"):
            return True
    return ("dryRun", "All") in query


def decoded_body(body: bytes) -> Any:
    """What a request carried, as it goes on record: JSON, or else its text."""
    if not body:
        return None
    try:
        # As servers read it: what is no UTF-8 is replaced, and what was refused need not be understood.
        return json.loads(body.decode(errors="replace"))
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Claim:
    """The healer's own word."""

    time: float
    word: Word
    about: str = ""  # "Kind/name" if the healer said
    crash_class: CrashClass | None = None  # for CLASSIFIED; None: a class outside the list
    note: str = ""  # free text, and the class as the healer spelled it


@dataclass(frozen=True, slots=True)
class Recovery:
    """A stretch of time in which the workload did its work again."""

    since: float
    until: float | None = None  # when it was lost; None: it lasted to the end
    lost: str = ""  # what ended it: "container api of pod backend-… exited (OOMKilled, 137)"
    lost_to_crash: bool = False
    gently: bool = False  # by a change during which enough pods served, and none crashed, until it stood again


def began(recoveries: Sequence[Recovery], acted: float) -> float:
    """Since when the last recovery counts: what was rolled or scaled after the healer acted, and served on, goes on."""
    since = recoveries[-1].since
    for one in reversed(recoveries[:-1]):
        if not one.gently or one.since < acted:
            break
        since = one.since
    return since


@dataclass(frozen=True, slots=True)
class HealerEnd:
    """How the healer stood when the trial ended."""

    how: str  # "running", "returned", "raised", "refused", "stuck", "stopped"
    note: str = ""  # the exception, or where it hangs


class Refusal(NamedTuple):
    """What a container was to run and a simulated cluster does not know: it ended there, as a real one would not."""

    time: float
    pod: Ref
    container: str
    what: str

    def __str__(self) -> str:
        return f"the embedded cluster cannot run {self.what} ({self.container} of {self.pod})"


@dataclass
class Evidence:
    """One trial's evidence. Filled while it runs, read-only for the judge."""

    namespace: str
    started: float
    baseline: Mapping[Ref, Obj] = field(default_factory=dict)  # after deploying, before breaking
    bystanders: frozenset[Ref] = frozenset()  # what was applied as bystander
    broken: float | None = None  # when the break was done
    live: float | None = None  # when the signature was complete: every clock starts here
    ended: float | None = None
    hold: float = 0.0  # how long a recovery had to last, seconds
    timeline: list[Seen] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    lacking: str = ""  # what kept the workload from doing its work when that was last asked
    final: Mapping[Ref, Obj] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)  # "pod/container" -> text, for the reader
    healer: HealerEnd = HealerEnd("running")
    refused: list[Refusal] = field(default_factory=list)
    harness_error: str = ""  # set: the verdict is ERROR
    not_steady: str = ""  # set: the verdict is INVALID
