"""FER+: ten raters' votes on the faces of FER2013 (Barsoum et al. 2016, https://arxiv.org/abs/1608.01041)."""

from __future__ import annotations

import csv
import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data.dataset import FaceDataset
from mien.labels import FERPLUS, canonical_name

VOTE_COLUMNS = (*FERPLUS.names, "unknown", "NF")
"""What the columns of `FaceDataset.votes` mean; NF is "not a face"."""

_HEADER = ("Usage", "Image name", *VOTE_COLUMNS)
_EMOTIONS = len(FERPLUS)
_UNKNOWN, _NOT_A_FACE = _EMOTIONS, _EMOTIONS + 1
_MOST_VOTES = 255
_COMPARED = 300  # faces whose labels and votes are compared
_AGREEMENT, _LEAST_AGREEMENT = 2 / 3, 0.45  # FER2013's, as a share of faces; with votes on other faces it is about 1/5
_CHANCE = 0.01  # probability of refusing matching votes, where faces are few
_WHOLE = "use the whole fer2013.csv, or a parquet of it, which keeps the row of each face."

Votes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Relabelled:
    """A data set with the labels of the FER+ majority, and counts of the faces that this leaves without a label.

    Attributes:
        data: the same faces in the same order, labelled in the order of `FERPLUS`; -1 = no label.
        labelled: faces with a label.
        no_votes: faces without any vote, such as PrivateTest where the votes file lacks it.
        no_majority: faces on which no answer has more than half of the votes.
        unknown: faces whose majority is "unknown".
        not_a_face: images that the majority calls no face.
    """

    data: FaceDataset
    labelled: int
    no_votes: int
    no_majority: int
    unknown: int
    not_a_face: int


def join_votes(dataset: FaceDataset, path: str | os.PathLike[str]) -> FaceDataset:
    """Return the data set with the votes of `fer2013new.csv`, whose line n belongs to row n of the 2013 CSV.

    Faces beyond the end of the file get no votes (all zero).

    Args:
        dataset: N faces, whose `rows` are those of the 2013 CSV.
        path: fer2013new.csv of FER+.

    Returns:
        The data set with `votes` ``(N, 10)`` uint8: how many of ten raters gave each answer.

    Raises:
        DataError: the file is not one of FER+, a line of it is wrong or belongs to another split than its face, labels
            and votes do not match, as after a missing row, or the data set lacks the rows of the CSV, as the folder
            edition does.
    """
    path = Path(path)
    splits, votes = _read_votes(path)
    if not all(row.isdecimal() for row in dataset.rows.tolist()):
        raise DataError(
            f"{dataset.source}: FER+ votes are joined by the row of the 2013 CSV, which this edition does not hold "
            f"(its first face is {str(dataset.rows[0])!r}). Use fer2013.csv, icml_face_data.csv or the parquet."
        )
    rows = dataset.rows.astype(np.int64)
    known = rows < len(votes)
    if not known.any():
        raise DataError(f"{path}: {len(votes):,} rows, none of a face in {dataset.source}. Is it cut off?")
    of_face = np.where(known, rows, 0)
    for index in np.flatnonzero(known & (splits[of_face] != dataset.splits))[:1]:
        raise DataError(
            f"{path} row {rows[index]}: Usage {splits[rows[index]]}, but that face is in {dataset.splits[index]} of "
            f"{dataset.source}. The two do not belong together, or rows are missing or in another order: {_WHOLE}"
        )
    joined = dataclasses.replace(dataset, votes=votes[of_face] * known[:, None].astype(np.uint8))
    _check_agreement(joined, rows, path)
    return joined


def _check_agreement(dataset: FaceDataset, rows: npt.NDArray[np.int64], path: Path) -> None:
    """Refuse votes on other faces: after a missing row, each line of votes belongs to the face before.

    Checked only where rows run from 0 without a gap, as in any CSV, even a partial or shuffled one. A parquet keeps the
    row of each face, and may hold only faces on which labels and votes differ, such as those of one class. With 20
    faces, votes on other faces are detected 97 times in 100; with 10, seven times in ten.
    """
    assert dataset.votes is not None
    if (rows != np.arange(len(rows))).any():
        return
    from scipy.stats import binom  # takes a second to import

    majority = majority_labels(dataset.votes)
    last = np.flatnonzero((dataset.labels >= 0) & (majority >= 0) & (majority < _EMOTIONS))[-_COMPARED:]
    names = zip(dataset.labels[last].tolist(), majority[last].tolist(), strict=True)
    agreeing = sum(dataset.label_set.name(label) == FERPLUS.name(vote) for label, vote in names)
    if agreeing < _LEAST_AGREEMENT * len(last) and binom.cdf(agreeing, len(last), _AGREEMENT) < _CHANCE:
        raise DataError(
            f"{dataset.source}: the labels of its last {len(last)} faces agree with the votes of {path} on only "
            f"{agreeing / len(last):.0%}, where those of FER2013 agree on two thirds. Rows are missing or in another "
            f"order: {_WHOLE}"
        )


