"""Intervals for shares judged by people."""

import numpy as np
import pytest
from scipy import stats

from pipeline.accounting.estimation import (
    Stratum,
    clopper_pearson_high,
    clopper_pearson_low,
    stratified_bounds,
    stratified_share,
)


@pytest.mark.parametrize(("found", "of"), [(0, 10), (1, 10), (5, 10), (10, 10), (160, 4000), (0, 59), (3, 4000)])
def test_the_exact_interval_is_that_of_the_textbook(found: int, of: int) -> None:
    interval = stats.binomtest(found, of, alternative="greater").proportion_ci(0.95, "exact")
    assert clopper_pearson_low(found, of) == pytest.approx(interval.low, abs=1e-9)
    interval = stats.binomtest(found, of, alternative="less").proportion_ci(0.95, "exact")
    assert clopper_pearson_high(found, of) == pytest.approx(interval.high, abs=1e-9)


def test_fifty_nine_without_a_violation_are_the_fewest_that_show_less_than_5_percent() -> None:
    assert clopper_pearson_high(0, 59) < 0.05 < clopper_pearson_high(0, 58)


def test_nothing_judged_says_nothing() -> None:
    assert (clopper_pearson_low(0, 0), clopper_pearson_high(0, 0)) == (0, 1)


def test_the_estimate_weighs_the_strata() -> None:
    strata = [Stratum(100, 50, 40), Stratum(900, 90, 9)]
    assert stratified_share(strata) == pytest.approx(0.1 * 0.8 + 0.9 * 0.1)


def test_a_stratum_judged_in_full_is_known() -> None:
    assert stratified_bounds([Stratum(40, 40, 10)]) == pytest.approx((0.25, 0.25))
    assert stratified_bounds([Stratum(40, 40, 10), Stratum(0, 0, 0)]) == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("rate", [(0.9, 0.001), (0.6, 0.02), (0.99, 0.06)])
def test_the_bounds_hold_as_often_as_they_promise(rate: tuple[float, float]) -> None:
    random = np.random.default_rng(5)
    sizes, judged = (300, 9_700), (75, 225)
    truth = (sizes[0] * rate[0] + sizes[1] * rate[1]) / sum(sizes)
    strata = [Stratum(s, n, random.binomial(n, p, 4_000)) for s, n, p in zip(sizes, judged, rate, strict=True)]
    low, high = stratified_bounds(strata)
    assert np.mean(low > truth) <= 0.05 and np.mean(high < truth) <= 0.05
    assert np.all(low <= high)
