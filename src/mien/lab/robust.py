"""Robustness: how much accuracy a model loses when the box is off, the image poor or part of the face hidden."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.errors import DataError
from mien.lab.changes import CHANGES, Change
from mien.lab.data import FaceDataset
from mien.lab.evaluation import choose_split, find_twin_free, open_model, predict_split, silent
from mien.lab.metrics import measure
from mien.lab.predictions import Predictions
from mien.lab.statistics import paired_difference
from mien.lab.tables import UNKNOWN, Table, number, percent, points, points_interval
from mien.recognizer import Recognizer

if TYPE_CHECKING:
    from mien.lab.run import Run


@dataclass(frozen=True, kw_only=True)
class EffectFigures:
    """The effect of a change on some faces; rates in 0..1.

    Attributes:
        n: labelled faces.
        accuracy: on the changed faces.
        difference: accuracy minus that on the unchanged faces.
        difference_low: lower end of its 95 % interval, see `paired_difference`.
        difference_high: upper end.
        changed_labels: share of faces whose predicted label changes, right or wrong.
        confidence: mean probability of the predicted class.
        ece: expected calibration error.
    """

    n: int
    accuracy: float
    difference: float
    difference_low: float
    difference_high: float
    changed_labels: float
    confidence: float
    ece: float


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One change at one strength.

    Attributes:
        change: its name in `mien.lab.changes.CHANGES`; that of the first effect is ``"unchanged"``.
        strength: in words; empty where there is only one.
        full: figures of all labelled faces.
        twin_free: figures of those without a twin in Training; None where Training was missing.
    """

    change: str
    strength: str
    full: EffectFigures
    twin_free: EffectFigures | None

    @property
    def words(self) -> str:
        """Change and strength together."""
        return f"{self.change} {self.strength}".strip()


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """A model's figures on the same faces under many changes.

    Attributes:
        model: the card's name.
        model_sha256: of the `model.onnx` that was measured.
        split: name of the split.
        data_source: name of the file or folder that was read.
        data_fingerprint: SHA-256 of the faces and labels of the split.
        seed: of the random directions and the noise.
        effects: the unchanged faces first.
    """

    model: str
    model_sha256: str
    split: str
    data_source: str
    data_fingerprint: str
    seed: int
    effects: tuple[Effect, ...]

    def to_json(self) -> str:
        """Return all figures as JSON, rates in 0..1."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Robustness:
        """Return what `to_json` wrote."""
        row = json.loads(text)
        return cls(**row | {"effects": tuple(map(_effect_from, row["effects"]))})

    def table(self) -> Table:
        """Return a row for each change; differences in points, with their 95 % intervals."""
        unchanged = self.effects[0]
        columns = (
            *("change", "strength", "accuracy", "difference (95 %)", "twin-free", "difference (95 %)"),
            *("other label", "confidence", "ECE"),
        )
        of = f"{unchanged.full.n:,} faces"
        if unchanged.twin_free is not None:
            of += f", {unchanged.twin_free.n:,} of them twin-free"
        notes = (
            "Differences are in points, relative to the unchanged faces. Other label: faces whose predicted label "
            "changes, right or wrong.",
            "Pixels beyond the edge of an image repeat its edge pixels.",
        )
        title = f"{self.model} on {self.split}: {of}"
        return Table(title, columns, tuple(map(_row, self.effects)), notes, text_columns=2)


def robustness(
    model: Run | Recognizer | str | Path,
    data: FaceDataset,
    split: str | None = None,
    seed: int = 0,
    *,
    on_progress: Callable[[str, int, int], None] = silent,
) -> Robustness:
    """Measure a model on one split, unchanged and under every change of `mien.lab.changes.CHANGES`.

    Args:
        model: a run, its folder, a model folder, the name of a shipped model, or a loaded recogniser.
        data: the whole data set; twins are searched for in its Training split.
        split: to evaluate; default: the only split, else Test, else PublicTest. Faces without a label are left out.
        seed: of the random directions and the noise.
        on_progress: called with (task, steps done, steps in all).

    Raises:
        DataError: the data set lacks the split, or labels for it, or has a class that the model lacks.
        ModelError: there is no such model, or it cannot be exported.
    """
    chosen = choose_split(data, split)
    known = chosen.labels >= 0
    if not known.any():
        raise DataError(
            f"{data.source}: no face of {chosen.splits[0]} has a label; accuracy cannot be measured. "
            "Choose a labelled split with --split."
        )
    _, recognizer = open_model(model, data)
    faces = chosen.take(known).relabel(recognizer.card.labels)
    twin_free = find_twin_free(data, chosen, partial(on_progress, "looking for twins"))
    twin_free = None if twin_free is None else twin_free[known]
    predictions: list[Predictions] = []

    def show(done: int, _: int) -> None:
        n, position = len(faces), len(predictions)
        on_progress(CHANGES[position].name, position * n + done, len(CHANGES) * n)

    for change in CHANGES:
        changed = replace(faces, faces=change.apply(faces.faces, seed))
        predictions.append(predict_split(recognizer, changed, twin_free, "none", show))
    return Robustness(
        model=recognizer.card.name,
        model_sha256=recognizer.card.sha256,
        split=str(chosen.splits[0]),
        data_source=Path(data.source).name,
        data_fingerprint=chosen.fingerprint,
        seed=seed,
        effects=tuple(_effect(change, predictions[0], each) for change, each in zip(CHANGES, predictions, strict=True)),
    )


def _effect(change: Change, unchanged: Predictions, changed: Predictions) -> Effect:
    full, new, twin_free = _figures(unchanged, changed), changed.twin_free, None
    if new is not None and new.any():
        twin_free = _figures(unchanged.take(new), changed.take(new))
    return Effect(change=change.name, strength=change.strength, full=full, twin_free=twin_free)


def _figures(unchanged: Predictions, changed: Predictions) -> EffectFigures:
    metrics = measure(changed)
    assert metrics is not None  # all faces have labels
    paired = paired_difference(unchanged.correct, changed.correct)
    return EffectFigures(
        n=metrics.n,
        accuracy=metrics.accuracy,
        difference=paired.difference,
        difference_low=paired.low,
        difference_high=paired.high,
        changed_labels=float((changed.predicted != unchanged.predicted).mean()),
        confidence=float(changed.confidence.mean()),
        ece=metrics.ece,
    )


def _effect_from(row: dict[str, Any]) -> Effect:
    twin_free = row["twin_free"] and EffectFigures(**row["twin_free"])
    return Effect(**row | {"full": EffectFigures(**row["full"]), "twin_free": twin_free})


def _row(effect: Effect) -> tuple[str, ...]:
    full, changed = effect.full, effect.change != CHANGES[0].name
    return (
        effect.change,
        effect.strength,
        *_accuracy_cells(full, changed),
        *_accuracy_cells(effect.twin_free, changed),
        percent(full.changed_labels, 1) if changed else UNKNOWN,
        percent(full.confidence, 1),
        number(full.ece),
    )


def _accuracy_cells(figures: EffectFigures | None, changed: bool) -> tuple[str, str]:
    """Such as ``67.3 %`` and ``-0.4 (-1.2 to +0.4)``, the latter in points."""
    if figures is None:
        return UNKNOWN, UNKNOWN
    spread = points_interval(figures.difference_low, figures.difference_high)
    return percent(figures.accuracy, 1), f"{points(figures.difference)} ({spread})" if changed else UNKNOWN
