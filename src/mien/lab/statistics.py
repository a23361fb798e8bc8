"""Intervals of accuracies and their differences, and tests of differences, on the same or on different faces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the same faces.

    Attributes:
        n01: faces that a got wrong and b right.
        n10: faces that a got right and b wrong.
        p_value: two-sided; probability of a split at least as uneven if both models were equally good.
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


def wilson_interval(successes: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate (Wilson 1927), which stays inside [0, 1] and is valid at small n.

    Args:
        successes: from 0 to `n`; not a whole number if it is a mean, for example over seeds.
        n: number of trials, above 0.
    """
    rate, z2 = successes / n, Z95**2
    half = Z95 * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n**2))
    low, high = ((rate + z2 / (2 * n) + sign * half) / (1 + z2 / n) for sign in (-1, 1))
    return (max(0.0, low) if successes else 0.0), (min(1.0, high) if successes < n else 1.0)


def mcnemar(a_correct: npt.NDArray[np.bool_], b_correct: npt.NDArray[np.bool_]) -> McNemar:
    """Test whether two models differ on the same N faces (McNemar 1947), with the exact binomial distribution.

    Args:
        a_correct: ``(N,)`` whether model a is right on each face.
        b_correct: the same of model b, faces in the same order.
    """
    n01, n10 = _discordant(a_correct, b_correct)
    from scipy.stats import binomtest

    return McNemar(n01, n10, float(binomtest(n01, n01 + n10).pvalue) if n01 + n10 else 1.0)


def paired_difference(a_correct: npt.NDArray[np.bool_], b_correct: npt.NDArray[np.bool_]) -> PairedDifference:
    """Return how much better b is than a on the same N faces.

    The interval is the adjusted Wald interval of Agresti & Min (2005), which adds half a face to each of the four
    cells; its ends are clipped to [-1, 1], as they allow.
    """
    n01, n10 = _discordant(a_correct, b_correct)
    n = len(a_correct)
    return PairedDifference((n01 - n10) / n, *paired_interval((n01 - n10) / n, (n01 + n10) / n, n))


def paired_interval(difference: float, disagreement: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of `paired_difference`, in [-1, 1], from summary figures.

    Args:
        difference: accuracy of b minus accuracy of a.
        disagreement: share of the faces that only one of the two gets right; at least the size of the difference.
        n: number of faces, the same ones for both.
    """
    shift = difference * n / (n + 2)
    half = Z95 * math.sqrt((disagreement * n + 1) / (n + 2) - shift**2) / math.sqrt(n + 2)
    return max(-1.0, shift - half), min(1.0, shift + half)


def unpaired_interval(a: float, b: float, n_a: int, n_b: int) -> tuple[float, float]:
    """Return the 95 % interval of rate b minus rate a, measured on `n_a` and `n_b` different faces.

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10.
    """
    (low_a, high_a), (low_b, high_b) = wilson_interval(a * n_a, n_a), wilson_interval(b * n_b, n_b)
    return b - a - math.hypot(b - low_b, high_a - a), b - a + math.hypot(high_b - b, a - low_a)


def stratified_difference(right_a: Counts, n_a: Counts, right_b: Counts, n_b: Counts) -> tuple[float, float, float]:
    """Return the mean over strata of rate b minus rate a, with equal weights, and its 95 % interval.

    For the variances, one success and one failure are added to each rate, as in Agresti & Caffo (2000); the mean is not
    adjusted, so that small strata do not shrink it to zero. The tests simulate the coverage of the interval where
    strata have few faces.

    Args:
        right_a: ``(S,)`` successes of a in each stratum.
        n_a: ``(S,)`` number of faces, above 0.
        right_b: the same for b, on different faces.
        n_b: the same.
    """
    mean = float(np.mean(right_b / n_b - right_a / n_a))
    rates = [((right_a + 1) / (n_a + 2), n_a), ((right_b + 1) / (n_b + 2), n_b)]
    half = Z95 * math.sqrt(sum(float(np.sum(rate * (1 - rate) / n)) for rate, n in rates)) / len(n_a)
    return mean, max(-1.0, mean - half), min(1.0, mean + half)


def fisher(right_a: int, n_a: int, right_b: int, n_b: int) -> float:
    """Return the two-sided p-value of Fisher's exact test (1935): are two rates, on different faces, the same?

    Args:
        right_a: successes of the first rate.
        n_a: number of faces.
        right_b: the same for the second.
        n_b: the same.
    """
    from scipy.stats import fisher_exact

    return float(fisher_exact([[right_a, n_a - right_a], [right_b, n_b - right_b]]).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple testing, in the same order (Holm 1979)."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def mean_difference(of_seeds: Sequence[float], of_faces: Floats | None) -> PairedDifference:
    """Return the mean difference between two recipes, each trained with several seeds.

    Its interval adds the squares of two half widths (Zou & Donner 2008): Student's for the variance between seeds, the
    normal one for the finite number of faces. The latter includes part of the former, so the interval is slightly too
    wide.

    Args:
        of_seeds: ``(S,)``, at least two; second minus first for each seed.
        of_faces: ``(N,)``, second minus first for each face, mean over the seeds; None if faces are not a sample.
    """
    from scipy.stats import t

    seeds, mean = np.asarray(of_seeds, np.float64), float(np.mean(of_seeds))
    half = float(t.ppf(0.975, len(seeds) - 1)) * float(seeds.std(ddof=1)) / math.sqrt(len(seeds))
    if of_faces is not None:
        half = math.hypot(half, Z95 * float(of_faces.std(ddof=1)) / math.sqrt(len(of_faces)))
    return PairedDifference(mean, mean - half, mean + half)


def _discordant(a_correct: npt.NDArray[np.bool_], b_correct: npt.NDArray[np.bool_]) -> tuple[int, int]:
    return int((~a_correct & b_correct).sum()), int((a_correct & ~b_correct).sum())
