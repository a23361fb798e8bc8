"""Reliability: confidence beside accuracy, in bins, and the expected calibration error that follows from them."""

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
    """Faces whose confidence lies in ``(low, high]``: how sure the model is and how often it is right.

    Attributes:
        low: lower edge of the bin.
        high: upper edge of the bin.
        n: faces in it.
        confidence: their mean confidence; None where there are none.
        accuracy: share of them that is right; None where there are none.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


def calibration_bins(scored: Predictions) -> tuple[CalibrationBin, ...]:
    """Return labelled faces sorted into 15 bins of confidence, equally wide."""
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
    """Return about what ECE these faces would show if each confidence were exactly the chance of being right.

    In a bin of few faces the share that is right is seldom their confidence: the mean distance of the two is that of
    a normal variable, sqrt(2 / pi) of its standard deviation.
    """
    n = sum(each.n for each in bins)
    sure = [(each.n, min(each.confidence, 1)) for each in bins if each.confidence is not None]
    return math.sqrt(2 / math.pi) * sum(math.sqrt(k * confidence * (1 - confidence)) for k, confidence in sure) / n


def _bin(inside: Predictions, low: float, high: float) -> CalibrationBin:
    if not len(inside):
        return CalibrationBin(low=low, high=high, n=0, confidence=None, accuracy=None)
    confidence, accuracy = float(inside.confidence.mean()), float(inside.correct.mean())
    return CalibrationBin(low=low, high=high, n=len(inside), confidence=confidence, accuracy=accuracy)
