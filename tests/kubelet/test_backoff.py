"""The crash-loop counter: its numbers, and its two ways of forgetting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.embedded.kubelet.backoff import Backoff, go_duration

KEY = "pod/main"


def restarts(run_seconds: float, crashes: int) -> list[float]:
    """How long a container that lasts this long waits after each of its crashes."""
    backoff = Backoff(10.0, 300.0, forget=600.0, housekeeping=2.0)
    now, waits = 1000.0, []
    for _ in range(crashes):
        finished = now + run_seconds
        now = finished
        while backoff.waits(KEY, finished, now):
            now += 1.0
        waits.append(now - finished)
        backoff.next(KEY, finished, now)
    return waits


def test_a_container_that_dies_at_once_waits_ever_longer_up_to_five_minutes():
    assert restarts(0.0, 9) == [0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_run_of_more_than_ten_minutes_starts_the_counter_anew():
    backoff = Backoff(10.0, 300.0, forget=600.0, housekeeping=2.0)
    for now in (0.0, 10.0, 30.0, 70.0):
        backoff.next(KEY, now, now)
    assert backoff.period(KEY) == 80.0
    assert not backoff.waits(KEY, 700.0, 700.0)
    backoff.next(KEY, 700.0, 700.0)
    assert backoff.period(KEY) == 10.0


def test_at_the_cap_a_run_of_some_minutes_shortens_the_wait_because_entries_age_from_the_last_restart():
    waits = restarts(400.0, 9)
    assert 200 <= max(waits) <= 203, "600 s since the last restart, not 300 s since the crash"
    after = waits.index(max(waits)) + 1
    assert waits[after] == 10, "and the counter began again"


def test_keys_do_not_share_a_counter():
    backoff = Backoff(10.0, 300.0, forget=600.0)
    backoff.next("one", 0.0, 0.0)
    assert backoff.waits("one", 1.0, 2.0)
    assert not backoff.waits("other", 1.0, 2.0)


def test_an_image_back_off_counts_from_the_last_failure():
    backoff = Backoff(10.0, 300.0, forget=600.0)
    backoff.next(KEY, 100.0, 100.0)
    assert backoff.waits_since_update(KEY, 109.9)
    assert not backoff.waits_since_update(KEY, 110.0)


@given(st.lists(st.floats(0.0, 290.0), min_size=1, max_size=12))
def test_the_period_never_leaves_its_bounds(runs: list[float]):
    backoff = Backoff(10.0, 300.0, forget=600.0, housekeeping=2.0)
    now = 0.0
    for seconds in runs:
        finished = now + seconds
        now = finished
        while backoff.waits(KEY, finished, now):
            now += 5.0
        backoff.next(KEY, finished, now)
        assert 10.0 <= backoff.period(KEY) <= 300.0
        assert now - finished <= 305.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (10, "10s"),
        (80, "1m20s"),
        (160, "2m40s"),
        (300, "5m0s"),
        (0.077, "77ms"),
        (1.234, "1.234s"),
        (1.5, "1.5s"),
        (0, "0s"),
        (3600, "1h0m0s"),
    ],
)
def test_durations_read_as_go_prints_them(seconds: float, text: str):
    assert go_duration(seconds) == text
