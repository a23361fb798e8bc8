"""Intervals of an accuracy and paired tests between two models on the same faces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the same faces.

    Attributes:
        n01: faces that a got wrong and b right.
        n10: faces that a got right and b wrong.
        p_value: two-sided; how likely a split at least as uneven is if both models were equally good.
    """

    n01: int
    n10: int
    p_value: float


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy of b minus accuracy of a, on the same faces, with its 95 % interval (`low`, `high`); rates."""

    difference: float
    low: float
    high: float


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate (Wilson 1927), which stays inside [0, 1] and holds at small n."""
    from scipy.stats import binomtest  # takes a second to import

    low, high = binomtest(successes, n).proportion_ci(method="wilson")
    return float(low), float(high)


def mcnemar(a_correct: npt.NDArray[np.bool_], b_correct: npt.NDArray[np.bool_]) -> McNemar:
    """Test whether two models differ on the same N faces (McNemar 1947), exactly, by the binomial distribution.

    Args:
        a_correct: ``(N,)`` whether model a is right on each face.
        b_correct: the same of model b, faces in the same order.
    """
    n01, n10 = _discordant(a_correct, b_correct)
    from scipy.stats import binomtest

    return McNemar(n01, n10, float(binomtest(n01, n01 + n10).pvalue) if n01 + n10 else 1.0)


def paired_difference(a_correct: npt.NDArray[np.bool_], b_correct: npt.NDArray[np.bool_]) -> PairedDifference:
    """Return how much better b is than a on the same N faces.

    The interval is the adjusted Wald one of Agresti & Min (2005), which adds half a face to each of the four cells.
    """
    n01, n10 = _discordant(a_correct, b_correct)
    n = len(a_correct)
    shift = (n01 - n10) / (n + 2)
    half = Z95 * math.sqrt((n01 + n10 + 1) / (n + 2) - shift**2) / math.sqrt(n + 2)
    return PairedDifference((n01 - n10) / n, shift - half, shift + half)


def _discordant(a_correct: npt.NDArray[np.bool_], b_correct: npt.NDArray[np.bool_]) -> tuple[int, int]:
    return int((~a_correct & b_correct).sum()), int((a_correct & ~b_correct).sum())
