"""The tables of a report's figures, as `mien evaluate` and `print` show them."""

from __future__ import annotations

from mien.lab.metrics import Metrics, Report, class_rows
from mien.lab.pages.group_tables import group_tables
from mien.lab.tables import Table, interval, number, percent, points


def report_tables(report: Report) -> list[Table]:
    """Return all figures, those of each class and those of each group; none if no face has a label."""
    if report.full is None:
        return []
    groups = [] if report.groups is None else group_tables(report.groups)
    return [_all_figures(report, report.full), _each_class(report.full), *groups]


def _all_figures(report: Report, full: Metrics) -> Table:
    parts = [full, *([report.twin_free] if report.twin_free is not None else [])]
    columns = ("", "all faces", "twin-free")[: 1 + len(parts)]
    cells = [_cells(part) for part in parts]
    rows = [(name, *(cell[name] for cell in cells)) for name in cells[0]]
    if report.gap is not None:
        rows.append(("train accuracy, while training", percent(report.train_accuracy), *[""] * (len(parts) - 1)))
        rows.append(("train-test gap, points", points(report.gap), *[""] * (len(parts) - 1)))
    return Table(f"{report.model} on {report.split}", columns, tuple(rows))


def _cells(metrics: Metrics) -> dict[str, str]:
    return {
        "faces": f"{metrics.n:,}",
        "accuracy": percent(metrics.accuracy),
        "95 % interval (Wilson)": interval(metrics.accuracy_low, metrics.accuracy_high),
        "balanced accuracy": percent(metrics.balanced_accuracy),
        "macro precision": percent(metrics.macro_precision),
        "macro recall": percent(metrics.macro_recall),
        "macro F1": percent(metrics.macro_f1),
        "top-2 accuracy": percent(metrics.top2_accuracy),
        "log loss": number(metrics.log_loss),
        "calibration error (ECE)": percent(metrics.ece),
        "area under risk-coverage (AURC)": number(metrics.aurc),
    }


def _each_class(full: Metrics) -> Table:
    rows = class_rows(full, lambda rate: percent(rate, 1))
    return Table("each class, all faces", ("", "faces", "precision", "recall", "F1"), tuple(rows))