def majority_labels(votes: Votes) -> npt.NDArray[np.int64]:
    """Return the answer that more than half of the votes give, after single votes are dropped as outliers.

    Args:
        votes: ``(N, 10)`` uint8.

    Returns:
        ``(N,)`` int64, a column of the votes (0 to 7 an expression, 8 unknown, 9 not a face); -1 = no majority.
    """
    counted = _without_outliers(votes)
    top = counted.argmax(axis=1)
    most = counted.max(axis=1)
    return np.where(most * 2 > counted.sum(axis=1), top, -1).astype(np.int64)


def vote_distributions(votes: Votes) -> npt.NDArray[np.float32]:
    """Return the share of votes of each expression by the rule of the paper's own code.

    Single votes are dropped. Answers are added from the most frequent down, ties together, until they hold three
    quarters of the votes or are three; the first `unknown` or NF stops this. A face is left out if its expressions hold
    at most half of the votes, or are more than three.

    Source: `_process_data` in https://github.com/microsoft/FERPlus/blob/master/src/ferplus.py, mode "crossentropy".

    Args:
        votes: ``(N, 10)`` uint8.

    Returns:
        ``(N, 8)`` float32 in the order of `FERPLUS`, rows sum to 1; a face left out is all zero.
    """
    distributions = np.zeros((len(votes), _EMOTIONS), np.float32)
    for row, counted in enumerate(_without_outliers(votes)):
        total, taken = int(counted.sum()), 0
        kept = np.zeros(_EMOTIONS, np.int64)
        while taken < 0.75 * total and np.count_nonzero(kept) < 3:
            tied = np.flatnonzero(counted == counted.max())
            expressions = tied[tied < _EMOTIONS]
            kept[expressions] = counted[expressions]
            taken += int(counted[expressions].sum())
            counted[expressions] = 0
            if len(expressions) < len(tied):
                break
        if kept.sum() * 2 > total and np.count_nonzero(kept) <= 3:
            distributions[row] = kept / kept.sum()
    return distributions


def relabel_by_majority(dataset: FaceDataset) -> Relabelled:
    """Replace the labels with those of the FER+ majority.

    Raises:
        DataError: the data set has no votes.
    """
    if dataset.votes is None:
        raise DataError(f"{dataset.source}: no FER+ votes; join them with join_votes(dataset, 'fer2013new.csv').")
    answers = majority_labels(dataset.votes)
    voted = dataset.votes.any(axis=1)
    labels = np.where(answers < _EMOTIONS, answers, -1)
    return Relabelled(
        data=dataclasses.replace(dataset, labels=labels, label_set=FERPLUS),
        labelled=int((labels >= 0).sum()),
        no_votes=int((~voted).sum()),
        no_majority=int((voted & (answers < 0)).sum()),
        unknown=int((answers == _UNKNOWN).sum()),
        not_a_face=int((answers == _NOT_A_FACE).sum()),
    )


def with_majority(dataset: FaceDataset) -> FaceDataset:
    """Return the faces that have a label of the FER+ majority, with that label.

    Raises:
        DataError: the data set has no votes.
    """
    relabelled = relabel_by_majority(dataset).data
    return relabelled.take(relabelled.labels >= 0)


def _without_outliers(votes: Votes) -> npt.NDArray[np.int64]:
    return np.where(votes > 1, votes, 0).astype(np.int64)


def _read_votes(path: Path) -> tuple[npt.NDArray[np.str_], Votes]:
    """Splits ``(M,)`` and votes ``(M, 10)`` of every line."""
    if not path.is_file():
        raise DataError(f"{path}: no such file. FER+ votes are fer2013new.csv of github.com/microsoft/FERPlus.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header, *lines = list(csv.reader(stream)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV file ({error}). Get it again.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error
    if [canonical_name(name) for name in header] != [canonical_name(name) for name in _HEADER]:
        raise DataError(f"{path}: wrong columns: {','.join(header)[:80]!r}. Expected {','.join(_HEADER)}.")
    while lines and not "".join(lines[-1]).strip():
        lines.pop()  # only at the end: elsewhere, a blank line may be a missing row
    if not lines:
        raise DataError(f"{path}: a header and no rows. Get the file again.")
    votes = [_line_votes(fields, f"{path} row {row}") for row, fields in enumerate(lines)]
    return np.array([fields[0] for fields in lines]), np.array(votes, np.uint8)


def _line_votes(fields: list[str], where: str) -> list[int]:
    if len(fields) != len(_HEADER):
        raise DataError(f"{where}: {len(fields)} columns, expected {len(_HEADER)}. Is the file cut off? Get it again.")
    for name, text in zip(VOTE_COLUMNS, fields[2:]):
        if not text.isdecimal() or int(text) > _MOST_VOTES:
            raise DataError(f"{where}: {name} {text!r}, expected a number of votes from 0 to {_MOST_VOTES}.")
    return [int(text) for text in fields[2:]]
