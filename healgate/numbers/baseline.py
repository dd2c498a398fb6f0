"""What a run achieved, kept in a file that later runs are measured against.

k and n per scenario decide; each trial's own verdict is kept too, since under one seed the trials of two runs are
pairs. The trap is comparing what cannot be compared: every scenario's fingerprint is kept with its numbers, and a
scenario that has changed since makes the file a baseline of another catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ..handed_over import read_json
from ..problems import Place, Problem, UsageProblem
from ..record import TrialRecord, sorted_records
from ..scenario.model import Strict
from ..scenario.source import load_yaml, parse
from ..words import Verdict

_VERDICTS = tuple(str(verdict) for verdict in Verdict)
_MOST_NAMED = 8


class Before(Strict, strict=True):
    """One scenario, as it was."""

    k: int = Field(ge=0)
    n: int = Field(ge=0)
    fingerprint: str
    trials: dict[str, str]  # by number: "PASS", or "FAIL relapsed: it worked again ..."

    @model_validator(mode="after")
    def _adds_up(self) -> Before:
        for number, text in self.trials.items():
            if not number.isdecimal() or verdict_of(text) not in _VERDICTS:
                raise ValueError(
                    f'trials: expected a number and a verdict, like "3": "PASS"; found {number!r}: {text!r}'
                )
        verdicts = [verdict_of(text) for text in self.trials.values()]
        k, n = verdicts.count("PASS"), verdicts.count("PASS") + verdicts.count("FAIL")
        if (self.k, self.n) != (k, n):
            raise ValueError(f"expected k and n as its trials have them, {k} and {n}; found {self.k} and {self.n}")
        return self


class Baseline(Strict, strict=True):
    """The file."""

    healgate_baseline: Literal[1]  # the version of this format
    healgate: str
    healer: str
    cluster: str
    kubernetes: str
    timing: str
    seed: str
    budget_scale: float = Field(gt=0)
    scenarios: dict[str, Before] = Field(min_length=1)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.model_dump(by_alias=True), indent=1, sort_keys=True, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


def verdict_of(text: str) -> str:
    return text.partition(" ")[0].removesuffix(":")


def told(row: TrialRecord) -> str:
    """A trial's verdict in a line: "FAIL relapsed: it worked again ..."."""
    text = " ".join(str(word) for word in (row.verdict, row.reason) if word)
    said = " ".join("".join(letter if letter.isprintable() else " " for letter in row.message).split())
    return f"{text}: {said}" if said else text


def baseline_of(
    records: Iterable[TrialRecord], fingerprints: Mapping[str, str], *, healgate: str, budget_scale: float
) -> Baseline:
    """This run as a baseline for later ones. There must be at least one record."""
    rows = sorted_records(records)
    known = next((row for row in rows if row.kubernetes), rows[0])  # a trial whose process died knows no cluster
    by_name: dict[str, list[TrialRecord]] = {}
    for row in rows:
        by_name.setdefault(row.scenario, []).append(row)
    return Baseline(
        healgate_baseline=1,
        healgate=healgate,
        healer=known.healer,
        cluster=known.cluster,
        kubernetes=known.kubernetes,
        timing=known.timing,
        seed=known.seed,
        budget_scale=budget_scale,
        scenarios={name: _before(own, fingerprints[name]) for name, own in by_name.items()},
    )


def _before(rows: Sequence[TrialRecord], fingerprint: str) -> Before:
    verdicts = [row.verdict for row in rows]
    k = verdicts.count(Verdict.PASS)
    n = k + verdicts.count(Verdict.FAIL)
    return Before(k=k, n=n, fingerprint=fingerprint, trials={str(row.trial): told(row) for row in rows})


def read_baseline(path: Path) -> Baseline:
    """Raises UsageProblem with every mistake and its place."""
    read_json(path, "a baseline file")
    source = load_yaml(path)  # JSON is YAML, and this knows where everything stands
    if not isinstance(source.data, dict) or "healgate-baseline" not in source.data:
        message = "expected a file that --save-baseline wrote; found other JSON"
        raise UsageProblem(source.problem(message))
    return parse(Baseline, source.data, source)


def check_comparable(
    baseline: Baseline, path: Path, fingerprints: Mapping[str, str], *, cluster: str, budget_scale: float
) -> None:
    """Refuse, before anything runs, what no number could be read from. `fingerprints`: of the scenarios to be run."""
    problems = []
    if baseline.cluster != cluster:
        problems.append(f"a baseline of another cluster: expected one made on {cluster}; found {baseline.cluster}")
    if baseline.budget_scale != budget_scale:
        found = f"expected {budget_scale:g}; found {baseline.budget_scale:g}"
        problems.append(f"a baseline with other budgets (--budget-scale): {found}")
    common = sorted(set(baseline.scenarios) & set(fingerprints))
    changed = [name for name in common if baseline.scenarios[name].fingerprint != fingerprints[name]]
    if changed:
        problems.append(f"a baseline of another catalogue: {named(changed)} changed since")
    elif not common:
        theirs, ours = named(sorted(baseline.scenarios)), named(sorted(fingerprints))
        problems.append(f"a baseline of another catalogue: it has {theirs}; this run has {ours}")
    if problems:
        advice = "Make a new one with --save-baseline."
        raise UsageProblem(*(Problem(f"{problem}. {advice}", Place(str(path))) for problem in problems))


def named(names: Sequence[str]) -> str:
    """The first few of many."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (", ".join(names[:_MOST_NAMED]) or "nothing") + more
