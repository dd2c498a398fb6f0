"""Every recording of a real cluster, played on an embedded one, comes out the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .compare import compare

TRACES = Path(__file__).parent / "traces"


@pytest.mark.parametrize("path", sorted(TRACES.glob("*.json")), ids=lambda path: path.stem)
def test_the_embedded_cluster_behaves_as_recorded(path: Path) -> None:
    found = compare(json.loads(path.read_text("utf-8")))
    assert not found, f"{len(found)} differences, the first:\n{found[0]}"
