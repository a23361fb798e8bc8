"""Suspects: faces whose label is doubtful, by what models say that have not learned it."""

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
    "These are faces worth a look, not labels that are wrong: either side may err. Look at each before you change it."
)
_TEST_SPLIT = (
    "Figures on a test split whose labels were changed cannot be compared with those on the labels that others have."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Suspect:
    """A face whose label is not what was predicted.

    Attributes:
        row: as in `FaceDataset.rows`.
        label: the one it has.
        label_probability: that of the label, 0 to 1.
        predicted: the most probable class.
        confidence: its probability.
        majority: FER+'s, as `majority_labels` counts it; empty where there is none, or no votes are known.
        twin_free: whether it has no twin in Training; None where not known.
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
        source: what the faces were read from, for the reader.
        ranked: the suspects, the one whose label is least probable first.
        n_labelled: labelled faces of the split.
        n_otherwise: those whose label is not what was predicted; `ranked` are the first of these.
        voted: whether FER+'s votes were at hand.
        remarks: sentences that belong beside them.
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
            f"{len(self.ranked):,} of {self.n_otherwise:,} faces whose label is not what was predicted, among "
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
    """Rank the faces whose label is not what models predict, by the probability that these give the label.

    cleanlab ranks by the same number, which it calls self-confidence; nothing else that it offers ranks faces better
    (`benchmarks/suspects.py`).

    Args:
        files: ``predictions-SPLIT.csv`` of one model or more, as `evaluate` writes them, of faces that they have not
            learned from; several are averaged as `ensemble` does.
        data: the data set that they were evaluated on; with FER+'s votes (`join_votes`), these stand beside the labels.
        most: how many are kept.

    Raises:
        InputError: `most` is no whole number from 1.
        DataError: a file cannot be read or is named twice, they are of other faces, classes or labels than each other
            or than `data`, a model has learned from these faces or may have, or no face is labelled.
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
            f"{data.source}: has other faces than those of {known.data_source} on which {paths[0]} was evaluated, "
            "though of the same rows. Give that as --data."
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
    """The faces with what is said of them, in their order."""
    answers = [*VOTE_COLUMNS[:-1], "not a face", ""]  # -1, no majority, finds the last one
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
    """Refuse predictions of a Training split by a model that has learned from it, or may have."""
    if report is not None and report.split == TRAINING and may_have_learned_from(report.provenance, data):
        raise DataError(
            f"{path}: {report.model or 'the model'} has learned from {TRAINING} of {data.source}, or may have, and a "
            "model knows the labels that it has learned. Take predictions of other faces, or of a model that has not "
            "learned from these: one that has learned from half of them can judge the other half."
        )


def _remark_on_learning(path: Path, report: Report | None, data: FaceDataset) -> list[str]:
    """Return a remark where it is not known whether a model has learned from the faces."""
    if report is None:
        return [f"{path} has no report beside it: it is not known whether its model has learned from these faces."]
    return [f"{report.model}: {remark}" for remark in remarks_on_data(report.provenance, data)]
