"""The controls on a real cluster, as a person runs them: `make kind`.

Every core scenario with the reference healer, which must pass, and with the null healer, which must fail unless
nothing is to be done, side by side on one cluster, since a trial mostly waits. A trial that was INVALID showed nothing
of a healer: it is run once more, when the cluster is quiet, and that is said. A FAIL never is. Exit status 1 with a
table if a verdict is another one, 6 if there is no cluster. The tests that need an engine (`real/`) take as long again,
since some freeze or kill what the others use: `make test-kind`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from healgate.problems import HarnessError, UsageProblem
from healgate.reports import story, told

from ..controls.expectations import expected
from .matrix import at_once, core, kind_cluster

ROOT = Path(__file__).parents[2]
HEALERS = ("reference", "null")
LEAST = 20
# Two cores carry many trials at once, each of them a little later than alone.
BUDGET_SCALE = 2.0
# The null healer does nothing: its trials need no more time than anywhere else, only their faults must show.
NULL_SCALE = 1.0


Row = Mapping[str, str]


@dataclass
class Run:
    """pytest with one healer."""

    healer: str
    out: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return self.out.with_suffix(".log")

    def rows(self) -> dict[str, Row]:
        path = self.out / "trials.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return {row["scenario"]: {**row, "evidence": str(self.out / row["evidence"])} for row in rows}


def start(healer: str, cluster: str, workers: int, scale: float, out: Path, files: Sequence[str] = ()) -> Run:
    command = [sys.executable, "-m", "pytest", "-q", "--cluster", "kind", "--reuse-cluster", cluster]
    command += ["-m", "core", "--healer", healer, "-n", str(workers), "--budget-scale", f"{scale:g}"]
    command += ["--out", str(out), *files]
    with out.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    return Run(healer, out, process)


def unjudged(rows: Mapping[str, Row]) -> list[str]:
    return [scenario for scenario, row in rows.items() if row["verdict"] == "INVALID"]


def again(run: Run, cluster: str, workers: int, scale: float) -> Run | None:
    """Those of a run that could not be judged, once more."""
    scenarios = unjudged(run.rows())
    if not scenarios:
        return None
    for scenario in scenarios:
        print(f"again: {run.healer} {scenario} was INVALID: {run.rows()[scenario]['message']}", flush=True)
    files = [f"scenarios/{scenario}.yaml" for scenario in scenarios]
    out = run.out.with_name(f"{run.healer}-again")
    return start(run.healer, cluster, min(workers, len(files)), scale, out, files)


def wrong(healer: str, rows: Mapping[str, Row], scenarios: Sequence[str]) -> dict[str, str]:
    """The verdicts that are not the ones that were written down, and what is to be said of each."""
    found = {}
    for scenario in scenarios:
        row = rows.get(scenario, {"verdict": "none", "message": "it was not run, or not to its end", "evidence": ""})
        # Of the null healer only the verdict counts: it may be too late for it to be late.
        verdict = "PASS" if expected(healer, scenario) == "PASS" else "FAIL"
        if row["verdict"] != verdict:
            what = row.get("reason") or row["verdict"]
            line = f"{healer:9} {scenario:32} expected {verdict}, found {what}: {row['message']}"
            found[scenario] = f"{line}\n{_course(Path(row['evidence']))}"
    return found


def _course(evidence: Path) -> str:
    """Where nobody can look at the files afterwards, what happened must be on the terminal."""
    return told.course(story.read(evidence)) if evidence.is_file() else ""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=0, help="trials at once (default: as many as it bears)")
    parser.add_argument("--budget-scale", type=float, default=BUDGET_SCALE, help="at most 3")
    parser.add_argument("--reuse-cluster", metavar="NAME", help="on this kind cluster, which is left standing")
    parser.add_argument("--out", type=Path, default=None, help="keep what the runs write in this folder")
    parser.add_argument("--tests", action="store_true", help="instead of the controls, the tests that need an engine")
    chosen = parser.parse_args(argv)
    if not 0 < chosen.budget_scale <= 3:
        parser.error(f"--budget-scale: expected a number up to 3; found {chosen.budget_scale:g}")
    scenarios = core()
    if len(scenarios) < LEAST or not any(name.startswith("kafka/") for name in scenarios):
        print(f"make kind: expected {LEAST} core scenarios or more, Kafka among them; found {', '.join(scenarios)}")
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        out: Path = chosen.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        try:
            with kind_cluster(print, chosen.reuse_cluster) as running:
                if chosen.tests:
                    return _tests(running.name)
                return _controls(running.name, at_once(running, chosen.n), chosen.budget_scale, out, scenarios)
        except (UsageProblem, HarnessError, ConnectionError) as problem:
            print(f"make kind: {problem}")
            return 6


def _controls(cluster: str, workers: int, scale: float, out: Path, scenarios: Sequence[str]) -> int:
    began = time.monotonic()
    scales = {"reference": scale, "null": min(scale, NULL_SCALE)}
    # The null healer's trials wait for every deadline, so they take longer together.
    share = {"reference": max(1, workers // 2), "null": max(1, workers - workers // 2)}
    first = [start(healer, cluster, share[healer], scales[healer], out / healer) for healer in HEALERS]
    _wait(first)
    second = [run for one in first if (run := again(one, cluster, share[one.healer], scales[one.healer]))]
    _wait(second)
    lines: list[str] = []
    for healer in HEALERS:
        rows = {
            scenario: row for run in (*first, *second) if run.healer == healer for scenario, row in run.rows().items()
        }
        lines += wrong(healer, rows, scenarios).values()
    took = time.monotonic() - began
    print(f"{len(scenarios)} core scenarios, {' and '.join(HEALERS)}: {took:.0f} s, {len(lines)} unexpected")
    for line in lines:
        print(f"  {line}")
    if lines:
        for run in (*first, *second):
            print(f"--- {run.healer}, pytest exit status {run.process.returncode}")
            print("\n".join(run.log.read_text(errors="replace").splitlines()[-40:]))
    return int(bool(lines))


def _wait(runs: Sequence[Run]) -> None:
    try:
        for run in runs:
            run.process.wait()
    finally:
        for run in runs:
            if run.process.poll() is None:
                run.process.terminate()
                run.process.wait()


def _tests(cluster: str) -> int:
    """Those that need an engine."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/kind/real", "--kind-cluster", cluster]
    return int(subprocess.run(command, cwd=ROOT, check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
