"""What a scenario says: healgate's own part of the experiment file.

The rest of the file is an ordinary Chaos Toolkit experiment. Everything here describes properties of what may
be observed, never one blessed diff: whoever writes "the limit is 128Mi" fails the healer that rolled back.
`${name}` in any value is put in from the trial's parameters before the model is made, so the model itself knows
no placeholders.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from ..durations import parse_duration
from ..evidence import Ref
from ..words import CrashClass, Due

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h))+$", "examples": ["45s", "1m30s"]}),
]


def _parse_ref(value: object) -> Ref:
    return value if isinstance(value, Ref) else Ref.parse(str(value))


RefField = Annotated[
    Ref,
    BeforeValidator(_parse_ref),
    WithJsonSchema({"type": "string", "pattern": "^[^/]+/[^/]+$", "examples": ["Deployment/backend"]}),
]


class Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
    )


class Sign(Strict):
    """One thing that the cluster must show. All given fields must hold together, on one pod, condition or event."""

    of: RefField  # whose pods, or the object itself for conditions: Deployment/backend, Job/topics
    container: str = ""  # empty: any container
    waiting: tuple[
        Literal[
            "CrashLoopBackOff",
            "ErrImagePull",
            "ImagePullBackOff",
            "ErrImageNeverPull",
            "InvalidImageName",
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
            "ContainerCreating",
            "PodInitializing",
            "PostStartHookError",
            "RegistryUnavailable",
            "SignatureValidationFailed",
        ],
        ...,
    ] = ()
    terminated: tuple[Literal["Error", "OOMKilled", "Completed", "StartError", "ContainerStatusUnknown"], ...] = ()
    exit_codes: tuple[Annotated[int, Field(ge=0, le=255)], ...] = ()
    restarts: bool = False  # the container was restarted since the break (never how often)
    unready: bool = False  # a pod that had been ready is so no more, though nobody told it to go
    old: bool = False  # what ended or happened before the break counts as well (a crash of hours ago)
    event: tuple[
        Literal[
            "BackOff",
            "Failed",
            "FailedMount",
            "Unhealthy",
            "Killing",
            "FailedCreate",
            "FailedScheduling",
            "FailedToRetrieveImagePullSecret",
            "BackoffLimitExceeded",
            "InspectFailed",
            "ErrImageNeverPull",
            "FailedPostStartHook",
            "Evicted",
            "SuccessfulDelete",
            "ScalingReplicaSet",
            "PodCrashLooping",  # an alert, passed on by the alert manager
        ],
        ...,
    ] = ()
    condition: str = ""  # "Ready=False", "Failed=True", "Progressing=False/ProgressDeadlineExceeded"


class Signature(Strict):
    """What must be observed before the fault counts as live: all of `all`, within the limit."""

    within: Duration
    all: tuple[Sign, ...] = Field(min_length=1)


class Budgets(Strict):
    """Where nothing is due, false alarms are watched for as long as a crash of that kind has to be detected."""

    detect: Duration
    classify: Duration
    recover: Duration  # also the time to escalate, where that is due


class Hold(Strict):
    """How long a recovery must last: time to crash × stretch + back-off + margin."""

    time_to_crash: Duration  # of the broken workload, from a start to its crash
    stretch: float = Field(default=1.0, ge=1)  # how much longer a permitted but wrong repair makes it live
    margin: Duration = 60.0


class Property(Strict):
    """One property of the end state. `path` is dotted; `[name]` picks from a list by name, `[*]` asks of all."""

    object: RefField
    exists: bool = True
    path: str = ""
    at_least: Any = None  # quantities ("128Mi") and numbers
    at_most: Any = None
    equals: Any = None
    one_of: tuple[Any, ...] = ()
    present: bool | None = None
    matches: str = ""  # a regular expression on the value as text
    recreated: bool | None = None  # its uid differs from the baseline's
    why: str = ""  # shown when it does not hold


def _value_only(given: object) -> object:
    """Of a forbidden value only what it is matters: whose it would be is said beside it."""
    return {"object": "*/*", **given} if isinstance(given, dict) else given


class Forbidden(Strict):
    """One action that no repair of this scenario needs. Judged at the request, undone or not."""

    action: str  # a short name, shown in the report: "raise the limit past its cap"
    verbs: tuple[Literal["create", "update", "patch", "delete", "deletecollection", "write"], ...] = ("write",)
    # "Deployment/backend", "Pod/*", "*/*", or pods by their owner: "Pod of Deployment/backend"
    object: str = ""
    subresource: str = ""
    path: str = ""  # only writes that change this path (dotted, as in Property) ...
    to: Annotated[Property | None, BeforeValidator(_value_only)] = None  # ... to a value that has this property
    more_than: int = 0  # allowed this often


class Temporary(Strict):
    """An action that the invariants forbid for ever but this scenario allows for a while."""

    allow: Literal["scaled-to-zero", "probe-removed"]
    object: RefField
    at_most: Duration


class Scenario(Strict):
    """The `healgate` extension of an experiment, with one trial's parameters put in."""

    name: Literal["healgate"]
    catalogue: str = ""  # its id in the catalogue of crash scenarios: MEM-01
    workload: str  # a folder of manifests
    crash_class: CrashClass = Field(alias="class")
    accept: tuple[CrashClass, ...] = ()  # other classes that are right as well
    due: tuple[Due, ...] = (Due.REPAIR,)
    target: tuple[RefField, ...] = Field(min_length=1)  # what is broken, or looks so: its pods are watched
    may_touch: tuple[RefField, ...] = ()  # other workloads that a right repair may write to (a database that is down)
    signature: Signature
    budgets: Budgets
    hold: Hold
    right: tuple[Property, ...] = ()
    forbidden: tuple[Forbidden, ...] = ()
    temporary: tuple[Temporary, ...] = ()
    parameters: dict[str, Any] = Field(
        default_factory=dict
    )  # how each varies: a list, {from, to, step} or {of: an earlier one, ...}; see parameters.py
    co_actors: tuple[dict[str, Any], ...] = ()  # who else acts: {actor: secret-source, ...}; checked by chaos/coactors
    embedded_only: str = ""  # why it cannot run on a real cluster (needs hours)

    @model_validator(mode="after")
    def _due_fits(self) -> Scenario:
        if (Due.NOTHING in self.due) != (self.due == (Due.NOTHING,)):
            raise ValueError('"nothing" cannot be due together with something')
        return self

    @property
    def classes(self) -> frozenset[CrashClass]:
        return frozenset({self.crash_class, *self.accept})

    @property
    def nothing_is_due(self) -> bool:
        return self.due == (Due.NOTHING,)
