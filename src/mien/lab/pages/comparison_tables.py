"""A comparison as tables of text, for the terminal, the documents and the HTML pages."""

from __future__ import annotations

from collections.abc import Sequence

from mien.lab.comparison import Comparison
from mien.lab.evaluated import Evaluated
from mien.lab.metrics import Metrics
from mien.lab.published import Beside, in_words, is_row_of_source, measured_at
from mien.lab.tables import UNKNOWN, Table, interval, number, p_value, percent, points, points_interval, with_interval


def tables_of(comparison: Comparison) -> list[Table]:
    """Return models, seeds, recipes, pairs and published figures; a table without rows and notes is left out."""
    tables = [
        models_table(comparison.entries),
        _seeds_table(comparison),
        _recipes_table(comparison),
        _pairs_table(comparison),
        published_table(comparison.entries),
    ]
    return [table for table in tables if table.rows or table.notes]


def models_table(entries: Sequence[Evaluated]) -> Table:
    """Return one row per model, all on one split."""
    rows = []
    for entry in entries:
        full = entry.full
        rows.append(
            (
                entry.name,
                UNKNOWN if entry.parameters is None else f"{entry.parameters:,}",
                _accuracy(full),
                _accuracy(entry.report.twin_free),
                number(full.macro_f1),
                percent(full.balanced_accuracy),
                number(full.log_loss),
                number(full.ece),
                percent(full.top2_accuracy),
                points(entry.report.gap),
            )
        )
    rates = ("accuracy (95 %)", "twin-free (95 %)")
    columns = ("model", "parameters", *rates, "macro F1", "balanced", "log loss", "ECE", "top-2", "gap")
    first = entries[0]
    faces = f"{first.full.n:,} faces"
    if first.report.twin_free is not None:
        faces += f", {first.report.twin_free.n:,} of them without a twin in Training"
    notes = [f"{faces}. 95 %: interval for the finite number of faces. Gap: points, training minus test accuracy."]
    remarks: dict[str, list[str]] = {}
    for entry in entries:
        for remark in entry.report.remarks:
            remarks.setdefault(remark, []).append(entry.name)
    notes += [f"{', '.join(names)}: {remark}" for remark, names in remarks.items()]
    return Table(f"Models on {first.report.split}", columns, tuple(rows), tuple(notes))


def _accuracy(metrics: Metrics | None) -> str:
    if metrics is None:
        return UNKNOWN
    return with_interval(metrics.accuracy, metrics.accuracy_low, metrics.accuracy_high)


def _seeds_table(comparison: Comparison) -> Table:
    rows = tuple(
        (
            row.recipe,
            str(len(row.names)),
            percent(row.mean),
            interval(row.low, row.high),
            percent(row.twin_free_mean),
        )
        for row in comparison.seeds
    )
    few = any(len(row.names) < 3 for row in comparison.seeds)
    notes = ("Two runs say little about the range; train three or more.",) if few else ()
    return Table("Runs of one recipe", ("recipe", "runs", "mean accuracy", "range", "twin-free mean"), rows, notes)


def _recipes_table(comparison: Comparison) -> Table:
    rows = tuple(
        (
            pair.a,
            pair.b,
            ", ".join(map(str, pair.seeds)),
            points(pair.difference.difference),
            points_interval(pair.difference.low, pair.difference.high),
        )
        for pair in comparison.recipes
    )
    notes = (
        "Means over the seeds that both were trained with. The interval allows for other seeds (Student's t) and for "
        "other faces; if it contains zero, neither recipe is shown to be better.",
    )
    columns = ("a", "b", "seeds", "b - a, points", "95 %")
    return Table("Recipes over their seeds", columns, rows, notes if rows else (), text_columns=3)


def _pairs_table(comparison: Comparison) -> Table:
    rows = tuple(
        (
            pair.a,
            pair.b,
            points(pair.difference.difference),
            points_interval(pair.difference.low, pair.difference.high),
            f"{pair.test.n10:,}",
            f"{pair.test.n01:,}",
            p_value(pair.test.p_value),
            p_value(pair.p_adjusted),
        )
        for pair in comparison.pairs
    )
    columns = ("a", "b", "b - a, points", "95 %", "only a right", "only b right", "p", "p, Holm")
    notes = (
        "McNemar's test on the same faces. Holm's p allows for the number of pairs; below 0.05, the two differ by more "
        "than chance in the choice of faces explains. The test does not cover other seeds of the same recipes.",
    )
    return Table("Pairs on the same faces", columns, rows, notes if rows else (), text_columns=2)


def published_table(entries: Sequence[Evaluated]) -> Table:
    """Return a comparison of the sources' figures with ours, and why some cannot be compared."""
    rows, notes = [], []
    unlike: list[str] = []
    for entry in (each for each in entries if each.trained is not None):
        recipe = entry.run.recipe
        for row in entry.published:
            mark = ""
            if row.unlike:
                if row.unlike not in unlike:
                    unlike.append(row.unlike)
                mark = f" [{unlike.index(row.unlike) + 1}]"
            published, here, difference, spread = in_words(row.figure, row.value, row.difference_interval)
            figures = (published, here, difference + mark, spread)
            rows.append((entry.name, _figure_words(row), _faces_words(row), *figures))
        if recipe.published and not is_row_of_source(recipe):
            name = entry.name
            notes.append(f"{name}: differs from the recipe {recipe.name}; not compared with its source's figures.")
        elif recipe.published and recipe.remark and recipe.remark not in entry.report.remarks:
            notes.append(f"{entry.name}: {recipe.remark}")
    marks = [f"[{number}] Not like for like: {reason}." for number, reason in enumerate(unlike, start=1)]
    if rows:
        notes.append("The interval reflects the finite number of faces here and takes the published figure as exact.")
    columns = ("model", "published figure", "ours, measured on", "published", "here", "difference", "95 %")
    return Table("Beside the published figures", columns, tuple(rows), (*marks, *notes), text_columns=3)


def _figure_words(row: Beside) -> str:
    figure = row.figure
    metric = "training minus test accuracy" if figure.metric == "gap" else f"{figure.split} {figure.metric}"
    at = "" if figure.epoch is None else f", epoch {figure.epoch}"
    return f"{metric} ({figure.place}{at})"


def _faces_words(row: Beside) -> str:
    count = "" if row.n is None else f", {row.n:,} faces"
    return row.split + count + measured_at(row.figure, row.while_training)
