"""The tests of a run's total, against exact fractions where those are short and else against a library."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.numbers.rates import binomial_drop, fisher_drop
from healgate.numbers.totals import Table, stratified_drop, total_below

TOO_HIGH = Fraction(1, 10**15)  # at most

sides = st.integers(0, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
tables = st.tuples(sides, sides).map(lambda both: (*both[0], *both[1]))


def exactly(strata: list[Table]) -> Fraction:
    """The definition: every way to share out each table's passes."""
    chances = {0: Fraction(1)}
    for k_before, n_before, k_now, n_now in strata:
        passed = k_before + k_now
        added: dict[int, Fraction] = {}
        for k in range(max(0, passed - n_before), min(n_now, passed) + 1):
            share = Fraction(comb(n_now, k) * comb(n_before, passed - k), comb(n_before + n_now, passed))
            for total, chance in chances.items():
                added[total + k] = added.get(total + k, Fraction(0)) + chance * share
        chances = added
    seen = sum(k_now for _, _, k_now, _ in strata)
    return sum((chance for total, chance in chances.items() if total <= seen), Fraction(0))


@given(st.lists(tables, max_size=4))
def test_the_drop_of_a_total_is_never_too_low_and_hardly_too_high(strata: list[Table]) -> None:
    p = stratified_drop(strata)
    assert 0 <= p - exactly(strata) < TOO_HIGH
    assert 0 < p <= 1
    assert 0 <= stratified_drop(strata[::-1]) - exactly(strata) < TOO_HIGH


@given(tables)
def test_of_one_scenario_it_is_fishers_test(table: Table) -> None:
    assert 0 <= stratified_drop([table]) - fisher_drop(*table) < TOO_HIGH


def test_what_lies_on_the_level_is_not_rounded_below_it() -> None:
    assert stratified_drop([(3, 3, 0, 3)]) >= Fraction(5, 100)
    assert total_below(0, 1, 0.95) >= Fraction(5, 100)


@given(st.lists(tables, min_size=1, max_size=4), st.data())
def test_one_more_pass_makes_no_drop_likelier_to_be_found(strata: list[Table], data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(range(len(strata))))
    k_before, n_before, k_now, n_now = strata[at]
    if k_now < n_now:
        better = [*strata[:at], (k_before, n_before, k_now + 1, n_now), *strata[at + 1 :]]
        assert stratified_drop(better) > stratified_drop(strata) - TOO_HIGH


def test_scenarios_that_are_unlike_are_not_pooled() -> None:
    """Half of all passed before and a fifth now, since the hard one has more trials now; neither got worse."""
    assert stratified_drop([(40, 40, 10, 10), (0, 40, 0, 40)]) == 1
    assert fisher_drop(40, 80, 10, 50) < Fraction(1, 1000)


@given(sides, st.integers(1, 100))
def test_a_total_below_a_rate_is_the_binomial_test(side: tuple[int, int], percent: int) -> None:
    k, n = side
    assert 0 <= total_below(k, n, percent / 100) - binomial_drop(k, n, percent / 100) < TOO_HIGH


def test_totals_as_scipy_has_them() -> None:
    stats = pytest.importorskip("scipy.stats")
    numpy = pytest.importorskip("numpy")
    for strata in (
        [(19, 20, 18, 20)] * 200,
        [(18, 20, 17, 20)] * 26,
        [(500, 1000, 490, 1000), (90, 100, 260, 300)] * 5,
    ):
        chances = numpy.ones(1)
        for k_before, n_before, k_now, n_now in strata:
            own = stats.hypergeom(n_before + n_now, k_before + k_now, n_now).pmf(range(n_now + 1))
            chances = numpy.convolve(chances, own)
        theirs = chances[: sum(k_now for _, _, k_now, _ in strata) + 1].sum()
        assert float(stratified_drop(strata)) == pytest.approx(theirs, rel=1e-6)
    for k, n, rate in [(390, 520, 0.95), (485, 520, 0.95), (246_700, 260_000, 0.95), (130_000, 260_000, 0.5)]:
        theirs = stats.binom.cdf(k, n, rate)
        assert float(total_below(k, n, rate)) == pytest.approx(theirs, rel=1e-6, abs=1e-15)


def test_many_long_scenarios_are_no_trouble() -> None:
    """As many trials as --trials takes, where their chances spread the most."""
    assert float(stratified_drop([(5000, 10_000, 5000, 10_000)] * 26)) == pytest.approx(0.502, abs=0.001)
    assert float(stratified_drop([(5000, 10_000, 4900, 10_000)] * 26)) == pytest.approx(2.8e-13, rel=0.1)
