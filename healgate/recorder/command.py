"""`healgate record`: open a cluster, record, write the file, close what was opened.

Everything that a person can get wrong is looked at before a cluster is opened. The trap is a cluster left behind:
it is closed whatever happens, and a run that was killed is cleared up by the next one, as everywhere.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..clusters import NAMES, open_cluster
from ..clusters.running import Opened
from ..clusters.seam import Cluster
from ..drivers import find_healer
from ..evidence import Obj
from ..problems import HarnessError, Problem, UsageProblem, suggest
from ..scenario.catalogue import Catalogue
from ..scenario.workloads import manifest
from ..words import ExitStatus
from .given import read_commands, read_objects
from .session import NotApplied, record_objects, record_trial
from .writing import write

Say = Callable[[str], None]
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?")
# What --objects and --scenario have for themselves, and what it is when nobody says it.
_ALONE: dict[str, dict[str, object]] = {
    "scenario": {"commands": None, "name": None},
    "objects": {"trial": 1, "seed": "0", "healer": "reference"},
}


def record(chosen: argparse.Namespace, say: Say) -> int:
    """Raises UsageProblem. A recording of a trial that could not be run is no recording."""
    _check(chosen)
    make = _scenario(chosen, say) if chosen.scenario else _objects(chosen, say)
    try:
        with _cluster(chosen, say) as cluster:
            recording = make(cluster)
    except (HarnessError, ConnectionError) as problem:
        say(f"healgate record: {problem}")
        return ExitStatus.CANNOT_JUDGE
    path = chosen.out / f"{recording['case']}.json"
    write(recording, path)
    commands = sum(one["kubectl"][0] != "logs" for one in recording["commands"])
    say(f"{path}: {len(recording['timeline'])} changes, {commands} commands, {path.stat().st_size // 1024} KiB")
    return ExitStatus.PASSED


def _check(chosen: argparse.Namespace) -> None:
    given = "scenario" if chosen.scenario else "objects"
    for option, default in _ALONE[given].items():
        if getattr(chosen, option) != default:
            raise UsageProblem(f"--{option} does not go with --{given}")
    if chosen.cluster not in NAMES:
        raise UsageProblem(f"--cluster: expected one of {', '.join(NAMES)}; found {chosen.cluster!r}")
    if chosen.trial < 1:
        raise UsageProblem(f"--trial: expected a number from 1; found {chosen.trial}")
    if chosen.out.exists() and not chosen.out.is_dir():
        raise UsageProblem(f"--out: expected a folder; {chosen.out} is none")


def _scenario(chosen: argparse.Namespace, say: Say) -> Callable[[Cluster], Obj]:
    catalogue = Catalogue.load().scenarios
    scenario = catalogue.get(chosen.scenario)
    if scenario is None:
        raise UsageProblem(f"--scenario: {suggest(chosen.scenario, catalogue)}; found {chosen.scenario!r}")
    healer = find_healer(chosen.healer)

    def make(cluster: Cluster) -> Obj:
        recording, outcome = record_trial(
            scenario,
            chosen.trial,
            seed=chosen.seed,
            cluster=cluster,
            healer=healer,
            tell=lambda step, what: say(f"{step} {what}".rstrip()),
        )
        row = outcome.record
        say(f"{row.verdict}{f' {row.reason}' if row.reason else ''}{f': {row.message}' if row.message else ''}")
        if outcome.evidence.harness_error:
            raise HarnessError("nothing was recorded, since the trial broke off")
        return recording

    return make


def _objects(chosen: argparse.Namespace, say: Say) -> Callable[[Cluster], Obj]:
    given = read_objects(chosen.objects)
    objects = [manifest(one) for one in given]
    commands = read_commands(chosen.commands) if chosen.commands else []
    name = chosen.name or chosen.objects[0].stem
    if not _NAME.fullmatch(name):
        raise UsageProblem(f"--name: expected letters a-z, digits and dashes; found {name!r}")
    late = [one for one in commands if one.at > chosen.duration]
    if late:
        raise UsageProblem(
            f"--for: expected longer than the last command ({late[-1].at:g}s); found {chosen.duration:g}s"
        )

    def make(cluster: Cluster) -> Obj:
        try:
            return record_objects(objects, commands, chosen.duration, name=name, cluster=cluster, say=say)
        except NotApplied as refused:
            place = given[refused.number].place()
            raise UsageProblem(Problem(f"the cluster refuses it: {refused}", place)) from None

    return make


@contextmanager
def _cluster(chosen: argparse.Namespace, say: Say) -> Iterator[Cluster]:
    if chosen.cluster == "embedded":
        yield open_cluster("embedded")
        return
    opened = _open(chosen, say)
    try:
        yield open_cluster(chosen.cluster, opened.running)
    finally:
        opened.close(keep=False)


def _open(chosen: argparse.Namespace, say: Say) -> Opened:
    if chosen.cluster == "existing":
        from ..clusters.existing import open_existing

        return open_existing(chosen.context, say)
    from ..clusters.kind import open_kind

    return open_kind(image=chosen.kind_image, speed=chosen.timing, reuse=chosen.reuse_cluster, say=say)
