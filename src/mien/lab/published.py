"""Compare a run or report with the figures that its source published, and state where they are not like for like."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from mien.lab.data import PRIVATE, PUBLIC, TEST, TRAINING
from mien.lab.data.edition import FULL_SIZES, TEST_SIZE
from mien.lab.metrics import Report, log_losses
from mien.lab.predictions import Predictions
from mien.lab.recipe import Backbone, Figure, Recipe
from mien.lab.recipe.io import bare, from_row
from mien.lab.recipe_book import recipes
from mien.lab.run import Run
from mien.lab.statistics import Z95, wilson_interval
from mien.lab.tables import UNKNOWN, Table, interval, number, percent, points

WHILE_LEARNING = "ours is the mean over the epoch, while it learned; how the source measured it is not stated"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One published figure beside one of ours.

    Attributes:
        figure: what the source published.
        value: ours; a rate, a difference of rates, or a loss.
        low: lower end of its 95 % interval; None where its faces are not a sample.
        high: upper end.
        split: the faces of our figure: the name of a split, or for example "20 % of Training".
        n: their number; None for a figure on the training faces.
        while_training: whether ours was measured during training, in the kept epoch, and not by `mien evaluate`.
        unlike: why the two are not like for like; empty where they are.
    """

    figure: Figure
    value: float
    low: float | None
    high: float | None
    split: str
    n: int | None
    while_training: bool
    unlike: str

    @property
    def difference(self) -> float:
        """Ours minus published. The published figure is taken as exact: its uncertainty is unknown."""
        return self.value - self.figure.value

    @property
    def difference_interval(self) -> tuple[float, float] | None:
        """95 % interval of the difference, for the sampling of our faces only."""
        if self.low is None or self.high is None:
            return None
        return self.low - self.figure.value, self.high - self.figure.value

    def to_row(self) -> dict[str, Any]:
        """Return it with the difference and its interval, ready for JSON."""
        return asdict(self) | {"difference": self.difference, "difference_interval": self.difference_interval}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Beside:
        """Read what `to_row` returned; the figure in older rows lacks fields without a value."""
        derived = ("difference", "difference_interval")
        known = {key: value for key, value in row.items() if key not in derived}
        return cls(**known | {"figure": Figure(**row["figure"])})


WEIGHTS_OF = {
    # EfficientNet-Lite0 of ImageNet-1k, Apache-2.0, with the names of EfficientNet-PyTorch
    "f46ec1c3cb680f7b6e592fd971a28f301ca2deef2db22f51ce7d8e69c6b5d28e": "tf_efficientnet_lite0.in1k",
}
"""SHA-256 of files that hold a timm network's weights under other parameter names -> that network."""


def measured_at(figure: Figure, while_training: bool) -> str:
    """Return the epoch of our figure, such as ``", kept epoch"``; empty for one from `mien evaluate`."""
    return f", epoch {figure.epoch}" if figure.epoch is not None else ", kept epoch" if while_training else ""


def in_words(
    figure: Figure, ours: float | None, difference_interval: tuple[float, float] | None = None
) -> tuple[str, str, str, str]:
    """Return published, here, difference and its interval; rates in percent, differences in points, losses plain.

    A bound has no difference.
    """
    show, show_difference = (number, "{:+.3f}".format) if figure.metric == "loss" else (percent, points)
    difference, spread = UNKNOWN, UNKNOWN
    if ours is not None and not figure.over:
        difference = show_difference(ours - figure.value)
        spread = UNKNOWN if difference_interval is None else " to ".join(map(show_difference, difference_interval))
    return figure.precision + show(figure.value), show(ours), difference, spread


def is_row_of_source(recipe: Recipe) -> bool:
    """Whether a recipe trains like the recipe book's row of its name; a variant does not, whatever its name."""
    if recipe.name not in recipes:
        return False
    row = recipes[recipe.name]
    return row.published == recipe.published and bare(row) == bare(recipe)  # notes may have been reworded since


