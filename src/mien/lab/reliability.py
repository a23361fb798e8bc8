"""Reliability: accuracy in bins of confidence, and the expected calibration error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mien.lab.predictions import Predictions

CALIBRATION_BINS = 15


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Faces whose confidence lies in ``(low, high]``, with the model's mean confidence and accuracy on them.

    Attributes:
        low: lower edge of the bin.
        high: upper edge of the bin.
        n: number of faces in it.
        confidence: their mean confidence; None where there are none.
        accuracy: on these faces; None where there are none.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


def calibration_bins(scored: Predictions) -> tuple[CalibrationBin, ...]:
    """Return the labelled faces in 15 bins of confidence of equal width."""
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    where = np.searchsorted(edges, np.minimum(scored.confidence, 1), side="left") - 1  # (low, high]
    return tuple(
        _bin(scored.take(where == index), low, high) for index, (low, high) in enumerate(pairwise(edges.tolist()))
    )


def calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Return the expected calibration error (ECE): mean of |accuracy - confidence|, weighted by n."""
    n = sum(each.n for each in bins)
    return sum(each.n / n * abs((each.accuracy or 0) - (each.confidence or 0)) for each in bins)


def calibration_error_by_chance(bins: Sequence[CalibrationBin]) -> float:
    """Return the approximate ECE that a perfectly calibrated model would have on these faces by chance.

    In a bin of few faces, accuracy deviates from confidence by chance: approximated as normal, by sqrt(2 / pi)
    standard deviations on average.
    """
    n = sum(each.n for each in bins)
    sure = [(each.n, min(each.confidence, 1)) for each in bins if each.confidence is not None]
    return math.sqrt(2 / math.pi) * sum(math.sqrt(k * confidence * (1 - confidence)) for k, confidence in sure) / n


def _bin(inside: Predictions, low: float, high: float) -> CalibrationBin:
    if not len(inside):
        return CalibrationBin(low=low, high=high, n=0, confidence=None, accuracy=None)
    confidence, accuracy = float(inside.confidence.mean()), float(inside.correct.mean())
    return CalibrationBin(low=low, high=high, n=len(inside), confidence=confidence, accuracy=accuracy)
