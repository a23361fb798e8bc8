"""The tables of a report's figures, as `mien evaluate`, `print` and the HTML report show them."""

from __future__ import annotations

from collections.abc import Sequence

from mien.lab.metrics import Metrics, Report
from mien.lab.pages.group_tables import group_tables
from mien.lab.tables import Table, interval, number, percent, points


def report_tables(report: Report) -> list[Table]:
    """Return all figures, those of each class and those of each group; none if no face has a label."""
    if report.full is None:
        return []
    groups = [] if report.groups is None else group_tables(report.groups)
    return [_all_figures(report, report.full), class_table(report.full), *groups]


def figure_rows(every: Sequence[Metrics]) -> list[tuple[str, ...]]:
    """Return a row for each figure: its name, then its value in each of the metrics."""
    return [
        ("faces", *(f"{m.n:,}" for m in every)),
        ("accuracy", *(percent(m.accuracy) for m in every)),
        ("95 % interval (Wilson)", *(interval(m.accuracy_low, m.accuracy_high) for m in every)),
        ("balanced accuracy", *(percent(m.balanced_accuracy) for m in every)),
        ("top-2 accuracy", *(percent(m.top2_accuracy) for m in every)),
        ("macro precision", *(number(m.macro_precision) for m in every)),
        ("macro recall", *(number(m.macro_recall) for m in every)),
        ("macro F1", *(number(m.macro_f1) for m in every)),
        ("log loss", *(number(m.log_loss) for m in every)),
        ("calibration error (ECE)", *(number(m.ece) for m in every)),
        ("area under the risk-coverage curve (AURC)", *(number(m.aurc) for m in every)),
    ]


def class_table(full: Metrics) -> Table:
    """Return precision, recall and F1 of each class; undefined ones are left out."""
    rows = []
    for each, predicted in zip(full.per_class, map(sum, zip(*full.confusion, strict=True)), strict=True):
        precision, recall = each.precision if predicted else None, each.recall if each.support else None
        f1 = each.f1 if predicted or each.support else None
        rows.append((each.name, f"{each.support:,}", number(precision), number(recall), number(f1)))
    return Table("each class, all faces", ("", "faces", "precision", "recall", "F1"), tuple(rows))


def _all_figures(report: Report, full: Metrics) -> Table:
    every = [full, *([report.twin_free] if report.twin_free is not None else [])]
    columns = ("", "all faces", "twin-free")[: 1 + len(every)]
    rows = figure_rows(every)
    if report.gap is not None:
        rows.append(("train accuracy, while training", percent(report.train_accuracy), *[""] * (len(every) - 1)))
        rows.append(("train-test gap, points", points(report.gap), *[""] * (len(every) - 1)))
    return Table(f"{report.model or 'predictions'} on {report.split}", columns, tuple(rows))