def stand_in(recipe: Recipe, weights: str | None, sha256: str | None = None) -> str | None:
    """Return the file of starting weights if it replaces the weights that the recipe names.

    A file named after the recipe's network, such as ``resnet50.tv_in1k.safetensors``, counts as the named weights; so
    does one in `WEIGHTS_OF`.

    Args:
        recipe: that was trained.
        weights: name of the file; None = none was given.
        sha256: of the file, where known.
    """
    network = recipe.network
    if not isinstance(network, Backbone):
        return None
    right = weights == f"{network.name}.safetensors" or (sha256 is not None and WEIGHTS_OF.get(sha256) == network.name)
    return None if right else weights


def compare_published(report: Report) -> str:
    """Return a plain-text table of the source's figures beside a report's, or the reason why there is none.

    The figures are those of the recipe that the report names; `lab.compare` gives more detail on a run.
    """
    if why := _why_not_comparable(report):
        return f"{report.model} on {report.split} is not compared with published figures: {why}."
    recipe = from_row(report.provenance["recipe"])
    rows = []
    for figure in (each for each in recipe.published if each.epoch is None):
        ours, low, high = _of_report(report, figure)
        spread = "" if low is None or high is None else interval(low, high)
        published, here, difference, _ = in_words(figure, ours)
        rows.append((f"{figure.metric}, {figure.split}", published, here, spread, difference, figure.place))
    columns = ("figure", "published", "here", "95 % interval", "difference", "place")
    notes = (*report.remarks, "The source may have used other test faces: see `mien compare`.")
    return Table(f"{report.model} on {report.split}", columns, tuple(rows), notes).plain()


def _why_not_comparable(report: Report) -> str:
    """Why a report must not be compared with its source's figures; empty if it may."""
    if "members" in report.provenance:
        return "it is a mean of several models"
    if "recipe" not in report.provenance:
        return "its training is not known"
    recipe = from_row(report.provenance["recipe"])
    if not is_row_of_source(recipe):
        return "its recipe is not the published one"
    if not recipe.published:
        return f"{recipe.name} has none"
    if report.tta != "none":
        return "it was measured with test-time augmentation"
    file = stand_in(recipe, report.provenance.get("weights"))
    return "" if file is None else f"it started from {file} in place of {recipe.network.name}"


def _of_report(report: Report, figure: Figure) -> tuple[float | None, float | None, float | None]:
    """Our figure for a published one, and the ends of its 95 % interval; None where the report lacks it."""
    if figure.metric == "gap" or figure.split == "test":
        return _measured(report, figure)
    return (_kept(report)[f"{figure.split}_accuracy"] if figure.metric == "accuracy" else None), None, None


def _measured(report: Report, figure: Figure) -> tuple[float | None, float | None, float | None]:
    """A report's figure on its split and the ends of its 95 % interval, except of a loss; None where it has none."""
    full = report.full
    if full is None:
        return None, None, None
    if figure.metric == "loss":
        return full.log_loss, None, None
    if figure.metric == "accuracy":
        return full.accuracy, full.accuracy_low, full.accuracy_high
    if report.train_accuracy is None:
        return None, None, None
    return report.gap, report.train_accuracy - full.accuracy_high, report.train_accuracy - full.accuracy_low


def _kept(report: Report) -> dict[str, float | None]:
    """A report's figures of the kept epoch, named as in the history."""
    return {"train_accuracy": report.train_accuracy, "validation_accuracy": report.validation_accuracy}


def beside_published(run: Run, report: Report, predictions: Predictions) -> list[Beside]:
    """Return the source's figures beside ours; none for a variant of its recipe, or with test-time augmentation.

    A validation figure gets two rows: beside our validation accuracy during training, and beside our figure on the
    split of `report`, which is not like for like.
    """
    if report.full is None or report.tta != "none" or not is_row_of_source(run.recipe):
        return []
    rows = []
    for figure in run.recipe.published:
        if figure.split in ("train", "validation") and figure.metric == "accuracy":
            rows += _while_training(run, report, figure)
        if figure.split != "train" and figure.epoch is None:
            rows += _on_test(run.recipe, report, predictions, figure)
    before = _unlike_training(run)
    return [replace(row, unlike="; ".join(filter(None, (*before, row.unlike)))) for row in rows]


