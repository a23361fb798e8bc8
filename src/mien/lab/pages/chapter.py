"""One run's chapter of the HTML report: figures and pictures, ready for the template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.errors import ModelError
from mien.explanation import heat_maps, picture_of
from mien.lab.data import FaceDataset
from mien.lab.evaluated import Evaluated
from mien.lab.evaluation import silent
from mien.lab.metrics import Report
from mien.lab.pages import charts, confidence_charts
from mien.lab.pages.charts import Picture
from mien.lab.pages.comparison_tables import published_table
from mien.lab.pages.figure_tables import class_table
from mien.lab.pages.group_tables import group_tables
from mien.lab.pages.reading import sentences
from mien.lab.pages.report_tables import (
    calibration_table,
    coverage_table,
    provenance_table,
    recipe_table,
    summary_table,
    training_table,
)
from mien.lab.run import Run
from mien.lab.statistics import wilson_interval
from mien.lab.tables import UNKNOWN, Table, interval, number, percent, points
from mien.media.heat import overlaid
from mien.recognizer import Recognizer

WORST = 24
"""Number of mistakes shown."""


@dataclass(frozen=True)
class Tile:
    """A headline figure: name, value and details."""

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Mistake:
    """A misclassified face; `heat`, if requested, is the face overlaid with a heat map of the prediction."""

    face: Picture
    heat: Picture | None
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
    coverage: Picture | None
    surest: Table
    groups: Sequence[Table]
    mistakes: Sequence[Mistake] | None
    wrong: int
    recipe: Table
    provenance: Table

    @property
    def charts(self) -> list[Picture]:
        """All its charts."""
        coverage = [] if self.coverage is None else [self.coverage]
        return [*self.curves, *self.confusion, self.calibration, *coverage]


def chapter(
    evaluated: Evaluated,
    data: FaceDataset | None,
    explain: bool = False,
    on_progress: Callable[[str, int, int], None] = silent,
) -> Chapter:
    """Return a run's chapter.

    Args:
        evaluated: the run on one split.
        data: the data set that it was evaluated on, for pictures; None leaves them out.
        explain: whether to add heat maps to the worst mistakes, computed with the run's exported model.
        on_progress: called with (task, steps done, steps in all) while heat maps are computed.

    Raises:
        DataError: `data` does not hold the faces that the run was evaluated on.
        ModelError: `explain` is set, and the run's model folder is missing or not the model that was evaluated.
    """
    # first, because it raises if the data are not those of the evaluation
    mistakes = None if data is None else _mistakes(evaluated, data, explain, on_progress)
    run, full = evaluated.run, evaluated.full
    return Chapter(
        title=f"{evaluated.name} on {evaluated.report.split}",
        subtitle=f"Recipe {run.recipe.name}, from {run.recipe.source}. Run {run.name}.",
        tiles=_tiles(evaluated),
        sentences=sentences(evaluated.report),
        remarks=evaluated.report.remarks,
        summary=summary_table(run),
        published=published_table([evaluated]),
        curves=_curves(run),
        training=training_table(evaluated),
        confusion=confusion_pictures(evaluated.report),
        per_class=class_table(full),
        calibration=confidence_charts.calibration(full.calibration),
        bins=calibration_table(full),
        coverage=confidence_charts.coverage(full.coverage_curve) if full.coverage_curve else None,
        surest=coverage_table(full),
        groups=() if evaluated.report.groups is None else group_tables(evaluated.report.groups),
        mistakes=mistakes,
        wrong=full.n - sum(row[index] for index, row in enumerate(full.confusion)),
        recipe=recipe_table(run.recipe),
        provenance=provenance_table(evaluated),
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
        Tile("top-2 accuracy", percent(full.top2_accuracy, 1), "label among the two most likely"),
        Tile("log loss", number(full.log_loss), "mean of -ln p(label)"),
        Tile("calibration error", percent(full.ece, 1), "ECE, 15 bins"),
        Tile("train-test gap", points(gap), "points" if gap is not None else "training accuracy unknown"),
        Tile("parameters", UNKNOWN if parameters is None else f"{parameters:,}", "weights of the network"),
    ]


def _curves(run: Run) -> list[Picture]:
    history, kept = run.history(), run.kept_epoch().get("epoch")
    pictures = [charts.curves(history, quantity, kept) for quantity in ("loss", "accuracy", "lr")]
    return [picture for picture in pictures if picture is not None]


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
        charts.vector(np.where(support > 0, right / np.maximum(support, 1), np.nan), lows, highs, names),
    ]


def _mistakes(
    evaluated: Evaluated, data: FaceDataset, explain: bool, on_progress: Callable[[str, int, int], None]
) -> list[Mistake]:
    """The misclassified faces of highest confidence, worst first."""
    predictions, faces = evaluated.predictions, evaluated.faces_in(data)
    wrong = np.flatnonzero(~predictions.correct & (predictions.labels >= 0))
    worst = wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:WORST]
    mistakes = []
    recognizer = _evaluated_model(evaluated) if explain else None
    for done, index in enumerate(worst.tolist(), start=1):
        row = str(predictions.rows[index])
        label = predictions.label_set.name(int(predictions.labels[index]))
        predicted = predictions.label_set.name(int(predictions.predicted[index]))
        pixels, heat = faces.faces[index], None
        if recognizer is not None:
            heat = _heat(recognizer, pixels, predicted)
            on_progress("explaining mistakes", done, len(worst))
        picture = charts.face(pixels, f"face labelled {label}, predicted {predicted}")
        mistakes.append(Mistake(picture, heat, label, predicted, percent(predictions.confidence[index], 0), row))
    return mistakes


def _evaluated_model(evaluated: Evaluated) -> Recognizer:
    """The model whose predictions are shown."""
    recognizer = Recognizer.load(evaluated.run.folder / "model")
    if recognizer.card.sha256 != evaluated.report.model_sha256:
        raise ModelError(
            f"{recognizer.folder}: holds another model than the one that was evaluated; run `mien evaluate "
            f"{evaluated.run.folder}` again."
        )
    return recognizer


def _heat(recognizer: Recognizer, pixels: npt.NDArray[np.uint8], label: str) -> Picture:
    """The face overlaid with the heat map for `label`."""
    card = recognizer.card
    stack = card.preprocess.stack([pixels])
    (heat,) = heat_maps(recognizer, stack, [card.labels.names.index(label)])
    return charts.face(overlaid(picture_of(stack[0]), heat), f"heat map for {label}")
