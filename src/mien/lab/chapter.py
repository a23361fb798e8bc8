"""One run's chapter of the HTML report: figures and pictures, ready for the template."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.errors import DataError
from mien.lab import charts
from mien.lab.charts import Picture
from mien.lab.comparison_tables import published_table
from mien.lab.data import FaceDataset
from mien.lab.evaluated import Evaluated, scored_splits
from mien.lab.metrics import Metrics, Report
from mien.lab.reading import sentences
from mien.lab.recipe import Recipe
from mien.lab.recipe_io import VARIANT
from mien.lab.run import Run
from mien.lab.statistics import wilson_interval
from mien.lab.tables import UNKNOWN, Table, interval, number, percent, points

WORST = 24
"""Mistakes that are shown."""


@dataclass(frozen=True)
class Tile:
    """A figure that stands out: its name, its value, and what qualifies it."""

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Mistake:
    """A face that the model called something else than the raters did."""

    face: Picture
    label: str
    predicted: str
    confidence: str
    row: str


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """What the template shows of one run."""

    title: str
    subtitle: str
    tiles: Sequence[Tile]
    sentences: Sequence[str]
    remarks: Sequence[str]
    summary: Table
    published: Table
    curves: Sequence[Picture]
    training: Table
    confusion: Sequence[Picture]
    per_class: Table
    calibration: Picture
    bins: Table
    mistakes: Sequence[Mistake] | None
    wrong: int
    recipe: Table
    provenance: Table


def chapter(evaluated: Evaluated, data: FaceDataset | None) -> Chapter:
    """Return a run's chapter.

    Args:
        evaluated: the run on one split.
        data: the data set that it was evaluated on, for pictures; None leaves them out.

    Raises:
        DataError: `data` does not hold the faces that the run was evaluated on.
    """
    run, full = evaluated.run, evaluated.full
    confidence, accuracy, counts = _bins(full)
    return Chapter(
        title=f"{evaluated.name} on {evaluated.report.split}",
        subtitle=f"Recipe {run.recipe.name}, from {run.recipe.source}. Run {run.folder.name}.",
        tiles=_tiles(evaluated),
        sentences=sentences(evaluated.report),
        remarks=evaluated.report.remarks,
        summary=_summary(run),
        published=published_table([evaluated]),
        curves=_curves(run),
        training=_training(evaluated),
        confusion=confusion_pictures(evaluated.report),
        per_class=_per_class(full),
        calibration=charts.calibration(confidence, accuracy, counts),
        bins=_bins_table(full),
        mistakes=None if data is None else _mistakes(evaluated, data),
        wrong=full.n - sum(row[index] for index, row in enumerate(full.confusion)),
        recipe=recipe_table(run.recipe),
        provenance=_provenance(evaluated),
    )


def _tiles(evaluated: Evaluated) -> list[Tile]:
    full, twin_free = evaluated.full, evaluated.report.twin_free
    tiles = [Tile("accuracy", percent(full.accuracy, 1), f"95 %: {interval(full.accuracy_low, full.accuracy_high)}")]
    if twin_free is not None:
        spread = interval(twin_free.accuracy_low, twin_free.accuracy_high)
        tiles.append(Tile("accuracy, twin-free", percent(twin_free.accuracy, 1), f"95 %: {spread}"))
    gap, parameters = evaluated.report.gap, evaluated.parameters
    return [
        *tiles,
        Tile("macro F1", number(full.macro_f1), "mean over the classes"),
        Tile("balanced accuracy", percent(full.balanced_accuracy, 1), "mean recall over the classes"),
        Tile("top-2 accuracy", percent(full.top2_accuracy, 1), "label among the two likeliest"),
        Tile("log loss", number(full.log_loss), "mean of -ln p(label)"),
        Tile("calibration error", percent(full.ece, 1), "ECE, 15 bins"),
        Tile("train-test gap", points(gap), "points" if gap is not None else "training accuracy not known"),
        Tile("parameters", UNKNOWN if parameters is None else f"{parameters:,}", "weights of the network"),
    ]


def _summary(run: Run) -> Table:
    """Every figure on every scored split, full and twin-free."""
    columns: list[tuple[str, Metrics]] = []
    for split in scored_splits(run):
        report = Report.read(run.folder / f"report-{split}.json")
        parts = ((split, report.full), (f"{split}, twin-free", report.twin_free))
        columns += [(head, metrics) for head, metrics in parts if metrics is not None]
    every = [metrics for _, metrics in columns]
    rows = (
        ("faces", *(f"{m.n:,}" for m in every)),
        ("accuracy", *(percent(m.accuracy) for m in every)),
        ("95 % interval", *(interval(m.accuracy_low, m.accuracy_high) for m in every)),
        ("balanced accuracy", *(percent(m.balanced_accuracy) for m in every)),
        ("macro precision", *(number(m.macro_precision) for m in every)),
        ("macro recall", *(number(m.macro_recall) for m in every)),
        ("macro F1", *(number(m.macro_f1) for m in every)),
        ("top-2 accuracy", *(percent(m.top2_accuracy) for m in every)),
        ("log loss", *(number(m.log_loss) for m in every)),
        ("expected calibration error", *(number(m.ece) for m in every)),
    )
    return Table("All figures", ("figure", *(head for head, _ in columns)), rows)


def kept_epoch(run: Run) -> int | None:
    """Return the epoch whose weights were kept, counted from 1; None before the first has ended."""
    name = "best_epoch" if run.recipe.stopping.keep == "best" else "epochs_run"
    return run.environment.get(name) or None


def _curves(run: Run) -> list[Picture]:
    history, kept = run.history(), kept_epoch(run)
    pictures = [charts.curves(history, quantity, kept) for quantity in ("loss", "accuracy", "lr")]
    return [picture for picture in pictures if picture is not None]


def _training(evaluated: Evaluated) -> Table:
    environment, report = evaluated.run.environment, evaluated.report
    seconds, kept = environment.get("seconds"), kept_epoch(evaluated.run)
    rows = (
        ("learnt from", f"{environment.get('n_train', 0):,} faces"),
        ("watched", f"{environment.get('n_validation', 0):,} faces"),
        ("epochs run", f"{environment.get('epochs_run', 0)} of {evaluated.run.recipe.epochs}"),
        ("epoch of the kept weights", UNKNOWN if kept is None else str(kept)),
        ("its training accuracy", percent(report.train_accuracy)),
        ("its validation accuracy", percent(report.validation_accuracy)),
        ("time", UNKNOWN if seconds is None else f"{seconds / 60:.1f} min"),
        ("device", str(environment.get("device", UNKNOWN))),
    )
    return Table("Training", ("training", ""), rows)


def confusion_pictures(report: Report) -> list[Picture]:
    """Return the confusion matrix in counts and in rates, and the confusion vector."""
    assert report.full is not None
    names, counts = tuple(report.label_set), np.array(report.full.confusion)
    right, support = counts.diagonal(), counts.sum(axis=1)
    spans = [wilson_interval(int(k), int(n)) if n else (0.0, 0.0) for k, n in zip(right, support, strict=True)]
    lows, highs = np.array(spans).T
    return [
        charts.confusion(counts, names, rates=False),
        charts.confusion(counts, names, rates=True),
        charts.vector(charts.rates_of(counts).diagonal(), lows, highs, names),
    ]


def _per_class(full: Metrics) -> Table:
    rows = [
        (each.name, f"{each.support:,}", number(each.precision), number(each.recall), number(each.f1))
        for each in full.per_class
    ]
    rows.append(("mean", f"{full.n:,}", number(full.macro_precision), number(full.macro_recall), number(full.macro_f1)))
    return Table("Each expression", ("expression", "faces", "precision", "recall", "F1"), tuple(rows))


def _bins(full: Metrics) -> tuple[Any, Any, Any]:
    filled = [each for each in full.calibration if each.n]
    return (
        np.array([each.confidence for each in filled], np.float64),
        np.array([each.accuracy for each in filled], np.float64),
        np.array([each.n for each in filled], np.int64),
    )


def _bins_table(full: Metrics) -> Table:
    rows = tuple(
        (f"{each.low:.2f} to {each.high:.2f}", f"{each.n:,}", percent(each.confidence, 1), percent(each.accuracy, 1))
        for each in full.calibration
        if each.n
    )
    return Table("Calibration", ("confidence", "faces", "mean confidence", "accuracy"), rows)


def _mistakes(evaluated: Evaluated, data: FaceDataset) -> list[Mistake]:
    """The wrong faces of highest confidence, worst first."""
    predictions, report = evaluated.predictions, evaluated.report
    faces = data.split(report.split)
    place = {row: index for index, row in enumerate(faces.rows.tolist())}
    missing = [row for row in predictions.rows.tolist() if row not in place]
    if missing:
        raise DataError(
            f"{data.source}: {len(missing):,} faces of {report.split} on which {evaluated.run.folder} was evaluated "
            f"are not in it, such as row {missing[0]!r}. It was evaluated on {report.data_source or 'another file'}: "
            "give that as --data."
        )
    wrong = np.flatnonzero(~predictions.correct & (predictions.labels >= 0))
    worst = wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:WORST]
    mistakes = []
    for index in worst.tolist():
        row = str(predictions.rows[index])
        label = predictions.label_set.name(int(predictions.labels[index]))
        predicted = predictions.label_set.name(int(predictions.predicted[index]))
        picture = charts.face(faces.faces[place[row]], f"face labelled {label}, called {predicted}")
        mistakes.append(Mistake(picture, label, predicted, percent(predictions.confidence[index], 0), row))
    return mistakes


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
        about = "" if figure.exact else "about "
        rows.append(("published", f"{figure.split} {figure.metric} {about}{figure.value:g} ({figure.place})", ""))
    notes = [f"Source: {recipe.source}."]
    if recipe.name.endswith(VARIANT):
        notes.append("A variant: at least one field differs from what the source states.")
    notes += [f"Remark: {recipe.remark}"] if recipe.remark else []
    return Table(
        "Recipe", ("field", "value", "assumed, because the source leaves it out"), tuple(rows), tuple(notes), 3
    )


def _value_words(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        parts = (f"{field.name} {_value_words(getattr(value, field.name))}" for field in dataclasses.fields(value))
        return f"{type(value).__name__}: {', '.join(parts)}".removesuffix(": ")
    if isinstance(value, tuple):
        return " / ".join(map(_value_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _provenance(evaluated: Evaluated) -> Table:
    report, environment = evaluated.report, evaluated.run.environment
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items() if version)
    rows = {
        "run": evaluated.run.folder.name,
        "seed": environment["seed"],
        "code, commit": environment["commit"],
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
