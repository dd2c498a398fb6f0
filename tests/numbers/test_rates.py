"""The statistics against their own laws, and against a library where there is one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.numbers.rates import binomial_drop, fisher_drop, holm, percentile, wilson

counts = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
shares = st.fractions(0, 1)


@given(counts)
def test_an_interval_holds_its_rate(count: tuple[int, int]) -> None:
    k, n = count
    low, high = wilson(k, n)
    assert 0 <= low <= high <= 1
    assert n == 0 or low <= k / n <= high
    assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low))


def test_an_interval_of_twenty_of_twenty() -> None:
    assert wilson(20, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


@given(before=counts, now=counts)
def test_a_drop_and_its_contrary_share_only_the_present_case(before: tuple[int, int], now: tuple[int, int]) -> None:
    (k1, n1), (k2, n2) = before, now
    p = fisher_drop(k1, n1, k2, n2)
    assert 0 < p <= 1
    assert p + fisher_drop(n1 - k1, n1, n2 - k2, n2) >= 1
    if k2:
        assert fisher_drop(k1, n1, k2 - 1, n2) <= p


def test_three_of_three_to_none_lies_exactly_on_the_level() -> None:
    assert fisher_drop(3, 3, 0, 3) == Fraction(5, 100)


@given(st.lists(shares, max_size=8))
def test_holm_never_makes_anything_likelier_to_be_found(ps: list[Fraction]) -> None:
    adjusted = holm(ps)
    assert all(p <= q <= 1 for p, q in zip(ps, adjusted, strict=True))
    assert all(q <= max(ps) * len(ps) for q in adjusted)
    order = sorted(range(len(ps)), key=ps.__getitem__)
    assert [adjusted[index] for index in order] == sorted(adjusted)
    assert holm(ps[::-1]) == adjusted[::-1]


def test_holm_by_hand() -> None:
    ps = [Fraction(1, 100), Fraction(4, 100), Fraction(3, 100), Fraction(5, 1000)]
    assert holm(ps) == [Fraction(3, 100), Fraction(6, 100), Fraction(6, 100), Fraction(2, 100)]


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=30), st.floats(0, 1))
def test_a_percentile_lies_between_the_ends(values: list[float], share: float) -> None:
    assert min(values) <= percentile(values, share) <= max(values)
    assert percentile(values, 0) == min(values)
    assert percentile(values, 1) == max(values)


def test_percentiles_by_hand() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert percentile([7.0], 0.95) == 7.0
    assert percentile(list(range(1, 22)), 0.95) == 20


def test_all_of_it_as_scipy_has_it() -> None:
    stats = pytest.importorskip("scipy.stats")
    numpy = pytest.importorskip("numpy")
    for n in (1, 2, 3, 7, 20, 50):
        for k in range(n + 1):
            theirs = stats.binomtest(k, n).proportion_ci(0.95, "wilson")
            assert wilson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    for k1, n1, n2 in [(3, 3, 3), (20, 20, 20), (14, 15, 15), (1, 20, 40), (0, 5, 5), (9, 12, 3)]:
        for k2 in range(n2 + 1):
            # "less": the odds of passing now, against before
            theirs = stats.fisher_exact([[k2, n2 - k2], [k1, n1 - k1]], alternative="less").pvalue
            assert float(fisher_drop(k1, n1, k2, n2)) == pytest.approx(theirs, rel=1e-9)
    for rate in (0.0, 0.5, 0.95, 1.0):
        for k in range(21):
            theirs = stats.binomtest(k, 20, rate, alternative="less").pvalue
            assert float(binomial_drop(k, 20, rate)) == pytest.approx(theirs, rel=1e-9)
    values = [3.2, 41.7, 1.0, 8.8, 8.8, 120.5]
    for share in (0.0, 0.05, 0.5, 0.9, 0.95, 1.0):
        assert percentile(values, share) == pytest.approx(float(numpy.percentile(values, share * 100)))
