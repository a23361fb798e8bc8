"""Suspects: faces whose label is doubtful, judged by models that were not trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.checking import check_number
from mien.errors import DataError
from mien.lab.data import TRAINING, FaceDataset, majority_labels, may_have_learned_from
from mien.lab.data.ferplus import VOTE_COLUMNS
from mien.lab.ensembles import mean_of
from mien.lab.metrics import Report
from mien.lab.predictions import Predictions
from mien.lab.remarks import remarks_on_data
from mien.lab.tables import UNKNOWN, Table, percent

_NO_VERDICT = (
    "These labels are doubtful, not proven wrong: the model may err too. Look at each face before you change its label."
)
_TEST_SPLIT = "Figures on a test split with changed labels cannot be compared with figures on the original labels."


@dataclass(frozen=True, kw_only=True, eq=False)
class Suspect:
    """A face whose label differs from the prediction.

    Attributes:
        row: as in `FaceDataset.rows`.
        label: in the data set.
        label_probability: predicted probability of the label, 0 to 1.
        predicted: the most probable class.
        confidence: its probability.
        majority: of FER+'s votes, see `majority_labels`; empty without a majority or without votes.
        twin_free: whether it has no twin in Training; None where unknown.
        face: ``(H, W)`` uint8.
    """

    row: str
    label: str
    label_probability: float
    predicted: str
    confidence: float
    majority: str
    twin_free: bool | None
    face: npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Suspects:
    """Faces of one split whose label is doubtful: a ranking, not a verdict.

    Attributes:
        split: name of the split.
        source: name of the file or folder that was read.
        ranked: the suspects, the least probable label first.
        n_labelled: labelled faces of the split.
        n_otherwise: those whose label differs from the prediction; `ranked` are the first of these.
        voted: whether the data set has FER+'s votes.
        remarks: sentences to show with them.
    """

    split: str
    source: str
    ranked: tuple[Suspect, ...]
    n_labelled: int
    n_otherwise: int
    voted: bool
    remarks: tuple[str, ...]

    @property
    def summary(self) -> str:
        """How many are shown, of how many, in words."""
        return (
            f"{len(self.ranked):,} of {self.n_otherwise:,} faces whose label differs from the prediction, among "
            f"{self.n_labelled:,} labelled ones; the least probable label first."
        )

    def table(self) -> Table:
        """Return a row for each suspect."""
        columns = ["row", "label", "predicted", *(["FER+ majority"] if self.voted else []), "confidence", "p(label)"]
        rows = [
            (
                *(each.row, each.label, each.predicted),
                *([each.majority or UNKNOWN] if self.voted else []),
                *(percent(each.confidence, 1), percent(each.label_probability, 1)),
            )
            for each in self.ranked
        ]
        notes = (self.summary, *self.remarks)
        return Table(f"Doubtful labels: {self.split}", tuple(columns), tuple(rows), notes, len(columns) - 2)


def find_suspects(files: Sequence[str | Path], data: FaceDataset, *, most: int = 100) -> Suspects:
    """Rank the faces whose label differs from the prediction by the predicted probability of the label.

    cleanlab calls this score self-confidence; none of its other scores ranks faces better (`benchmarks/suspects.py`).

    Args:
        files: ``predictions-SPLIT.csv`` of one or more models, as `evaluate` writes them, on faces that they were not
            trained on; several are averaged as by `ensemble`.
        data: the data set that they were evaluated on; if it has FER+'s votes (`join_votes`), their majority is shown.
        most: how many to keep.

    Raises:
        InputError: `most` is not a whole number of at least 1.
        DataError: a file cannot be read or is named twice; files differ from each other or from `data` in faces,
            classes or labels; a model was or may have been trained on these faces; or no face is labelled.
    """
    check_number("most", most, 1, whole=True)
    paths = [Path(file) for file in files]
    if not paths:
        raise DataError("no file of predictions; `mien evaluate` writes predictions-SPLIT.csv.")
    mean, reports = mean_of(paths)
    for path, report in zip(paths, reports, strict=True):
        _refuse_learned(path, report, data)
    known = next((report for report in reports if report is not None), None)
    faces = mean.faces_of(data, str(paths[0]), "" if known is None else known.data_source)
    if known is not None and known.data_fingerprint not in ("", faces.fingerprint):
        raise DataError(
            f"{data.source}: its faces differ from those of {known.data_source}, on which {paths[0]} was evaluated, "
            "though their rows are the same. Give that data set as --data."
        )
    labelled = int((mean.labels >= 0).sum())
    if not labelled:
        raise DataError(f"{paths[0]}: no face has a label; `mien score` adds labels that became known.")
    otherwise = np.flatnonzero((mean.labels >= 0) & ~mean.correct)
    of_label = mean.probabilities[np.arange(len(mean)), mean.labels]
    worst = otherwise[np.argsort(of_label[otherwise], kind="stable")][:most]
    return Suspects(
        split=mean.split,
        source=Path(data.source).name,
        ranked=_suspects(mean.take(worst), faces.take(worst), of_label[worst]),
        n_labelled=labelled,
        n_otherwise=len(otherwise),
        voted=data.votes is not None,
        remarks=(
            _NO_VERDICT,
            *([] if mean.split == TRAINING else [_TEST_SPLIT]),
            *chain.from_iterable(_remark_on_learning(*each, data) for each in zip(paths, reports, strict=True)),
        ),
    )


def _suspects(predictions: Predictions, faces: FaceDataset, of_label: npt.NDArray[np.float64]) -> tuple[Suspect, ...]:
    """A suspect for each face, in order."""
    answers = [*VOTE_COLUMNS[:-1], "not a face", ""]  # -1, no majority, indexes the last one
    majority = np.full(len(faces), -1) if faces.votes is None else majority_labels(faces.votes)
    new, names = predictions.twin_free, predictions.label_set
    return tuple(
        Suspect(
            row=str(predictions.rows[at]),
            label=names.name(int(predictions.labels[at])),
            label_probability=float(of_label[at]),
            predicted=names.name(int(predictions.predicted[at])),
            confidence=float(predictions.confidence[at]),
            majority=answers[majority[at]],
            twin_free=None if new is None else bool(new[at]),
            face=faces.faces[at],
        )
        for at in range(len(faces))
    )


def _refuse_learned(path: Path, report: Report | None, data: FaceDataset) -> None:
    """Refuse predictions on a Training split by a model that was or may have been trained on it."""
    if report is not None and report.split == TRAINING and may_have_learned_from(report.provenance, data):
        raise DataError(
            f"{path}: {report.model or 'the model'} was or may have been trained on {TRAINING} of {data.source}, and a "
            "model memorises its training labels. Use predictions on other faces, or of a model that was not trained "
            "on these: one trained on half of them can judge the other half."
        )


def _remark_on_learning(path: Path, report: Report | None, data: FaceDataset) -> list[str]:
    """Return a remark where it is not known whether a model was trained on the faces."""
    if report is None:
        return [f"{path} has no report beside it: it is not known whether its model was trained on these faces."]
    return [f"{report.model}: {remark}" for remark in remarks_on_data(report.provenance, data)]
