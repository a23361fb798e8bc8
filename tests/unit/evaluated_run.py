"""Builds run folders by hand, as training and evaluation leave them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.lab.metrics import report_of
from mien.lab.predictions import Predictions
from mien.lab.recipe import Recipe
from mien.lab.recipe_book import recipes
from mien.lab.run import ENVIRONMENT, Run
from mien.labels import FER2013, LabelSet

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ENVIRONMENT_ROW = {
    "seed": 0,
    "commit": COMMIT,
    "data_fingerprint": "f" * 64,
    "data_source": "faces.csv",
    "label_set": list(FER2013),
    "weights": None,
    "weights_sha256": None,
    "versions": {"python": "3.11.7", "mien": "0.1.0", "torch": "2.13.0"},
    "device": "cpu",
    "precision": "32-true",
    "n_train": 28_709,
    "n_validation": 20,
    "started": "2026-01-01T00:00:00+00:00",
    "epochs_run": 3,
    "best_epoch": 2,
    "seconds": 90.0,
    "finished": True,
}
HISTORY = [
    {
        "epoch": epoch,
        "lr": 0.1 / epoch,
        "train_loss": 2.0 / epoch,
        "train_accuracy": 0.2 * epoch,
        "validation_loss": 1.9 / epoch,
        "validation_accuracy": 0.15 * epoch,
        "seconds": 30.0,
        "images_per_second": 100.0,
    }
    for epoch in (1, 2, 3)
]


def make_run(
    folder: Path, recipe: Recipe | str = "mien-small-first", history: list[dict] | None = None, **environment: object
) -> Run:
    """A trained run without weights; `environment` overrides single entries."""
    run = Run(folder, recipes[recipe] if isinstance(recipe, str) else recipe)
    run.write_recipe()
    known = ENVIRONMENT_ROW | environment
    if run.recipe.validation.kind == "holdout" and "n_train" not in environment:
        known["n_train"] -= known["n_validation"]
    run.write_json(ENVIRONMENT, known)
    run.write_history(HISTORY if history is None else history)
    return run


def predictions_of(
    labels: list[int],
    predicted: list[int],
    *,
    split: str = "PublicTest",
    confidence: float | list[float] = 0.6,
    twins: int = 0,
    label_set: LabelSet = FER2013,
) -> Predictions:
    """Each face gets `confidence` for what is predicted, and the rest evenly; the first `twins` faces have a twin."""
    k, n = len(label_set), len(labels)
    top = np.broadcast_to(confidence, n)
    probabilities = np.repeat((1 - top) / (k - 1), k).reshape(n, k)
    probabilities[np.arange(n), predicted] = top
    return Predictions(
        rows=np.arange(n).astype(str),
        labels=np.array(labels, np.int64),
        probabilities=probabilities,
        label_set=label_set,
        split=split,
        twin_free=np.arange(n) >= twins,
    )


def evaluate_as(run: Run, predictions: Predictions, **report: object) -> Run:
    """Leave in the run what an evaluation that gave these predictions leaves."""
    predictions.write(run.folder / f"predictions-{predictions.split}.csv")
    known = {"model": run.recipe.name, "data_source": "faces.csv", "train_accuracy": 0.6, "validation_accuracy": 0.45}
    replace(report_of(predictions), **known | report).write(run.folder / f"report-{predictions.split}.json")
    return run


def hundred(right: int, *, first_right: int = 0, split: str = "PublicTest", **more: object) -> Predictions:
    """A hundred faces, labels 0 to 6 in turn, of which those from `first_right` on are right, `right` of them."""
    labels = [index % 7 for index in range(100)]
    inside = range(first_right, first_right + right)
    predicted = [label if index in inside else (label + 1) % 7 for index, label in enumerate(labels)]
    return predictions_of(labels, predicted, split=split, **more)


def variant(recipe: str, **changes: object) -> Recipe:
    """A recipe changed without a new name, as a careless user makes it."""
    return replace(recipes[recipe], **changes)
