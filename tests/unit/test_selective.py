"""What the surest faces reach: known answers."""

from __future__ import annotations

import numpy as np
import pytest

from mien.lab.selective import area_under_risk_coverage, coverage_curve
from mien.lab.statistics import wilson_interval

CONFIDENCE = np.array([0.5, 0.9, 0.8, 0.7, 0.6])
CORRECT = np.array([False, True, True, False, True])
# from the top, right among those up to it: 1/1, 2/2, 2/3, 3/4, 3/5


def test_the_surest_are_counted_from_the_top() -> None:
    points = coverage_curve(CONFIDENCE, CORRECT)  # the surest 10 and 20 % are one face, 30 and 40 % two, ...
    assert [(each.threshold, each.n, each.coverage) for each in points] == [
        (0.9, 1, 0.2),
        (0.8, 2, 0.4),
        (0.7, 3, 0.6),
        (0.6, 4, 0.8),
        (0.5, 5, 1.0),
    ]
    assert [each.accuracy for each in points] == pytest.approx([1, 1, 2 / 3, 3 / 4, 3 / 5])
    assert (points[3].accuracy_low, points[3].accuracy_high) == wilson_interval(3, 4)


@pytest.mark.parametrize("n", [10, 100, 3589])
def test_ten_points_cover_tenths_rounded_up(n: int) -> None:
    points = coverage_curve(np.random.default_rng(0).permutation(n) / n, np.ones(n, bool))
    assert [each.n for each in points] == [(tenths * n + 9) // 10 for tenths in range(1, 11)]
    assert all(each.accuracy == 1 for each in points)


def test_faces_of_one_confidence_stay_together() -> None:
    confidence = np.array([0.6] * 7 + [0.9, 0.4, 0.4])
    correct = np.array([True] * 4 + [False] * 3 + [True] + [False, True])
    points = coverage_curve(confidence, correct)
    assert [(each.threshold, each.n) for each in points] == [(0.9, 1), (0.6, 8), (0.4, 10)]
    assert [each.accuracy for each in points] == pytest.approx([1, 5 / 8, 6 / 10])
    shuffled = np.random.default_rng(1).permutation(10)
    assert coverage_curve(confidence[shuffled], correct[shuffled]) == points
    # risk 0 at the first threshold, 3/8 at that of seven faces, 4/10 at that of two
    expected = (0 + 7 * 3 / 8 + 2 * 4 / 10) / 10
    assert area_under_risk_coverage(confidence[shuffled], correct[shuffled]) == pytest.approx(expected)


def test_area_is_the_mean_risk_over_the_thresholds() -> None:
    risks = [0, 0, 1 / 3, 1 / 4, 2 / 5]
    assert area_under_risk_coverage(CONFIDENCE, CORRECT) == pytest.approx(sum(risks) / 5)


def test_area_is_lowest_where_mistakes_are_unsure() -> None:
    confidence, draw = np.linspace(0.2, 1, 1000), np.random.default_rng(0)
    right = np.arange(1000) >= 300
    best, worst = area_under_risk_coverage(confidence, right), area_under_risk_coverage(-confidence, right)
    blind = area_under_risk_coverage(confidence, draw.permutation(right))
    assert best < 0.06 < 0.25 < blind < 0.35 < worst
    assert area_under_risk_coverage(np.ones(1000), right) == pytest.approx(0.3)
    assert area_under_risk_coverage(confidence, np.ones(1000, bool)) == 0


def test_a_single_face_is_a_curve() -> None:
    (point,) = coverage_curve(np.array([0.7]), np.array([False]))
    assert (point.threshold, point.coverage, point.n, point.accuracy) == (0.7, 1, 1, 0)
    assert area_under_risk_coverage(np.array([0.7]), np.array([False])) == 1
