"""The tables of groups of faces."""

from __future__ import annotations

from mien.lab.groups import GroupFigures, Groups
from mien.lab.tables import UNKNOWN, Table, number, p_value, percent, points, points_interval, with_interval

_ABOUT_GAPS = (
    "Holm's p, from Fisher's exact test, allows for the number of groups; the intervals do not. Below 0.05, a gap is "
    "larger than chance in the choice of faces explains; above it, there may still be one.",
    "Macro recall: mean difference of recall over the classes that both have, because groups differ in their mix of "
    "expressions.",
    "The figures do not show the cause of a gap: pictures, people and the labels themselves may differ. If many faces "
    "come from one person or video, the intervals are too narrow and p is too small.",
)
_ABOUT_CONFIDENCE = (
    "ECE by chance: approximate ECE of as many faces under perfect calibration. An ECE of that size is no evidence of "
    "miscalibration."
)


def group_tables(groups: Groups) -> list[Table]:
    """Return accuracies, differences to all other groups and confidence, with a row for each group."""
    return [_accuracies(groups), _differences(groups), _confidence(groups)]


def largest_gap(groups: Groups) -> str:
    """Describe the group that differs most from all others, in sentences."""
    most = max(groups.full, key=lambda each: abs(each.difference))
    more = ""
    if most.recall_difference is not None:
        more += f" In macro recall over the classes that both have ({most.n_classes}), it is {_recall_cell(most)}."
    if len(groups.full) > 2:
        more += f" Because it is the largest of {len(groups.full)}, it is probably smaller on new faces."
    return (
        f"Largest gap: group {most.name}, with an accuracy of {percent(most.accuracy, 1)} on {most.n:,} faces, against "
        f"{percent(most.others_accuracy, 1)} on the {most.n_others:,} faces of other groups: {_difference_cell(most)} "
        f"points, Holm's p {p_value(most.p_adjusted)}.{more}"
    )


def _accuracies(groups: Groups) -> Table:
    columns: tuple[str, ...] = ("group", "faces", "accuracy (95 %)", "balanced accuracy")
    rows: list[tuple[str, ...]] = [
        (each.name, f"{each.n:,}", _accuracy_cell(each), percent(each.balanced_accuracy)) for each in groups.full
    ]
    if groups.twin_free is not None:
        columns += ("twin-free", "accuracy (95 %)")
        new = {each.name: (f"{each.n:,}", _accuracy_cell(each)) for each in groups.twin_free}
        rows = [(*row, *new.get(row[0], ("0", UNKNOWN))) for row in rows]
    notes: tuple[str, ...] = ()
    if groups.n_not_grouped:
        notes = (f"{groups.n_not_grouped:,} labelled faces belong to no group; all comparisons leave them out.",)
    return Table(f"each group of {groups.source}, all faces", columns, tuple(rows), notes)


def _differences(groups: Groups) -> Table:
    columns: tuple[str, ...] = ("group", "accuracy (95 %)", "p", "p, Holm", "macro recall (95 %)", "classes")
    rows: list[tuple[str, ...]] = [
        (
            each.name,
            _difference_cell(each),
            p_value(each.p_value),
            p_value(each.p_adjusted),
            _recall_cell(each),
            str(each.n_classes),
        )
        for each in groups.full
    ]
    if groups.twin_free is not None:
        columns += ("twin-free (95 %)",)
        new = {each.name: _difference_cell(each) for each in groups.twin_free}
        rows = [(*row, new.get(row[0], UNKNOWN)) for row in rows]
    title = "each group minus the faces of all other groups, points"
    return Table(title, columns, tuple(rows), (largest_gap(groups), *_ABOUT_GAPS))


def _confidence(groups: Groups) -> Table:
    columns: tuple[str, ...] = ("group", "confidence", "minus accuracy, points", "ECE", "ECE by chance")
    rows: list[tuple[str, ...]] = [
        (
            each.name,
            percent(each.confidence),
            points(each.confidence - each.accuracy),
            number(each.ece),
            number(each.ece_by_chance),
        )
        for each in groups.full
    ]
    if groups.uncertain_below:
        columns += ("accepted", "their accuracy (95 %)")
        rows = [(*row, *_accepted_cells(each)) for row, each in zip(rows, groups.full, strict=True)]
    return Table("confidence in each group", columns, tuple(rows), (_ABOUT_CONFIDENCE,))


def _accuracy_cell(each: GroupFigures) -> str:
    return with_interval(each.accuracy, each.accuracy_low, each.accuracy_high)


def _difference_cell(each: GroupFigures) -> str:
    return f"{points(each.difference)} ({points_interval(each.difference_low, each.difference_high)})"


def _recall_cell(each: GroupFigures) -> str:
    low, high = each.recall_difference_low, each.recall_difference_high
    if low is None or high is None:
        return UNKNOWN
    return f"{points(each.recall_difference)} ({points_interval(low, high)})"


def _accepted_cells(each: GroupFigures) -> tuple[str, str]:
    rate, low, high = each.accepted_accuracy, each.accepted_low, each.accepted_high
    right = UNKNOWN if rate is None or low is None or high is None else with_interval(rate, low, high)
    return percent(each.n_accepted / each.n, 1), right
