"""Memory is a sum of lines, and the limit is crossed at a moment that can be worked out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.embedded.runtime.memory import Memory

from .bench import MI, Bench

LEAKING = "registry.shop.example/shop/backend:2.5.0"


def test_the_moment_of_a_crossing() -> None:
    memory = Memory()
    memory.use("program", 40, now=0)
    memory.use("data", 100, now=0, over=10)
    assert memory.at(5) == 90
    assert memory.crossing(90, now=0) == pytest.approx(5)
    assert memory.crossing(140, now=0) is None
    memory.leak(2, now=10)
    assert memory.crossing(150, now=10) == pytest.approx(15)
    memory.drop("data")
    assert memory.crossing(150, now=10) == pytest.approx(65)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 200), st.floats(0, 50)), min_size=1, max_size=5),
    rate=st.floats(0, 5),
    limit=st.integers(1, 600),
)
def test_a_crossing_is_where_usage_passes_the_limit(sizes: list[tuple[int, float]], rate: float, limit: int) -> None:
    memory = Memory()
    for number, (size, over) in enumerate(sizes):
        memory.use(str(number), size, now=0, over=over)
    if rate > 0.01:
        memory.leak(rate, now=0)
    when = memory.crossing(limit, now=0)
    if when is None:
        assert memory.at(100) <= limit or rate <= 0.01
        assert all(memory.at(moment) <= limit + 1e-6 for moment in range(100))
    else:
        assert memory.at(when + 1e-3) >= limit - 1e-3
        assert when == 0 or memory.at(when - 1e-3) <= limit + 1e-3


@pytest.mark.parametrize(("limit", "seconds"), [(256, 100), (512, 442)])
def test_a_leak_lives_longer_with_more_memory(bench: Bench, limit: int, seconds: float) -> None:
    """40 Mi + 96 Mi + 2 × 16 Mi, then a Mi and a half a second from the beginning."""
    container = bench.start(
        LEAKING,
        env={
            "DATABASE_ADDRESS": "database:5432",
            "DATABASE_USER": "shop",
            "DATABASE_PASSWORD": "x",
            "CACHE_SIZE_MB": "96",
            "WORKERS": "2",
        },
        files={
            "/etc/shop/catalog/catalog.yaml": "currency: EUR\nregions: eu\npage_size: 40\n",
            "/etc/shop/keys/api.key": "k",
        },
        limit=limit * MI,
        ip="10.244.0.8",
        pod="leak",
    )
    database = bench.start(
        "registry.shop.example/base/postgres:16.3",
        env={"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": "x"},
        ip="10.244.0.7",
        pod="database",
    )
    bench.service("database", 5432, 5432, "10.244.0.7")
    bench.after(600)
    assert database.exit is None
    assert container.exit is not None
    assert (container.exit.code, container.exit.reason) == (137, "OOMKilled")
    expected = (limit - 168 - 600 / 1024) / 1.5
    assert bench.ended["leak"] == pytest.approx(expected, abs=0.1)
    assert abs(expected - seconds) < 250


def test_a_limit_that_is_lowered_or_raised_while_it_runs(bench: Bench) -> None:
    container = bench.sh("exec tail /dev/zero", limit=400 * MI)
    bench.after(2)
    assert 190 * MI < container.memory < 210 * MI
    container.set_memory_limit(800 * MI)
    bench.after(4)
    assert container.exit is None
    container.set_memory_limit(100 * MI)
    bench.after(0)
    assert container.exit is not None
    assert container.exit.reason == "OOMKilled"
    assert container.memory == 0


def test_too_little_for_the_runtime_itself(bench: Bench) -> None:
    container = bench.sh("sleep 10", limit=2 * MI)
    assert container.exit is not None
    assert (container.exit.code, container.exit.reason) == (128, "StartError")
    assert container.exit.message.endswith("container init was OOM-killed (memory limit too low?)")
