"""The rest of a scenario file: the part of Chaos Toolkit's experiment format that scenarios use.

Chaos Toolkit itself ignores keys that it does not know, so "steady-state-hypotesis" would quietly prove nothing;
here an unknown key is an error. Three things that Chaos Toolkit has are left out on purpose and are refused with the
reason: pauses sleep on the wall clock (the embedded cluster's time is virtual; use `healgate.chaos.actions.wait`),
background activities race the proof, and rollbacks would repair what the healer is asked to repair.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _refused(why: str) -> BeforeValidator:
    def refuse(_found: object) -> object:
        raise ValueError(f"not in a scenario: {why}")

    return BeforeValidator(refuse)


class Provider(_Part):
    """The function that does it: a python provider of healgate or of chaostoolkit-kubernetes."""

    type: Literal["python"]
    module: str = Field(description="healgate.chaos.actions, healgate.chaos.probes, or a module of chaosk8s")
    func: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Activity(_Part):
    """One step of the method."""

    type: Literal["action", "probe"]
    name: str = Field(min_length=1)
    provider: Provider
    tolerance: Any = None
    pauses: Annotated[Any, _refused("pauses sleep on the wall clock; use the action `wait`, on the cluster's")] = None
    background: Annotated[Any, _refused("a break that runs in the background races its own proof")] = None


class Probe(Activity):
    """One part of "the workload does its work"."""

    type: Literal["probe"]
    tolerance: Any


class Hypothesis(_Part):
    title: str = Field(min_length=1)
    probes: tuple[Probe, ...] = Field(min_length=1)


class Strategy(_Part):
    strategy: Literal["after-method-only"]


class Runtime(_Part):
    """There is nothing to be steady before the method deploys it, so the hypothesis is asked after it only."""

    hypothesis: Strategy


class Experiment(_Part):
    """A scenario: a Chaos Toolkit experiment whose extension `healgate` says what is judged."""

    title: str = Field(min_length=1)
    description: str = Field(min_length=1)
    tags: tuple[str, ...] = ()
    configuration: dict[str, Any] = Field(default_factory=dict)
    runtime: Runtime
    hypothesis: Hypothesis = Field(alias="steady-state-hypothesis")
    method: tuple[Activity, ...] = Field(min_length=2)
    extensions: tuple[dict[str, Any], ...] = Field(min_length=1)
    rollbacks: Annotated[Any, _refused("a rollback would repair what the healer is asked to repair")] = None
