"""Whether the embedded cluster and kind give the same verdicts for the same reasons: `make agree`.

The reference healer, the null healer and six vandals that fail for different reasons, on every core scenario, with the
same seed. At most two in a hundred may differ, each with its reason in `known-differences.yaml`; any other difference
is a mistake in the embedded cluster, to be mended with a recording of the real one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from healgate.problems import HarnessError, UsageProblem

from .matrix import Got, Job, at_once, core, kind_cluster, longest_first, run_all

HEALERS = (
    "reference",
    "null",
    "deletes-pods",
    "always-oom",
    "heals-and-reverts",
    "touches-bystander",
    "notices-late",
    "repairs-late",
)
# Vandals wait for the end of a budget that nobody keeps: three quarters of it show the same. Who is to be late to see
# needs a budget beside which it counts for little how long a busy node takes to show something.
SCALES = {"reference": 1.0, "null": 1.0, "notices-late": 2.0}
VANDALS_SCALE = 0.75
MOST = 0.02
KNOWN = Path(__file__).parent / "known-differences.yaml"

Verdicts = dict[tuple[str, str], Got]


def jobs(healers: list[str], scenarios: list[str]) -> list[Job]:
    return longest_first(
        [Job(healer, one, scale=SCALES.get(healer, VANDALS_SCALE)) for healer in healers for one in scenarios]
    )


def known_reason(healer: str, scenario: str, known: list[dict[str, str]]) -> str:
    """Why the two may differ there; "" if nobody says so."""
    return next(
        (one["why"] for one in known if fnmatchcase(healer, one["healer"]) and fnmatchcase(scenario, one["scenario"])),
        "",
    )


def table(embedded: Verdicts, kind: Verdicts, known: list[dict[str, str]]) -> tuple[list[str], int, int]:
    """A line for each pair; how many differ, and for how many of those nobody has given a reason."""
    lines, differ, unknown = [], 0, 0
    width = max(len(scenario) for _, scenario in kind)
    for healer, scenario in sorted(kind, key=lambda pair: (HEALERS.index(pair[0]), pair[1])):
        here, there = embedded[healer, scenario], kind[healer, scenario]
        line = f"{healer:17} {scenario:{width}}  {here.what:18} {there.what:18}"
        if here.what != there.what:
            why = known_reason(healer, scenario, known)
            differ, unknown = differ + 1, unknown + (not why)
            line += f" DIFFERS: {why or there.message or here.message}"
        lines.append(line.rstrip())
    return lines, differ, unknown


def judged(todo: Sequence[Job], run: Callable[[Sequence[Job]], dict[Job, Got]]) -> dict[Job, Got]:
    """A trial that was INVALID showed nothing, and is run once more."""
    found = run(todo)
    again = [job for job, got in found.items() if got.verdict == "INVALID"]
    for job in again:
        print(f"again: {job} was INVALID: {found[job].message}", file=sys.stderr, flush=True)
    return {**found, **run(longest_first(again))} if again else found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--healers", nargs="+", choices=HEALERS, default=list(HEALERS), metavar="HEALER")
    parser.add_argument("--scenarios", nargs="+", default=core(), metavar="NAME")
    parser.add_argument("-n", type=int, default=0, help="trials at once on kind (default: as many as it bears)")
    parser.add_argument("--reuse-cluster", metavar="NAME", help="on this kind cluster, which is left standing")
    parser.add_argument("--out", type=Path, default=Path("healgate-agree.json"), help="both verdicts, as data")
    chosen = parser.parse_args(argv)
    known: list[dict[str, str]] = yaml.safe_load(KNOWN.read_text()) or []
    todo = jobs(chosen.healers, chosen.scenarios)

    def told(where: str) -> Any:
        return lambda job, got: print(f"{where}: {job}: {got.what} ({got.wall:.0f}s)", file=sys.stderr, flush=True)

    try:
        with kind_cluster(lambda text: print(text, file=sys.stderr), chosen.reuse_cluster) as running:
            workers = at_once(running, chosen.n)
            kind = judged(todo, lambda jobs: run_all(jobs, running.as_dict(), workers, told("kind")))
    except (UsageProblem, HarnessError, ConnectionError) as problem:
        print(f"make agree: {problem}", file=sys.stderr)
        return 6
    embedded = run_all(todo, None, 2)
    here = {(job.healer, job.scenario): got for job, got in embedded.items()}
    there = {(job.healer, job.scenario): got for job, got in kind.items()}
    lines, differ, unknown = table(here, there, known)
    print(f"{'healer':17} {'scenario':{max(map(len, chosen.scenarios))}}  {'embedded':18} kind")
    print("\n".join(lines))
    share = differ / len(lines)
    print(f"{differ} of {len(lines)} differ ({share:.1%}; at most {MOST:.0%}), {unknown} of them without a reason")
    rows = [
        {"healer": h, "scenario": s, "embedded": here[h, s].what, "kind": there[h, s].what,
         "message": there[h, s].message, "wall": round(there[h, s].wall, 1)}
        for h, s in sorted(there)
    ]  # fmt: skip
    chosen.out.write_text(json.dumps(rows, indent=1))
    return 1 if share > MOST or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