def _unlike_training(run: Run) -> list[str]:
    """How a run's training differs from that of its source."""
    known = run.environment
    file = stand_in(run.recipe, known["weights"], known["weights_sha256"])
    held_out = known["n_validation"] if run.recipe.validation.kind == "holdout" else 0
    faces, theirs = known["n_train"] + held_out, FULL_SIZES[TRAINING]
    return [
        *([] if file is None else [f"started from {file} in place of {run.recipe.network.name}"]),
        *([] if faces == theirs else [f"the source trained on {theirs:,} faces, here {faces:,}"]),
    ]


def _while_training(run: Run, report: Report, figure: Figure) -> list[Beside]:
    split, unlike = source_faces(run.recipe, figure.split), ""
    kept = _kept(report)
    if figure.epoch is not None:
        kept = next((row for row in run.history() if row["epoch"] == figure.epoch), {})
    if figure.split == "train":
        value, n, low, high = kept.get("train_accuracy"), None, None, None
        unlike = WHILE_LEARNING
    else:
        value, n = kept.get("validation_accuracy"), run.environment["n_validation"]
        low, high = (None, None) if value is None else wilson_interval(value * n, n)
        if n != (theirs := source_size(run.recipe, figure.split)):
            unlike = f"the source watched {theirs:,} faces, here {n:,}"
    if value is None:
        return []
    return [
        Beside(figure=figure, value=value, low=low, high=high, split=split, n=n, while_training=True, unlike=unlike)
    ]


def _on_test(recipe: Recipe, report: Report, predictions: Predictions, figure: Figure) -> list[Beside]:
    assert report.full is not None
    value, low, high = _measured(report, figure)
    if value is None:
        return []
    if figure.metric == "loss":
        low, high = _loss_interval(predictions)
    theirs, split = source_faces(recipe, figure.split), report.split
    size, n = source_size(recipe, figure.split), report.full.n
    unlike = "" if n == size else f"the source measured on {size:,} faces, here {n:,}"
    if theirs != split:
        unlike = f"the source measured on {theirs}, here on {split}"
    if figure.metric == "gap":
        unlike = "; ".join(filter(None, (WHILE_LEARNING, unlike)))
    return [
        Beside(figure=figure, value=value, low=low, high=high, split=split, n=n, while_training=False, unlike=unlike)
    ]


def source_faces(recipe: Recipe, split: str) -> str:
    """Return which faces the source means by a split; its validation shows which edition it used."""
    kind = recipe.validation.kind
    if split == "train":
        return TRAINING
    if split == "test":
        return PRIVATE if kind == PUBLIC else TEST  # the folder edition has a single test split
    return f"{100 * recipe.validation.fraction:g} % of Training" if kind == "holdout" else kind


def source_size(recipe: Recipe, split: str) -> int:
    """Return how many faces a source's ``"validation"`` or ``"test"`` has."""
    name = source_faces(recipe, split)
    known = FULL_SIZES | {TEST: TEST_SIZE}
    return known[name] if name in known else int(recipe.validation.fraction * FULL_SIZES[TRAINING])


def _loss_interval(predictions: Predictions) -> tuple[float, float] | tuple[None, None]:
    """Normal 95 % interval of the mean of -ln p(label); None for a single face, which has no variance."""
    scored = predictions.take(predictions.labels >= 0)
    losses = log_losses(scored)
    if len(losses) < 2:
        return None, None
    half = Z95 * float(losses.std(ddof=1)) / math.sqrt(len(losses))
    return float(losses.mean()) - half, float(losses.mean()) + half
