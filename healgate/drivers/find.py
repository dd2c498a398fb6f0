"""From what a person wrote after --healer to something that can be called.

A healer is imported as late as possible and its mistakes are the person's, not ours: a module that is not there, a
name that it lacks, something that cannot be called with two arguments are said plainly, without a traceback.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from ..problems import Problem, UsageProblem, suggest
from .ends import where_it_raised

HEALERS = "healgate.healers"


@dataclass(frozen=True)
class HealerSpec:
    """A healer that can be started."""

    name: str
    version: str
    call: Callable[[Any, Any], None]

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}".strip()


def built_in_healers() -> dict[str, Callable[[Any, Any], None]]:
    """The reference healer and the controls, by the names that --healer takes."""
    healers: dict[str, Callable[[Any, Any], None]] = importlib.import_module(HEALERS).HEALERS
    return healers


def find_healer(text: str) -> HealerSpec:
    """`reference`, `null`, a vandal's name, or `package.module:name`."""
    module_name, colon, attribute = text.partition(":")
    if not colon:
        return _built_in(text)
    if not module_name or not attribute:
        raise _problem(text, "expected package.module:name")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a script may be no module: it runs, and exits
        raise _problem(text, _unimported(module_name, attribute, error)) from None
    call = getattr(module, attribute, None)
    if call is None:
        offered = ", ".join(n for n, v in vars(module).items() if callable(v) and not n.startswith("_")) or "nothing"
        raise _problem(text, f"{module_name} has no {attribute!r}; it offers {offered}")
    if not callable(call):
        raise _problem(text, f"expected a function taking (api_client, report); {attribute} is {call!r:.60}")
    if inspect.iscoroutinefunction(call) or inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        what = "a generator" if inspect.isgeneratorfunction(call) else "async"
        raise _problem(text, f"{attribute} is {what}, so nobody would run it: give an ordinary function")
    try:
        inspect.signature(call).bind(None, None)
    except TypeError:
        raise _problem(text, f"{attribute} must take two arguments: (api_client, report)") from None
    except ValueError:
        pass  # a callable without a signature: it will be called
    return HealerSpec(text, _version(module_name), call)


def _unimported(module_name: str, attribute: str, error: BaseException) -> str:
    dotted = module_name.removesuffix(".py").strip("./").replace("/", ".")
    if isinstance(error, ImportError | TypeError) and dotted != module_name:
        return f"expected a module, not its file: {dotted}:{attribute}"
    said = f"{module_name} does not import: {where_it_raised(error)}"
    if isinstance(error, SyntaxError) and not error.filename:  # bytes that are no text: Python does not say where
        found = util.find_spec(module_name)
        said += f", in {found.origin}" if found is not None else ""
    return said


def _built_in(text: str) -> HealerSpec:
    healers = built_in_healers()
    if text not in healers:
        raise _problem(text, f"{suggest(text, healers)}, or package.module:name")
    return HealerSpec(text, "", healers[text])


def _version(module_name: str) -> str:
    """Of the distribution that the module comes from; what is still being written has a digest for a version.

    Two halves of a run must be of one healer, and its author changes it between them.
    """
    package = module_name.partition(".")[0]
    for name in metadata.packages_distributions().get(package, ()):
        distribution = metadata.distribution(name)
        if '"editable": true' not in (distribution.read_text("direct_url.json") or ""):
            return distribution.version
        return f"{distribution.version}+{_digest(package)}"
    return _digest(package)


def _digest(package: str) -> str:
    """Of the package's sources."""
    module = sys.modules[package]
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    files = sorted(path for folder in folders for path in folder.rglob("*.py")) or [Path(module.__file__ or "")]
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def _problem(text: str, message: str) -> UsageProblem:
    return UsageProblem(Problem(f"healer {text}: {message}"))
