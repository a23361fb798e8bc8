"""Selective classification: accuracy on the faces with the highest confidence.

Sources: Geifman & El-Yaniv (2017), "Selective classification for deep neural networks"; Geifman, Uziel & El-Yaniv
(2019), "Bias-reduced uncertainty estimation for deep neural classifiers".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.lab.statistics import wilson_interval


@dataclass(frozen=True, kw_only=True)
class CoveragePoint:
    """The faces whose confidence is at or above a threshold; rates in 0..1.

    Attributes:
        threshold: the lowest confidence among them.
        coverage: their share of all faces.
        n: their number.
        accuracy: on them.
        accuracy_low: lower end of its 95 % interval (Wilson).
        accuracy_high: upper end.
    """

    threshold: float
    coverage: float
    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float


def coverage_curve(confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]) -> tuple[CoveragePoint, ...]:
    """Return the accuracy on the 10, 20, ... 100 % of the faces with the highest confidence.

    A threshold cannot separate faces of equal confidence. A point then covers more faces, and there are fewer points.

    Args:
        confidence: ``(N,)``, at least one.
        correct: ``(N,)``, whether each prediction is correct.
    """
    ranked, right, at_least = ranked_by_confidence(confidence, correct)
    n = len(ranked)
    counts = dict.fromkeys(int(at_least[-(-tenths * n // 10) - 1]) for tenths in range(1, 11))  # rounded up
    return tuple(_point(float(ranked[count - 1]), count, int(right[count - 1]), n) for count in counts)


def _point(threshold: float, count: int, right: int, n: int) -> CoveragePoint:
    low, high = wilson_interval(right, count)
    return CoveragePoint(
        threshold=threshold,
        coverage=count / n,
        n=count,
        accuracy=right / count,
        accuracy_low=low,
        accuracy_high=high,
    )


def area_under_risk_coverage(confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]) -> float:
    """Return the AURC of Geifman et al. (2019): the mean error rate over the thresholds at each face's confidence.

    0 if all predictions are correct; about the error rate if confidence is uninformative; higher if errors have the
    highest confidence.

    Args:
        confidence: ``(N,)``, at least one.
        correct: ``(N,)``, whether each prediction is correct.
    """
    _, right, at_least = ranked_by_confidence(confidence, correct)
    return float((1 - right[at_least - 1] / at_least).mean())


def ranked_by_confidence(
    confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rank faces by confidence; a threshold accepts those of equal confidence together.

    Args:
        confidence: ``(N,)``.
        correct: ``(N,)``, whether each prediction is correct.

    Returns:
        ``(N,)`` each: the confidences, in descending order; the number of correct predictions up to each; and the
        number of faces with at least that confidence.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    return ranked, np.cumsum(correct[order]), np.searchsorted(-ranked, -ranked, side="right")
