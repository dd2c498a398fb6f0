"""The command line beside pytest: a cluster to play with, checking scenario files, merging and reporting.

Imports happen inside the commands, so that `healgate --help` answers at once. The trap is a traceback: a person's
mistake is told in a sentence, with exit status 4 (2 for what `lint` finds).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .problems import Problem, UsageProblem
from .words import ExitStatus


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ExitStatus.USAGE, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    parser = _parser()
    chosen = parser.parse_args(argv)
    if chosen.version:
        from .reports.about import version

        print(f"healgate {version()}")
        return ExitStatus.PASSED
    if chosen.command is None:
        parser.print_help()
        return ExitStatus.PASSED
    try:
        status: int = _COMMANDS[chosen.command](chosen)
        return status
    except UsageProblem as problem:
        print(f"healgate {chosen.command}: {problem}", file=sys.stderr)
        return ExitStatus.USAGE
    except OSError as problem:
        print(f"healgate {chosen.command}: {problem}", file=sys.stderr)
        return ExitStatus.USAGE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="healgate",
        description="A release gate for Kubernetes healers. Trials are run with pytest; these commands are beside it.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    up = commands.add_parser("up", help="start an embedded cluster to play with", description=(
        "Start an embedded cluster behind HTTP on this machine, write a kubeconfig and say what to try. "
        "Ctrl-C ends it."
    ))  # fmt: skip
    up.add_argument("--port", type=_port, default=0, help="the port (default: a free one)")
    up.add_argument("--kubeconfig", type=Path, default=Path("healgate.kubeconfig"), metavar="FILE",
                    help="where to write the kubeconfig (default healgate.kubeconfig)")  # fmt: skip
    up.add_argument("--warp", type=_warp, default=1.0, metavar="X", help="run X times as fast as real time")

    lint = commands.add_parser("lint", help="check scenario files", description=(
        "Check scenario files: every mistake with file, line and column. Exit status 2 if there is one."
    ))  # fmt: skip
    lint.add_argument("paths", nargs="*", type=Path, metavar="PATH",
                      help="files or folders (default: the shipped scenarios and ./scenarios)")  # fmt: skip
    lint.add_argument("--schema", action="store_true", help="print the JSON Schema of a scenario file, for editors")

    gate = commands.add_parser("gate", help="judge a release from output folders", description=(
        "Put the output folders of one run together, print the pass rates, and gate: exit status 0 passed, 1 "
        "regressed, 6 cannot judge, or a baseline was asked for and not written. For a run that machines share; on one "
        "machine pytest has the same options."
    ))  # fmt: skip
    gate.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="what `pytest --out` wrote")
    gate.add_argument("--min-pass-rate", type=_share, default=None, metavar="SHARE",
                      help="no pass rate, a scenario's or that of all, may be significantly below this")  # fmt: skip
    gate.add_argument("--baseline", type=Path, default=None, metavar="FILE", help="compare with this baseline file")
    gate.add_argument("--save-baseline", type=Path, default=None, metavar="FILE",
                      help="write the results as a baseline file, unless the gate does not pass")  # fmt: skip

    report = commands.add_parser("report", help="merge output folders and build the Allure report", description=(
        "Merge the output folders of several machines, print the pass rates and build the Allure 3 report. Folders "
        "that hold the same trials are taken as an earlier and a later run, and the report shows the trend. "
        "Needs Node.js; the first time also the npm registry."
    ))  # fmt: skip
    report.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="what `pytest --out` wrote")
    report.add_argument(
        "--out", type=Path, default=Path("healgate-report"), help="the report (default healgate-report)"
    )
    report.add_argument("--history", type=Path, default=None, metavar="FILE",
                        help="earlier points of the trend; this report's are added to it")  # fmt: skip

    record = commands.add_parser("record", help="record what a cluster does, to be replayed", description=(
        "Record a trial of a scenario, or manifests with commands at times, on any cluster: what was applied, every "
        "change that the cluster showed, and what commands answered, in a file that the embedded cluster can be held "
        "against."
    ))  # fmt: skip
    what = record.add_mutually_exclusive_group(required=True)
    what.add_argument("--scenario", metavar="NAME", help="a scenario, like oom/limit-too-low")
    what.add_argument("--objects", type=Path, nargs="+", metavar="PATH", help="manifests: files or folders")
    record.add_argument("--commands", type=Path, metavar="FILE",
                        help="--objects: a list of {at: 30s, kubectl: scale deployment/app --replicas=0}")  # fmt: skip
    record.add_argument("--for", type=_duration, default="2m", dest="duration", metavar="TIME",
                        help="with --objects: how long to watch (default 2m)")  # fmt: skip
    record.add_argument("--name", metavar="NAME", help="with --objects: the name of the recording")
    record.add_argument("--trial", type=int, default=1, metavar="N", help="with --scenario: which trial (default 1)")
    record.add_argument("--seed", default="0", metavar="TEXT", help="with --scenario: decides its parameters")
    record.add_argument("--healer", default="reference", metavar="HEALER",
                        help="with --scenario: who heals (default reference; null: nobody)")  # fmt: skip
    record.add_argument("--cluster", default="embedded", metavar="NAME",
                        help="embedded (default), kind or existing")  # fmt: skip
    record.add_argument("--kind-image", metavar="IMAGE", help="kind: the node image")
    record.add_argument("--reuse-cluster", metavar="NAME", help="kind: record on this cluster, and leave it standing")
    record.add_argument("--timing", choices=("fast", "stock"), default="stock",
                        help="kind: how long a crashed container waits (default stock: up to 5m)")  # fmt: skip
    record.add_argument("--context", metavar="NAME", help="existing: the context of the kubeconfig")
    record.add_argument("--out", type=Path, default=Path(), metavar="DIR",
                        help="the folder for NAME.json (default: the current one)")  # fmt: skip

    mark = commands.add_parser("mark-disposable", help="allow trials on a cluster of your own", description=(
        "Mark the cluster of a context as disposable, so that `pytest --cluster existing --context NAME` runs trials "
        "on it. Sets one annotation on its namespace kube-system."
    ))  # fmt: skip
    mark.add_argument("--context", required=True, metavar="NAME", help="the context of your kubeconfig")
    mark.add_argument("--yes", action="store_true", help="do not ask for the name to be typed")
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"expected a port from 0 (a free one) to 65535; found {text!r}")
    return int(text)


def _warp(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= 10_000:
        raise argparse.ArgumentTypeError(f"expected a factor above 0, like 20; found {text!r}")
    return factor


def _duration(text: str) -> float:
    from .durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _up(chosen: argparse.Namespace) -> int:
    from .embedded.door.http import PortTaken
    from .embedded.door.kubeconfig import NotOurs
    from .embedded.door.up import up

    try:
        up(warp=chosen.warp, port=chosen.port, kubeconfig=chosen.kubeconfig)
    except (PortTaken, NotOurs) as problem:
        raise UsageProblem(str(problem)) from None
    return ExitStatus.PASSED


def _lint(chosen: argparse.Namespace) -> int:
    import json

    from .scenario.catalogue import default_roots
    from .scenario.lint import check

    if chosen.schema:
        from .scenario.schema import json_schema

        print(json.dumps(json_schema(), indent=2))
        return ExitStatus.PASSED
    files = _scenario_files(chosen.paths or default_roots())
    problems = [problem for file in files for problem in check(file)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"{_many(len(problems), 'mistake')} in {_many(len(files), 'file')}", file=sys.stderr)
        return ExitStatus.LINT
    print(f"{_many(len(files), 'scenario file')} {'is' if len(files) == 1 else 'are'} right")
    return ExitStatus.PASSED


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _scenario_files(paths: Sequence[Path]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise UsageProblem(f"{path}: there is no such file or folder")
        found = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise UsageProblem(Problem(f"{path}: expected scenario files (*.yaml) in it; there are none"))
        files.update(dict.fromkeys(found))
    return list(files)


def _share(text: str) -> float:
    from .plugin.options import share

    try:
        return share(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _gate(chosen: argparse.Namespace) -> int:
    import shutil

    from .reports.gating import gate_folders
    from .reports.table import table

    asked = {"baseline": chosen.baseline, "min_pass_rate": chosen.min_pass_rate, "save_baseline": chosen.save_baseline}
    if all(value is None for value in asked.values()):
        raise UsageProblem("expected --baseline FILE or --min-pass-rate SHARE to gate by, or --save-baseline FILE")
    gated = gate_folders(chosen.folders, **asked)
    print(f"{gated.run.name}: {gated.run.key.healer}")
    print(table(gated.summary, shutil.get_terminal_size((120, 24)).columns))
    print()
    for line in (*(gated.decision.lines if gated.decision else ()), gated.saved.said):
        if line:
            print(line)
    return gated.status


def _report(chosen: argparse.Namespace) -> int:
    import shutil

    from .reports.merge import build_report, read_runs
    from .reports.table import table

    runs = read_runs(chosen.folders)
    summaries = [run.summary() for run in runs]
    width = shutil.get_terminal_size((120, 24)).columns
    for run, summary in zip(runs, summaries, strict=True):
        print(f"\n{run.name}: {run.key.healer}")
        print(table(summary, width))
    if len(runs) > 1:
        print(f"\n{len(runs)} runs of the same trials or with different settings; the last one is the present one.")
    opens = build_report(runs, summaries, chosen.out, chosen.history)
    if opens:
        print(f"\nopen {chosen.out / 'index.html'} in a browser")
    else:
        print(f"\nrun `{sys.executable} -m http.server -d {chosen.out}` and open http://localhost:8000")
    return ExitStatus.PASSED


def _record(chosen: argparse.Namespace) -> int:
    from .recorder.command import record

    return record(chosen, print)


def _mark_disposable(chosen: argparse.Namespace) -> int:
    from .clusters.existing import mark_disposable

    def confirm(cluster: str) -> bool:
        if chosen.yes:
            return True
        print(f"Trials will break workloads on {cluster}: nothing of value may run there.")
        try:
            typed = input(f"Type the context's name ({chosen.context}) to mark it: ")
        except EOFError:
            print()
            return False
        return str(typed).strip() == str(chosen.context)

    print(mark_disposable(chosen.context, confirm))
    return ExitStatus.PASSED


_COMMANDS = {
    "up": _up,
    "lint": _lint,
    "gate": _gate,
    "report": _report,
    "record": _record,
    "mark-disposable": _mark_disposable,
}


if __name__ == "__main__":
    sys.exit(main())
