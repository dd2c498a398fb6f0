"""Every recording of a real cluster, played on an embedded one, comes out the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from .compare import compare
from .known import KNOWN
from .reading import read

TRACES = Path(__file__).parent / "traces"


@pytest.mark.parametrize("path", sorted(TRACES.glob("*.json")), ids=lambda path: path.stem)
def test_the_embedded_cluster_behaves_as_recorded(path: Path) -> None:
    found = compare(read(path))
    if path.stem in KNOWN:
        assert found, f"{path.stem} is reproduced: it need not be known any more"
        print(f"DIFFERENT: {KNOWN[path.stem]}\n{found[0]}")
        return
    assert not found, f"{len(found)} differences, the first:\n{found[0]}"
