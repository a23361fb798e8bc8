"""The tables of a run's chapter in the HTML report."""

from __future__ import annotations

import dataclasses
from typing import Any

from mien.lab.evaluated import Evaluated, scored_splits
from mien.lab.metrics import Metrics, Report
from mien.lab.pages.figure_tables import figure_rows
from mien.lab.predictions import report_file
from mien.lab.recipe import Recipe
from mien.lab.recipe.io import VARIANT
from mien.lab.recipe.words import figure_in_words
from mien.lab.remarks import watched_faces
from mien.lab.run import Run
from mien.lab.tables import UNKNOWN, Table, interval, number, percent


def summary_table(run: Run) -> Table:
    """Return every figure on every scored split, full and twin-free."""
    columns: list[tuple[str, Metrics]] = []
    for split in scored_splits(run.folder):
        report = Report.read(report_file(run.folder, split))
        parts = ((split, report.full), (f"{split}, twin-free", report.twin_free))
        columns += [(head, metrics) for head, metrics in parts if metrics is not None]
    rows = figure_rows([metrics for _, metrics in columns])
    return Table("All figures", ("", *(head for head, _ in columns)), tuple(rows))


def calibration_table(full: Metrics) -> Table:
    """Return confidence and accuracy of each bin that holds a face."""
    rows = tuple(
        (f"{each.low:.2f} to {each.high:.2f}", f"{each.n:,}", percent(each.confidence, 1), percent(each.accuracy, 1))
        for each in full.calibration
        if each.n
    )
    return Table("Calibration", ("confidence", "faces", "mean confidence", "accuracy"), rows)


def coverage_table(full: Metrics) -> Table:
    """Return the accuracy and the lowest confidence of the most confident predictions, for each coverage."""
    rows = tuple(
        (
            percent(each.coverage, 0),
            f"{each.n:,}",
            number(each.threshold),
            percent(each.accuracy, 1),
            interval(each.accuracy_low, each.accuracy_high),
        )
        for each in full.coverage_curve
    )
    note = (
        f"The area under the risk-coverage curve, the mean error rate over all thresholds (Geifman et al. 2019), is "
        f"{number(full.aurc)}. An uninformative confidence would give {number(1 - full.accuracy)}."
    )
    columns = ("most confident", "faces", "confidence from", "accuracy", "95 %")
    return Table("Most confident predictions", columns, rows, (note,))


def training_table(evaluated: Evaluated) -> Table:
    """Return the key facts of the training."""
    environment, report = evaluated.run.environment, evaluated.report
    averaged = environment.get("averaged", ())
    seconds, kept = environment.get("seconds"), evaluated.run.kept_epoch().get("epoch")
    epochs = f"{environment.get('epochs_run', 0)} of {evaluated.run.recipe.epochs}"
    rows = (
        ("trained on", f"{environment.get('n_train', 0):,} faces"),
        ("validated on", watched_faces(environment)),
        ("epochs run", f"none; the weights are the mean of {len(averaged)} runs" if averaged else epochs),
        ("epoch of the kept weights", UNKNOWN if kept is None else str(kept)),
        ("its training accuracy", percent(report.train_accuracy)),
        ("its validation accuracy", percent(report.validation_accuracy)),
        ("time", UNKNOWN if seconds is None else f"{seconds / 60:.1f} min"),
        ("device", str(environment.get("device", UNKNOWN))),
    )
    return Table("Training", ("training", ""), rows)


def recipe_table(recipe: Recipe) -> Table:
    """Return every field of a recipe, and whether its source states it."""
    rows, assumed = [], dict(recipe.assumed)
    for field in dataclasses.fields(Recipe):
        if field.name in ("name", "source", "assumed", "remark", "published"):
            continue
        reasons = {key: assumed.pop(key) for key in list(assumed) if key.split(".")[0] == field.name}
        text = " ".join(reason if key == field.name else f"{key}: {reason}" for key, reason in reasons.items())
        rows.append((field.name, _value_words(getattr(recipe, field.name)), text))
    rows += [("also", key, reason) for key, reason in assumed.items()]
    for figure in recipe.published:
        rows.append(("published", f"{figure_in_words(figure)} ({figure.place})", ""))
    notes = [f"Source: {recipe.source}."]
    if recipe.name.endswith(VARIANT):
        notes.append("A variant: at least one field differs from what the source states.")
    notes += [f"Remark: {recipe.remark}"] if recipe.remark else []
    if not any(reason for *_, reason in rows):
        return Table("Recipe", ("field", "value"), tuple(row[:2] for row in rows), tuple(notes), text_columns=2)
    columns = ("field", "value", "assumed, because the source leaves it out")
    return Table("Recipe", columns, tuple(rows), tuple(notes), text_columns=3)


def _value_words(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        parts = (f"{field.name} {_value_words(getattr(value, field.name))}" for field in dataclasses.fields(value))
        return f"{type(value).__name__}: {', '.join(parts)}".removesuffix(": ")
    if isinstance(value, tuple):
        return " / ".join(map(_value_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def provenance_table(evaluated: Evaluated) -> Table:
    """Return the origin of the figures."""
    report, environment = evaluated.report, evaluated.run.environment
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items() if version)
    rows = {
        "run": evaluated.run.name,
        "seed": environment["seed"],
        "code, commit": ", then ".join(evaluated.run.commits),
        "data": f"{environment['data_source']}, fingerprint {environment['data_fingerprint']}",
        "evaluated on": f"{report.split}, {report.n_scored:,} of {report.n_total:,} faces labelled; "
        f"{report.data_source or UNKNOWN}, fingerprint {report.data_fingerprint or UNKNOWN}",
        "test-time augmentation": report.tta,
        "model file, SHA-256": report.model_sha256 or UNKNOWN,
        "started": environment.get("started", UNKNOWN),
        "device": f"{environment.get('device', UNKNOWN)}, {environment.get('precision', UNKNOWN)}",
        "starting weights": environment.get("weights") or "none from a file",
        "versions": versions,
        "classes, in order": ", ".join(environment["label_set"]),
    }
    return Table("Provenance", ("", ""), tuple((name, str(value)) for name, value in rows.items()), text_columns=2)
