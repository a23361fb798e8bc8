"""Intervals of an accuracy and paired tests between two models on the same faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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
    raise NotImplementedError


def mcnemar(a_correct: npt.NDArray[np.bool_], b_correct: npt.NDArray[np.bool_]) -> McNemar:
    """Test whether two models differ on the same N faces (McNemar 1947).

    Args:
        a_correct: ``(N,)`` whether model a is right on each face.
        b_correct: the same of model b, faces in the same order.
    """
    raise NotImplementedError


def paired_difference(a_correct: npt.NDArray[np.bool_], b_correct: npt.NDArray[np.bool_]) -> PairedDifference:
    """Return how much better b is than a on the same N faces, with a 95 % interval (Agresti & Min 2005)."""
    raise NotImplementedError
