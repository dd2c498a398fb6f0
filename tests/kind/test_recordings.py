"""Trials that were recorded on a real kind cluster happen alike on the embedded one.

They are of the scenarios themselves, with the reference healer at work: what was broken, what the cluster made of it,
what was repaired. The machine was busy when they were taken, so what happened is compared and not when.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from healgate.embedded.cluster import EmbeddedCluster
from healgate.scenario.catalogue import Catalogue

from ..fidelity import play as player
from .coarse import happened

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.json"))


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workloads' images are the shipped ones."""
    monkeypatch.setattr(player, "cluster_for", lambda _recording, seed: EmbeddedCluster(seed))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_the_same_happens(path: Path) -> None:
    recording: dict[str, Any] = json.loads(path.read_text("utf-8"))
    expected = happened(recording)
    seen = [happened(player.play(recording, seed=str(draw))) for draw in range(2)]
    assert expected in seen, f"expected {expected}\nseen {seen[0]}"


def test_there_are_many_of_different_scenarios() -> None:
    recorded = {json.loads(path.read_text("utf-8"))["scenario"] for path in RECORDINGS}
    assert recorded <= set(Catalogue.load().scenarios)
    assert len(recorded) >= 15


@pytest.mark.parametrize(
    ("recording", "before", "after"),
    [
        ("oom-limit-too-low", '"reason":"OOMKilled"', '"reason":"Evicted"'),
        ("oom-limit-too-low", '"exitCode":137', '"exitCode":2'),
        ("missing-secret-volume-secret-deleted", '"reason":"FailedMount"', '"reason":"FailedCreate"'),
        ("bad-image-tag-does-not-exist", '"reason":"ErrImagePull"', '"reason":"InvalidImageName"'),
    ],
)
def test_another_end_is_another_story(recording: str, before: str, after: str) -> None:
    text = (Path(__file__).parent / "recordings" / f"{recording}.json").read_text("utf-8")
    assert happened(json.loads(text.replace(before, after))) != happened(json.loads(text))
