"""Intervals and paired tests against answers worked out by hand or printed in textbooks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from mien.lab.statistics import (
    McNemar,
    fisher,
    holm,
    mcnemar,
    mean_difference,
    paired_difference,
    paired_interval,
    stratified_difference,
    unpaired_interval,
    wilson_interval,
)


def paired(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Which faces a and b get right, from the four counts."""
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    return a, b


def test_wilson_interval_of_one_in_ten() -> None:
    # Wilson 1927 at z = 1.96: (0.1 + 0.19208 -+ 1.96 sqrt(0.009 + 0.0096040)) / 1.38416
    assert wilson_interval(1, 10) == pytest.approx((0.01788, 0.40415), abs=1e-5)


@pytest.mark.parametrize("n", [1, 20, 3589])
def test_wilson_interval_stays_within_rates(n: int) -> None:
    low, high = wilson_interval(0, n)
    assert low == 0 and 0 < high < 1
    assert wilson_interval(n, n) == (pytest.approx(1 - high), 1)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 3), (7, 7), (2590, 3589), (3588, 3589)])
def test_wilson_interval_is_that_of_scipy(successes: int, n: int) -> None:
    theirs = binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_interval_of_a_mean_over_seeds_lies_between_those_of_its_whole_neighbours() -> None:
    (low_9, high_9), (low, high), (low_10, high_10) = (wilson_interval(k, 15) for k in (9, 9.5, 10))
    assert low_9 < low < low_10 and high_9 < high < high_10


def test_standard_error_at_the_size_of_the_test_split() -> None:
    low, high = wilson_interval(0.75 * 3589, 3589)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.0072, abs=1e-4)


def test_mcnemar_by_hand() -> None:
    found = mcnemar(*paired(50, 1, 7, 10))
    assert (found.n01, found.n10) == (7, 1)
    assert found.p_value == pytest.approx(18 / 256)  # 2 P(X <= 1), X ~ Binomial(8, 1/2): 2 (1 + 8) / 256


def test_mcnemar_never_exceeds_one() -> None:
    assert mcnemar(*paired(5, 3, 3, 0)).p_value == 1
    assert mcnemar(*paired(5, 0, 0, 1)) == McNemar(n01=0, n10=0, p_value=1)
    assert mcnemar(*paired(5, 20, 20, 0)).p_value == 1


def test_mcnemar_is_exact_for_many_too() -> None:
    found = mcnemar(*paired(101, 121, 59, 33))
    assert (found.n10, found.n01) == (121, 59)
    assert found.p_value == pytest.approx(2 * sum(math.comb(180, k) for k in range(60)) / 2**180)


def test_paired_difference_counts_b_minus_a() -> None:
    found = paired_difference(*paired(50, 10, 30, 10))
    assert found.difference == pytest.approx(0.2)
    # Agresti & Min: (30 - 10) / 102 -+ 1.96 sqrt(41 - 20^2 / 102) / 102
    assert (found.low, found.high) == pytest.approx((0.07907, 0.31308), abs=1e-5)


def test_paired_difference_of_a_model_with_itself() -> None:
    found = paired_difference(*paired(60, 0, 0, 40))
    assert found.difference == 0
    assert found.low == pytest.approx(-found.high) and 0 < found.high < 0.02


def test_paired_interval_stays_within_what_a_difference_can_be() -> None:
    found = paired_difference(*paired(0, 0, 1, 0))
    # Agresti & Min: 1 / 3 -+ 1.96 sqrt(2 / 3 - 1 / 9) / sqrt(3) = -0.51 to 1.18
    assert (found.low, found.high) == (pytest.approx(-0.5101, abs=1e-4), 1)
    assert paired_interval(-1, 1, 1) == (-1, pytest.approx(0.5101, abs=1e-4))


@pytest.mark.parametrize(
    ("first", "second", "interval"),
    # as printed in Newcombe 1998, table II
    [
        ((48, 80), (56, 70), (0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.1705, 0.8090)),
        ((0, 29), (5, 56), (-0.0381, 0.1926)),
        ((0, 20), (0, 10), (-0.1611, 0.2775)),
    ],
)
def test_unpaired_interval_of_newcombe(first, second, interval) -> None:
    (x, m), (y, n) = first, second
    assert unpaired_interval(x / m, y / n, m, n) == pytest.approx(interval, abs=5e-5)


