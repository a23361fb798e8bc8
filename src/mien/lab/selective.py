"""Selective classification: how many are right of the faces that a model is surest of.

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
        threshold: the confidence of the least sure of them.
        coverage: their share of all faces.
        n: how many they are.
        accuracy: share of them that is right.
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
    """Return what the surest 10, 20, ... 100 % of the faces reach.

    A threshold cannot part faces of one confidence. A point then covers more than its tenths, and there are fewer
    points.

    Args:
        confidence: ``(N,)``, at least one.
        correct: ``(N,)``, whether each face was predicted right.
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
    """Return the AURC of Geifman et al. (2019): the mean share of wrong faces over the thresholds at each face.

    0 where all are right; near the share of wrong faces where the confidence does not tell them from others; higher
    where the wrong ones are the surest.

    Args:
        confidence: ``(N,)``, at least one.
        correct: ``(N,)``, whether each face was predicted right.
    """
    _, right, at_least = ranked_by_confidence(confidence, correct)
    return float((1 - right[at_least - 1] / at_least).mean())


def ranked_by_confidence(
    confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rank faces, as a threshold of confidence accepts them: it cannot part those of one confidence.

    Args:
        confidence: ``(N,)``.
        correct: ``(N,)``, whether each face was predicted right.

    Returns:
        ``(N,)`` each: the confidences, surest first; how many faces are right up to each; and how many are at least as
        sure as it.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    return ranked, np.cumsum(correct[order]), np.searchsorted(-ranked, -ranked, side="right")
