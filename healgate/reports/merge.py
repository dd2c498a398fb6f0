"""From output folders to runs, and from runs to one Allure report.

Several machines share one run: their folders have the same seed, healer and settings and no trial in common, and
their raw records are put together before any rate is computed. Folders that have trials in common are two runs,
earlier and later; the report then shows the trend. The trap is to average rates, or to count a trial twice.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .. import record
from ..handed_over import parse_json, read_text
from ..numbers.summary import Summary, summarise
from ..problems import Place, Problem, UsageProblem
from ..record import TrialRecord, read_trials, sorted_records
from . import allure_build
from .about import version
from .metrics import metrics

HISTORY = "history.jsonl"
_MARK = ".healgate-report"


class Key(NamedTuple):
    """What two folders must agree on to be parts of one run."""

    healer: str
    seed: str
    cluster: str
    kubernetes: str  # "": no trial ended there, and nobody knows
    timing: str  # as above
    budget_scale: float

    def agrees(self, other: Key) -> bool:
        return self.completed(other) == other.completed(self)

    def completed(self, other: Key) -> Key:
        return self._replace(kubernetes=self.kubernetes or other.kubernetes, timing=self.timing or other.timing)


@dataclass
class Run:
    """One run: the rows of one folder, or of several that share it."""

    key: Key
    folders: list[Path] = field(default_factory=list)
    rows: dict[str, tuple[TrialRecord, Path]] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)  # of the scenarios that it was asked about
    expected: dict[str, None] = field(default_factory=dict)  # ids of the trials that it was to have

    def has_room_for(self, rows: Iterable[str], settings: Mapping[str, Any]) -> bool:
        """Whether a folder with these may be a part of it: no trial twice, and no scenario in two versions."""
        theirs = _scenarios(settings)
        return not set(self.rows) & set(rows) and all(
            self.fingerprints.get(name, digest) == digest for name, digest in theirs.items()
        )

    def take_in(self, folder: Path, key: Key, rows: Mapping[str, TrialRecord], settings: Mapping[str, Any]) -> None:
        self.key = self.key.completed(key)
        self.folders.append(folder)
        self.rows.update({name: (row, folder) for name, row in rows.items()})
        self.fingerprints.update(_scenarios(settings))
        self.expected.update(dict.fromkeys(settings.get("expected", ())))

    @property
    def missing(self) -> list[str]:
        return [name for name in self.expected if name not in self.rows]

    @property
    def name(self) -> str:
        return " + ".join(folder.name or str(folder.resolve()) for folder in self.folders)

    @property
    def records(self) -> list[TrialRecord]:
        return sorted_records(row for row, _ in self.rows.values())

    def evidence_of(self, row: TrialRecord) -> Path | None:
        """None: whoever ran the trial died before there was any."""
        path = self.rows[row.id][1] / row.evidence
        return path if row.evidence and path.is_file() else None

    def summary(self) -> Summary:
        return summarise(self.records, self.missing)


def _scenarios(settings: Mapping[str, Any]) -> dict[str, str]:
    return dict(settings.get("scenarios", {}))


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """In the order given; a folder joins the run before it if both are parts of one."""
    runs: list[Run] = []
    for folder in folders:
        settings = _settings(folder)
        rows = _rows(folder, settings)
        key = key_of(rows.values(), settings)
        if not runs or not runs[-1].key.agrees(key) or not runs[-1].has_room_for(rows, settings):
            runs.append(Run(key))
        runs[-1].take_in(folder, key, rows, settings)
    return runs


def _rows(folder: Path, settings: Mapping[str, Any]) -> dict[str, TrialRecord]:
    path = folder / record.TRIALS
    if settings.get("expected") and not (path.is_file() and read_trials(path)):
        return {}  # whatever ran them died in the first one: they are missing
    if not path.is_file():
        raise UsageProblem(
            Problem(
                f"expected a folder that a run wrote, with {record.TRIALS} in it; there is none", Place(str(folder))
            )
        )
    rows = {row.id: row for row in reversed(read_trials(path))}
    if not rows:
        raise UsageProblem(Problem("no trial in it: there is nothing to report", Place(str(path))))
    healers = sorted({row.healer for row in rows.values()})
    if len(healers) > 1:
        raise UsageProblem(Problem(f"expected trials of one healer; found {', '.join(healers)}", Place(str(path))))
    return rows


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / record.RUN
    return record.read_run(path) if path.exists() else {}


def key_of(rows: Iterable[TrialRecord], settings: Mapping[str, Any]) -> Key:
    """From what ran, and where nothing ended from what was to run."""
    known = sorted(rows, key=lambda row: not row.kubernetes)
    scale = float(settings.get("budget-scale", 1.0))
    if not known:
        healer, seed, cluster = (str(settings.get(name, "")) for name in ("healer", "seed", "cluster"))
        return Key(healer, seed, cluster, "", "", scale)
    one = known[0]
    return Key(one.healer, one.seed, one.cluster, one.kubernetes, one.timing, scale)


def write_results(results: Path, runs: Sequence[Run], numbers: Iterable[dict[str, Any]]) -> None:
    """Allure results of all runs; the trials of all but the last say of which run they are."""
    from .allure import Results

    written = Results(results)
    for run in runs:
        for row in run.records:
            written.trial(row, run.evidence_of(row), "" if run is runs[-1] else run.name)
    written.surroundings(surroundings(runs[-1]))
    written.metrics(numbers)


def surroundings(run: Run) -> dict[str, str]:
    """What the report shows as its environment."""
    return {
        "healer": run.key.healer,
        "cluster": run.key.cluster,
        "kubernetes": run.key.kubernetes,
        "timing": run.key.timing,
        "seed": run.key.seed,
        "trials": str(len(run.rows)),
        "budget.scale": f"{run.key.budget_scale:g}",
        "healgate": version(),
    }


def build_report(
    runs: Sequence[Run],
    summaries: Sequence[Summary],
    out: Path,
    history: Path | None = None,
    tools: Callable[[], allure_build.Tools] = allure_build.find_tools,
) -> bool:
    """The Allure report of these runs; every run is one point of the trend. True: it opens from the disk."""
    if empty := [run for run in runs if not run.rows]:
        raise UsageProblem(Problem("no trial in it: there is nothing to report", Place(str(empty[0].folders[0]))))
    earlier = _history(history)
    _make_room(out)
    found = tools()
    with tempfile.TemporaryDirectory(prefix="healgate-report-") as work:
        points = Path(work) / HISTORY
        if earlier:
            points.write_text(earlier, encoding="utf-8")
        for number, (run, summary) in enumerate(zip(runs, summaries, strict=True)):
            last = run is runs[-1]
            results = Path(work) / f"results-{number}"
            write_results(results, runs if last else [run], metrics(summary))
            output = out if last else Path(work) / f"report-{number}"
            title = f"healgate: {run.key.healer}"
            one_file = allure_build.build(found, [results], output, points, title, one_file=None if last else True)
        shutil.copyfile(points, out / HISTORY)
        if history is not None:
            history.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(points, history)
    (out / _MARK).write_text("")
    return one_file


def _history(path: Path | None) -> str:
    """The earlier points of the trend. What else Allure is given it answers with a trace of its own."""
    if path is None or not path.exists():
        return ""
    expected = "a trend that `healgate report` wrote, line by line"
    text = read_text(path, expected)
    for number, line in enumerate(text.split("\n"), 1):
        point = parse_json(line, expected, str(path), number) if line.strip() else {"testResults": {}}
        if not isinstance(point, dict) or not isinstance(point.get("testResults"), dict):
            raise UsageProblem(Problem(f"expected {expected}; found other JSON", Place(str(path), number, 1)))
    return text


def _make_room(out: Path) -> None:
    """Allure leaves old pages standing, so an earlier report is taken away; anything else is not ours to delete."""
    if out.is_dir() and (out / _MARK).exists():
        shutil.rmtree(out)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        message = "expected no folder yet, an empty one or that of an earlier report. Choose another --out."
        raise UsageProblem(Problem(message, Place(str(out))))
    out.mkdir(parents=True, exist_ok=True)
