"""Predictions: one line per face, the table that every metric comes from."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.labels import LabelSet

_FIXED = ["row", "label", "predicted", "twin_free"]
_PREFIX = "p_"


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What a model says about each face of one split.

    Attributes:
        rows: ``(N,)`` str, row ids as in `FaceDataset.rows`.
        labels: ``(N,)`` int64 true labels in the order of `label_set`; -1 = unlabelled.
        probabilities: ``(N, K)`` float64, each row sums to 1.
        label_set: the K classes, in the order of the model's outputs.
        split: name of the split.
        twin_free: ``(N,)`` bool, False where the face has a twin in Training; None where Training was not at hand.
    """

    rows: npt.NDArray[np.str_]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    label_set: LabelSet
    split: str
    twin_free: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The most probable class of each face, ``(N,)`` int64."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """Probability of the predicted class, ``(N,)``."""
        return self.probabilities.max(axis=1)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the predicted class is the label, ``(N,)``; False where there is no label."""
        return self.predicted == self.labels

    def take(self, where: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Predictions:
        """Return the lines at a mask ``(N,)`` bool or indices, in that order."""
        return replace(
            self,
            rows=self.rows[where],
            labels=self.labels[where],
            probabilities=self.probabilities[where],
            twin_free=None if self.twin_free is None else self.twin_free[where],
        )

    def write(self, path: Path) -> None:
        """Write the table as CSV: ``row,label,predicted,twin_free,p_angry,...``, classes as words.

        `label` is empty where unlabelled, `twin_free` is 1 or 0, or empty where unknown. Probabilities keep all
        their digits, so that the metrics of the file are the metrics of the model.
        """
        raise NotImplementedError

    @classmethod
    def read(cls, path: Path, split: str | None = None) -> Predictions:
        """Read a table that `write` made.

        Args:
            path: the CSV.
            split: its split; by default the part of the file's name after ``predictions-``.

        Raises:
            DataError: a column, class or number is wrong; names the line.
        """
        raise NotImplementedError


def score(predictions: Predictions, labels_csv: Path) -> Predictions:
    """Return the predictions with the labels of a CSV ``row,label``, joined by row.

    Raises:
        DataError: a row stands on one side only or twice, or a label is unknown; names the rows.
    """
    raise NotImplementedError
