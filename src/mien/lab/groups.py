"""Groups of faces: the accuracy on each group, and how it differs from that on all other groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data import FaceDataset
from mien.lab.predictions import Predictions, read_csv, refuse_rows, repeated
from mien.lab.reliability import calibration_bins, calibration_error, calibration_error_by_chance
from mien.lab.statistics import fisher, holm, stratified_difference, unpaired_interval, wilson_interval


@dataclass(frozen=True, kw_only=True)
class GroupFigures:
    """Figures of the labelled faces of one group, compared with those of all other groups; rates in 0..1.

    Attributes:
        name: name of the group.
        n: number of its labelled faces.
        accuracy: share of them whose most probable class is the label.
        accuracy_low: lower end of the accuracy's 95 % interval (Wilson).
        accuracy_high: upper end.
        balanced_accuracy: mean recall over the classes that the group has.
        confidence: mean probability of the predicted class.
        ece: expected calibration error.
        ece_by_chance: about its value if confidence were perfectly calibrated; it grows as n falls.
        n_accepted: faces that are not marked uncertain.
        accepted_accuracy: their accuracy; None if there are none.
        accepted_low: lower end of its 95 % interval (Wilson); None if there are none.
        accepted_high: upper end.
        n_others: labelled faces of all other groups.
        others_accuracy: their accuracy.
        difference: accuracy minus that of the others.
        difference_low: lower end of its 95 % interval, see `unpaired_interval`.
        difference_high: upper end.
        p_value: p-value of Fisher's exact test that both accuracies are equal.
        p_adjusted: the same after Holm's correction (1979) for the number of groups.
        n_classes: classes of which both the group and the others have faces.
        recall_difference: mean over these classes of recall minus that of the others: the difference if both had each
            class equally often; None if there is no such class.
        recall_difference_low: lower end of its 95 % interval, see `stratified_difference`.
        recall_difference_high: upper end.
    """

    name: str
    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    confidence: float
    ece: float
    ece_by_chance: float
    n_accepted: int
    accepted_accuracy: float | None
    accepted_low: float | None
    accepted_high: float | None
    n_others: int
    others_accuracy: float
    difference: float
    difference_low: float
    difference_high: float
    p_value: float
    p_adjusted: float
    n_classes: int
    recall_difference: float | None
    recall_difference_low: float | None
    recall_difference_high: float | None


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Figures of each group of faces of one split.

    Attributes:
        source: name of the file that assigns faces to groups.
        n_not_grouped: labelled faces without a group; they are left out, also from the others.
        full: each group that has labelled faces, sorted by name.
        twin_free: the same without faces that have a twin in Training; None if Training was not available, or fewer
            than two groups have twin-free faces.
        uncertain_below: the confidence below which a face is marked uncertain; 0 marks none.
    """

    source: str
    n_not_grouped: int
    full: tuple[GroupFigures, ...]
    twin_free: tuple[GroupFigures, ...] | None
    uncertain_below: float

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Groups:
        """Read the groups from a report's JSON."""
        parts = ("full", "twin_free")
        return cls(**row | {part: row[part] and tuple(GroupFigures(**each) for each in row[part]) for part in parts})


def read_groups(path: Path, data: FaceDataset, faces: FaceDataset) -> npt.NDArray[np.str_]:
    """Read the group of each of N faces, ``(N,)`` str; empty for those that the file does not list.

    Args:
        path: CSV with the columns `row` and `group`, at most one line for each face of `data`.
        data: the whole data set.
        faces: the faces of it to measure.

    Raises:
        DataError: the file cannot be read; a row appears twice, in the file or in the data, has no group or is not in
            the data; or fewer than two groups have labelled faces among `faces`. The message names the rows.
    """
    header, lines = read_csv(path)
    if not {"row", "group"} <= set(header):
        raise DataError(f"{path}: columns {','.join(header)}; expected row,group.")
    at_row, at_group = header.index("row"), header.index("group")
    groups = {line[at_row]: line[at_group].strip() for line in lines}
    rows, where = data.rows.tolist(), Path(data.source).name
    twice, without = repeated([line[at_row] for line in lines]), [row for row in groups if not groups[row]]
    unknown, doubled = sorted(groups.keys() - set(rows)), sorted(groups.keys() & set(repeated(rows)))
    refuse_rows(path, "appear twice", twice, "A face belongs to one group: keep one line.")
    refuse_rows(path, "have no group", without, "Leave out the line of a face whose group is not known.")
    refuse_rows(path, f"are not in {where}", unknown, f"Name them as predictions-SPLIT.csv does, such as {rows[0]!r}.")
    refuse_rows(path, f"appear twice in {where}", doubled, "Every face needs a row of its own.")
    found = np.array([groups.get(row, "") for row in faces.rows.tolist()], np.str_)
    names = sorted({*found[faces.labels >= 0].tolist()} - {""})
    if len(names) < 2:
        found_names = ", ".join(names) or "none"
        raise DataError(f"{path}: groups of labelled {faces.splits[0]} faces: {found_names}; expected two or more.")
    return found