def test_the_interval_of_a_published_difference_holds_it_in_95_of_100_test_splits() -> None:
    chance = np.random.default_rng(0)
    measured = chance.binomial(3589, [[0.6294], [0.6372]], (2, 4000)) / 3589
    ends = [unpaired_interval(a, b, 3589, 3589) for a, b in measured.T.tolist()]
    assert np.mean([low <= 0.0078 <= high for low, high in ends]) == pytest.approx(0.95, abs=0.01)


def test_paired_interval_holds_the_difference_in_95_of_100_test_splits() -> None:
    chance = np.random.default_rng(0)
    counts = chance.multinomial(3589, [0.124, 0.116, 0.76], 4000)  # only b, only a, both or neither
    differences, disagreements = (counts[:, 0] - counts[:, 1]) / 3589, (counts[:, 0] + counts[:, 1]) / 3589
    ends = [paired_interval(d, q, 3589) for d, q in zip(differences, disagreements, strict=True)]
    assert np.mean([low <= 0.008 <= high for low, high in ends]) == pytest.approx(0.95, abs=0.01)


def test_mean_difference_adds_what_seeds_and_faces_change() -> None:
    # t at 2 degrees of freedom: 4.302653 * 0.01 / sqrt(3) = 0.0248414
    found = mean_difference([0.04, 0.05, 0.06], None)
    assert (found.difference, found.low, found.high) == pytest.approx((0.05, 0.0251586, 0.0748414), abs=1e-7)
    faces = np.repeat([1.0, 0.0, -1.0], [20, 65, 15])  # 1.959964 * sqrt(0.35 - 0.05**2) / sqrt(99) = 0.1161196
    both = mean_difference([0.04, 0.05, 0.06], faces)
    assert both.high - both.difference == pytest.approx(math.hypot(0.0248414, 0.1161196), abs=1e-6)


def test_holm_allows_for_the_number_of_tests() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_fisher_of_the_lady_who_tasted_tea() -> None:
    # of the 70 ways to choose 4 of 8 cups, 1 + 16 have 4 or 3 right, and as many 0 or 1
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher(4, 4, 0, 4) == pytest.approx(2 / 70)
    assert fisher(2, 4, 2, 4) == 1


def test_stratified_difference_by_hand() -> None:
    found = stratified_difference(np.array([2, 1]), np.array([4, 2]), np.array([3, 2]), np.array([4, 2]))
    # mean of 3/4 - 2/4 and 2/2 - 1/2; variances 3/6 3/6 / 4, 2/4 2/4 / 2, 4/6 2/6 / 4, 3/4 1/4 / 2: 1.959964 / 2 times
    # the root of their sum, 0.3368056
    assert found == pytest.approx((0.375, 0.375 - 0.5687314, 0.375 + 0.5687314), abs=1e-6)
    one = np.array([1])
    assert stratified_difference(0 * one, one, one, one)[::2] == (1, 1)  # the upper end is cut off


@pytest.mark.parametrize("recalls", [[0.62, 0.64, 0.52, 0.88, 0.62, 0.8, 0.7], [0.95] * 7, [0.3] * 7])
@pytest.mark.parametrize("n", [[1] * 7, [1, 2, 3, 4, 20, 10, 5], [50] * 7])
def test_stratified_interval_holds_the_mean_at_a_few_faces_of_each_class(n, recalls) -> None:
    chance, n_others = np.random.default_rng(0), np.array([50, 5, 40, 90, 60, 60, 50])
    a, b = np.minimum(np.array(recalls) + 0.05, 0.99), np.array(recalls)
    right_a, right_b = chance.binomial(n_others, a, (4000, 7)), chance.binomial(n, b, (4000, 7))
    found = [stratified_difference(x, n_others, y, np.array(n)) for x, y in zip(right_a, right_b, strict=True)]
    true = (b - a).mean()
    assert np.mean([low <= true <= high for _, low, high in found]) > 0.93
