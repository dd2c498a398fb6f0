"""The gate and the baseline, for rows wherever they come from: a run that ends, or folders of several machines.

Both roads lead through here, so that a release is judged by the same rule on one machine and on ten. The trap is a
machine that died: what its folder says was asked for and is not there must be missed, or the rest looks like all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..numbers.baseline import Baseline, baseline_of, check_comparable, named, read_baseline
from ..numbers.gate import Decision, decide
from ..numbers.summary import Summary
from ..problems import Place, Problem, UsageProblem
from ..record import RUN, TrialRecord
from ..words import ExitStatus
from .about import version
from .merge import Run, read_runs


@dataclass(frozen=True)
class Saved:
    """What became of --save-baseline."""

    said: str = ""
    lacking: bool = False  # it was asked for, and there is none

    def status(self, otherwise: int) -> int:
        """Whoever asked for a file and finds none must not take the run for one that went well."""
        return ExitStatus.CANNOT_JUDGE if self.lacking and otherwise == ExitStatus.PASSED else otherwise


@dataclass(frozen=True)
class Gated:
    """What the gate says of a run that is in several folders."""

    run: Run
    summary: Summary
    decision: Decision | None  # None: there was nothing to hold it against
    saved: Saved

    @property
    def status(self) -> int:
        decided = ExitStatus.PASSED if self.decision is None else self.decision.status
        return self.saved.status(decided)


def gate_folders(
    folders: Sequence[Path], *, baseline: Path | None, min_pass_rate: float | None, save_baseline: Path | None
) -> Gated:
    """Raises UsageProblem if the folders are not the parts of one run, or cannot be compared with the baseline."""
    runs = read_runs(folders)
    if len(runs) > 1:
        parts = "; ".join(run.name for run in runs)
        raise UsageProblem(
            Problem(
                "expected the parts of one run: the same healer, seed, cluster, budgets and scenario files, and no "
                f"trial twice. These are {len(runs)} runs: {parts}"
            )
        )
    (run,) = runs
    if unknown := sorted({row.scenario for row in run.records} - set(run.fingerprints)):
        message = f"expected {RUN} to say which files were run; it does not know {named(unknown)}"
        raise UsageProblem(Problem(message, Place(str(run.folders[0]))))
    scale = run.key.budget_scale
    before = None
    if baseline is not None:
        before = read_comparable(baseline, run.fingerprints, cluster=run.key.cluster, budget_scale=scale)
    decision = None
    if baseline is not None or min_pass_rate is not None:
        decision = decide(run.records, run.missing, baseline=before, min_pass_rate=min_pass_rate)
    saved = Saved()
    if save_baseline is not None:
        saved = keep_baseline(save_baseline, run.records, run.missing, run.fingerprints, scale, decision)
    return Gated(run, run.summary(), decision, saved)


def read_comparable(path: Path, fingerprints: Mapping[str, str], *, cluster: str, budget_scale: float) -> Baseline:
    """The baseline, refused if no number could be read from a comparison with it."""
    baseline = read_baseline(path)
    check_comparable(baseline, path, fingerprints, cluster=cluster, budget_scale=budget_scale)
    return baseline


def keep_baseline(
    path: Path,
    rows: Sequence[TrialRecord],
    missing: Sequence[str],
    fingerprints: Mapping[str, str],
    budget_scale: float,
    decision: Decision | None,
) -> Saved:
    """Write it, and say so. Neither a run with gaps is a measure for later ones, nor one that the gate did not pass:
    over the file that it was held against, it would pass the next time."""
    if not rows:
        return Saved("--save-baseline: not written, since there is no trial", lacking=True)
    if missing:
        return Saved(f"--save-baseline: not written, since {len(missing)} trials did not run", lacking=True)
    if decision is not None and decision.status != ExitStatus.PASSED:
        return Saved("--save-baseline: not written, since the gate did not pass", lacking=True)
    try:
        baseline_of(rows, fingerprints, healgate=version(), budget_scale=budget_scale).write(path)
    except OSError as problem:
        return Saved(f"--save-baseline {path}: not written: {problem.strerror}", lacking=True)
    return Saved(f"baseline of {len(rows)} trials written to {path}")
