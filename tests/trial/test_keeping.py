"""--keep on the embedded cluster: the last failed trial's cluster can be looked into."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from healgate.clusters.embedded import Embedded
from healgate.drivers import find_healer
from healgate.embedded.door import up
from healgate.scenario.catalogue import Catalogue
from healgate.trial import run_trial

SCENARIO = "bad-image/tag-does-not-exist"


def run(healer: str, cluster: Embedded, keep: bool) -> str:
    scenario = Catalogue.load().scenarios[SCENARIO]
    spec = find_healer(healer)
    return run_trial(scenario, 1, seed="keep", cluster=cluster, healer=spec, keep=keep).record.verdict


@pytest.mark.parametrize(
    ("healer", "keep", "stands"),
    [("claims-only", True, True), ("claims-only", False, False), ("reference", True, False)],
)
def test_only_a_failed_trial_is_kept_and_only_if_asked(healer: str, keep: bool, stands: bool) -> None:
    cluster = Embedded()
    run(healer, cluster, keep)
    assert (cluster.standing is not None) == stands


def test_what_was_kept_is_served_with_its_namespace_named(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[str] = []
    monkeypatch.setattr(up, "serve", lambda _cluster, welcome, **_: served.append(welcome))
    cluster = Embedded()
    run("claims-only", cluster, keep=True)
    assert cluster.standing is not None
    namespace = cluster.standing.namespace
    cluster.look_into(print)
    cluster.look_into(print)
    (welcome,) = served
    assert f"kubectl -n {namespace} get all,events" in welcome


@pytest.fixture
def collecting() -> Iterator[None]:
    usual = gc.get_threshold()
    yield
    gc.set_threshold(*usual)


@pytest.mark.usefixtures("collecting")
def test_no_trial_has_its_garbage_collected_while_it_is_in_use() -> None:
    gc.set_threshold(700, 10, 10)
    passes: list[str] = []
    watch = lambda phase, _: passes.append(phase)  # noqa: E731
    run("claims-only", Embedded(), keep=False)
    gc.collect()
    gc.callbacks.append(watch)
    try:
        run("claims-only", Embedded(), keep=False)
    finally:
        gc.callbacks.remove(watch)
    assert not passes


@pytest.mark.usefixtures("collecting")
@pytest.mark.parametrize("chosen", [(0, 0, 0), (10_000_000, 3, 3)])
def test_who_collects_less_often_still_keeps_his_choice(chosen: tuple[int, int, int]) -> None:
    gc.set_threshold(*chosen)
    Embedded().lease("gc").close()
    assert gc.get_threshold() == chosen
