"""`make fidelity`: every recording of a folder played on an embedded cluster, as a table.

`python -m tests.fidelity [FOLDER | FILE ...]`; without any, the recordings of this project. Exit status 1 if one
differs that is not known to, 2 if there is nothing to play.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from .compare import compare
from .known import KNOWN
from .reading import Malformed, read

TRACES = Path(__file__).parent / "traces"


def verdict(path: Path) -> tuple[str, str]:
    """ "same", "DIFFERENT" or "MALFORMED", and the first difference or what is wrong with the file."""
    try:
        found = compare(read(path))
    except Malformed as problem:
        return "MALFORMED", str(problem)
    except Exception as problem:
        where = traceback.extract_tb(problem.__traceback__)[-1]
        return "DIFFERENT", f"a mistake of this program: {problem!r} in {Path(where.filename).name}:{where.lineno}"
    if not found:
        return "same", ""
    known = f"known: {KNOWN[path.stem]}\n" if path.stem in KNOWN else ""
    more = f"\n(and {len(found) - 1} more)" if len(found) > 1 else ""
    return "DIFFERENT", f"{known}{str(found[0]).lstrip()}{more}"


def _paths(given: list[str]) -> Iterator[Path]:
    for one in map(Path, given):
        yield from sorted(one.glob("*.json")) if one.is_dir() else [one]


def main(given: list[str]) -> int:
    paths = list(_paths(given or [str(TRACES)]))
    if not paths:
        print(f"expected recordings (*.json) in {', '.join(given)}; there are none")
        return 2
    width = max(len(path.stem) for path in paths)
    same, failed = 0, 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for path, (word, why) in zip(paths, pool.map(verdict, paths), strict=True):
            same += word == "same"
            failed += word != "same" and path.stem not in KNOWN
            told = why.replace("\n", f"\n{'':{width}}  ")
            print(f"{path.stem:{width}}  {word}  {told}".rstrip(), flush=True)
    print(f"{same} of {len(paths)} recordings are reproduced")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
