"""What came out of the store is nobody's to edit: watchers, evidence and clients hold the very same objects.

And a write that says that it is of the status alone is.
"""

from __future__ import annotations

import json

import pytest

from healgate.clusters import open_cluster
from healgate.drivers import find_healer
from healgate.embedded.store import Change, Obj
from healgate.embedded.store.store import Store
from healgate.scenario.catalogue import Catalogue
from healgate.trial import run_trial

SHIPPED = Catalogue.load().scenarios


@pytest.mark.parametrize("scenario", sorted(SHIPPED))
def test_no_stored_object_changes_during_a_trial(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    committed: list[tuple[dict[str, object], str]] = []
    beyond: list[Change] = []
    commit = Store._commit

    def noted(self: Store, change: Change) -> None:
        committed.append((change.object, json.dumps(change.object)))
        if change.status_only and _rest(change.before) != _rest(change.object):
            beyond.append(change)
        commit(self, change)

    monkeypatch.setattr(Store, "_commit", noted)
    run_trial(SHIPPED[scenario], 1, seed="frozen", cluster=open_cluster("embedded"), healer=find_healer("reference"))
    edited = [text for obj, text in committed if json.dumps(obj) != text]
    assert len(committed) > 100
    assert edited == []
    assert beyond == []


def _rest(obj: Obj | None) -> Obj:
    """All but what a write of a status changes."""
    assert obj is not None
    meta = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    return {**obj, "metadata": meta, "status": None}