def measure_groups(
    predictions: Predictions, groups: npt.NDArray[np.str_], source: str, uncertain_below: float
) -> Groups:
    """Measure each group of labelled faces and compare it with all other groups.

    Args:
        predictions: of N faces, with labelled faces in at least two groups.
        groups: ``(N,)`` str, the group of each; empty if it has none.
        source: name of the file of the groups.
        uncertain_below: threshold in the model's card.
    """
    labelled = predictions.labels >= 0
    scored = labelled & (groups != "")
    twin_free = None
    if predictions.twin_free is not None:
        new = scored & predictions.twin_free
        twin_free = _all_figures(predictions.take(new), groups[new], uncertain_below) or None
    return Groups(
        source=source,
        n_not_grouped=int((labelled & ~scored).sum()),
        full=_all_figures(predictions.take(scored), groups[scored], uncertain_below),
        twin_free=twin_free,
        uncertain_below=uncertain_below,
    )


def _all_figures(scored: Predictions, groups: npt.NDArray[np.str_], uncertain_below: float) -> tuple[GroupFigures, ...]:
    """The figures of every group; none if there are fewer than two."""
    names = sorted(set(groups.tolist()))
    if len(names) < 2:
        return ()
    figures = [
        _figures(name, scored.take(groups == name), scored.take(groups != name), uncertain_below) for name in names
    ]
    p_values = [each.p_value for each in figures]
    adjusted = holm(p_values) if len(p_values) > 2 else p_values  # with two groups, both tests are the same
    return tuple(replace(each, p_adjusted=p) for each, p in zip(figures, adjusted, strict=True))


def _figures(name: str, faces: Predictions, others: Predictions, uncertain_below: float) -> GroupFigures:
    n, right, bins = len(faces), int(faces.correct.sum()), calibration_bins(faces)
    n_others, others_right = len(others), int(others.correct.sum())
    low, high = wilson_interval(right, n)
    accepted = faces.correct[faces.confidence >= uncertain_below]
    accepted_low, accepted_high = wilson_interval(int(accepted.sum()), len(accepted)) if len(accepted) else (None, None)
    difference_low, difference_high = unpaired_interval(others_right / n_others, right / n, n_others, n)
    p_value = fisher(right, n, others_right, n_others)
    of_class, others_of_class = _right_and_n(faces), _right_and_n(others)
    has = of_class[1] > 0
    both = has & (others_of_class[1] > 0)
    recalls: Sequence[float | None] = (None, None, None)
    if both.any():
        recalls = stratified_difference(*others_of_class[:, both], *of_class[:, both])
    return GroupFigures(
        name=name,
        n=n,
        accuracy=right / n,
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=float((of_class[0, has] / of_class[1, has]).mean()),
        confidence=float(faces.confidence.mean()),
        ece=calibration_error(bins),
        ece_by_chance=calibration_error_by_chance(bins),
        n_accepted=len(accepted),
        accepted_accuracy=float(accepted.mean()) if len(accepted) else None,
        accepted_low=accepted_low,
        accepted_high=accepted_high,
        n_others=n_others,
        others_accuracy=others_right / n_others,
        difference=right / n - others_right / n_others,
        difference_low=difference_low,
        difference_high=difference_high,
        p_value=p_value,
        p_adjusted=p_value,
        n_classes=int(both.sum()),
        recall_difference=recalls[0],
        recall_difference_low=recalls[1],
        recall_difference_high=recalls[2],
    )


def _right_and_n(scored: Predictions) -> npt.NDArray[np.int64]:
    """The number of correct predictions and of faces in each class, ``(2, K)``."""
    k = len(scored.label_set)
    return np.array([np.bincount(labels, minlength=k) for labels in (scored.labels[scored.correct], scored.labels)])
