"""Predictions: one line per face, the table that every metric comes from."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data import PRIVATE, FaceDataset
from mien.labels import LabelSet
from mien.writing import replacing

TTA = Literal["none", "flip", "ten-crop"]
"""Test-time augmentation: the views of each face whose probabilities are averaged."""


def scored_as(split: str, tta: TTA) -> str:
    """Return the name of a split in figures and files, such as ``PublicTest``, or ``PublicTest-flip`` with TTA."""
    return split if tta == "none" else f"{split}-{tta}"


def predictions_file(folder: Path, name: str) -> Path:
    """Return the path of the predictions on a split; `name` as returned by `scored_as`."""
    return folder / f"predictions-{name}.csv"


def report_file(folder: Path, name: str) -> Path:
    """Return the path of the report on a split; `name` as returned by `scored_as`."""
    return folder / f"report-{name}.json"


RECORD = "run.json"
"""File name of a record. Its predictions are all on PrivateTest, so their file names do not state the split."""

_FIXED = ["row", "label", "predicted", "twin_free"]
_PREFIX = "p_"
_TWIN_FREE = {"1": True, "0": False}
_ONE_LINE_EACH = "Every face needs exactly one line in both files."


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """A model's predictions for each face of one split.

    Attributes:
        rows: ``(N,)`` str, row ids as in `FaceDataset.rows`.
        labels: ``(N,)`` int64 true labels in the order of `label_set`; -1 = unlabelled.
        probabilities: ``(N, K)`` float64, each row sums to 1.
        label_set: the K classes, in the order of the model's outputs.
        split: name of the split.
        twin_free: ``(N,)`` bool, False where the face has a twin in Training; None where Training was missing.
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
        predicted: npt.NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """Probability of the predicted class, ``(N,)``."""
        confidence: npt.NDArray[np.float64] = self.probabilities.max(axis=1)
        return confidence

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the predicted class is the label, ``(N,)``; False where there is no label."""
        correct: npt.NDArray[np.bool_] = self.predicted == self.labels
        return correct

    def take(self, where: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Predictions:
        """Return the lines at a mask ``(N,)`` bool or indices, in that order."""
        return replace(
            self,
            rows=self.rows[where],
            labels=self.labels[where],
            probabilities=self.probabilities[where],
            twin_free=None if self.twin_free is None else self.twin_free[where],
        )

    def in_order_of(self, label_set: LabelSet) -> Predictions:
        """Return the same predictions with the classes in the order of `label_set`, which must have the same ones."""
        if sorted(self.label_set) != sorted(label_set):
            raise ValueError(f"classes {', '.join(self.label_set)} cannot be put in the order of {label_set.names}")
        place = np.array([*self.label_set.positions_in(label_set), -1])  # -1, unlabelled, indexes the last one
        order = list(label_set.positions_in(self.label_set))
        return replace(self, labels=place[self.labels], probabilities=self.probabilities[:, order], label_set=label_set)

    def faces_of(self, data: FaceDataset, whose: str, source: str) -> FaceDataset:
        """Return the faces that were predicted, in the order of the predictions.

        Args:
            data: the data set that holds them.
            whose: the model or file that the predictions come from, for messages.
            source: the data that it was evaluated on, for messages; empty where unknown.

        Raises:
            DataError: `data` lacks the split, a face or a class, or a face has another label.
        """
        faces = data.split(self.split)
        place = {row: index for index, row in enumerate(faces.rows.tolist())}
        missing = [row for row in self.rows.tolist() if row not in place]
        given = f"It was evaluated on {source or 'another file'}: give that as --data"
        if missing:
            raise DataError(
                f"{data.source}: {len(missing):,} faces of {self.split} on which {whose} was evaluated are not in it, "
                f"such as row {missing[0]!r}. {given}."
            )
        found = faces.take(np.array([place[row] for row in self.rows.tolist()], np.int64))
        other = int((found.relabel(self.label_set).labels != self.labels).sum())
        if other:
            raise DataError(
                f"{data.source}: {other:,} faces of {self.split} carry another label than those on which {whose} was "
                f"evaluated. {given}; if it was measured against FER+'s majority (--votes), evaluate it without."
            )
        return found

    def write(self, path: Path) -> None:
        """Write the table as CSV: ``row,label,predicted,twin_free,p_angry,...``, classes as words.

        `label` is empty where unlabelled, `twin_free` is 1 or 0, or empty where unknown. Probabilities have full
        precision, so that the metrics of the file are those of the model. The file is written atomically.

        Raises:
            ModelError: it cannot be written.
        """
        words = [*self.label_set, ""]  # -1 indexes the last one
        twins = [""] * len(self) if self.twin_free is None else [str(int(new)) for new in self.twin_free]
        columns = zip(self.rows, self.labels, self.predicted, twins, self.probabilities.tolist(), strict=True)
        with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow([*_FIXED, *(_PREFIX + name for name in self.label_set)])
            for row, label, predicted, twin_free, probabilities in columns:
                table.writerow([row, words[label], words[predicted], twin_free, *probabilities])

    @classmethod
    def read(cls, path: Path) -> Predictions:
        """Read a table that `write` made; its split is the word after ``predictions-`` in the file's name, or
        PrivateTest in a record.

        Raises:
            DataError: the file is missing, or a column, class or number is wrong; names the line.
        """
        header, lines = read_csv(path)
        names = tuple(column.removeprefix(_PREFIX) for column in header[len(_FIXED) :])
        if header != [*_FIXED, *(_PREFIX + name for name in names)] or not names:
            raise DataError(
                f"{path}: columns {','.join(header)}; expected {','.join(_FIXED)},p_CLASS,... as `mien evaluate` "
                "writes them."
            )
        label_set = LabelSet(names)
        probabilities = np.empty((len(lines), len(names)))
        for index, line in enumerate(lines):
            try:
                probabilities[index] = line[len(_FIXED) :]
            except ValueError:
                probabilities[index] = np.nan
            if not abs(probabilities[index].sum() - 1) < 1e-3 or probabilities[index].min() < 0:
                raise DataError(
                    f"{path} row {line[0]!r}: {','.join(line[len(_FIXED) :])}; expected {len(names)} probabilities "
                    "that sum to 1."
                )
        known = bool(lines) and all(line[3] in _TWIN_FREE for line in lines)
        return cls(
            rows=np.array([line[0] for line in lines], np.str_),
            labels=np.array([_label(path, line[0], line[1], label_set) for line in lines], np.int64),
            probabilities=probabilities,
            label_set=label_set,
            split=views_of(path)[0],
            twin_free=np.array([_TWIN_FREE[line[3]] for line in lines]) if known else None,
        )

    def with_labels(self, labels_csv: Path) -> Predictions:
        """Return the predictions with the labels of a CSV that has the columns `row` and `label` (a word).

        Raises:
            DataError: a row is in only one of the two or appears twice, or a label is unknown; names the rows.
        """
        header, lines = read_csv(labels_csv)
        if not {"row", "label"} <= set(header):
            raise DataError(f"{labels_csv}: columns {','.join(header)}; expected row,label.")
        at_row, at_label = header.index("row"), header.index("label")
        labels = {line[at_row]: _label(labels_csv, line[at_row], line[at_label], self.label_set) for line in lines}
        rows = self.rows.tolist()
        known = set(rows)
        refuse_rows(labels_csv, "appear twice", repeated([line[at_row] for line in lines]))
        refuse_rows(labels_csv, "appear twice in the predictions", repeated(rows))
        refuse_rows(labels_csv, "of the predictions have no label", [row for row in rows if labels.get(row, -1) < 0])
        refuse_rows(labels_csv, "are not among the predictions", [row for row in labels if row not in known])
        return replace(self, labels=np.array([labels[row] for row in rows], np.int64))


def views_of(path: Path) -> tuple[str, TTA]:
    """Return the split and the test-time augmentation of predictions, from their file name."""
    words = path.stem.removeprefix("predictions").removeprefix("-")
    if path.with_name(RECORD).is_file():
        words = f"{PRIVATE}-{words}".removesuffix("-")
    split, _, views = words.partition("-")
    known: dict[str, TTA] = {tta: tta for tta in get_args(TTA)}
    return split, known.get(views, "none")


def read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the lines of a CSV, all as long as the header; blank lines are skipped.

    Raises:
        DataError: the file cannot be read, or a line is longer or shorter than the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *lines = list(csv.reader(file)) or [[]]
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{path}: cannot be read as CSV ({reason}).") from error
    for number, line in enumerate(lines, start=2):
        if line and len(line) != len(header):
            raise DataError(
                f"{path} line {number}: {len(line)} columns, expected {len(header)}; the file looks cut off."
            )
    return header, [line for line in lines if line]


def _label(path: Path, row: str, word: str, label_set: LabelSet) -> int:
    try:
        return label_set.index(word) if word else -1
    except DataError as error:
        raise DataError(f"{path} row {row!r}: {error}") from error


def repeated(rows: list[str]) -> list[str]:
    """Return the rows that appear more than once, each once."""
    names, counts = np.unique(rows, return_counts=True)
    return [str(name) for name in names[counts > 1]]


def refuse_rows(path: Path, what: str, rows: list[str], remedy: str = _ONE_LINE_EACH) -> None:
    """Raise a `DataError` that names the first of `rows`, if there are any."""
    if rows:
        named = ", ".join(rows[:5]) + (" and more" if len(rows) > 5 else "")
        raise DataError(f"{path}: {len(rows):,} rows {what}: {named}. {remedy}")
