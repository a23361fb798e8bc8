"""Trained rows: records grouped by the row of the recipe book that they trained, in full or shortened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.lab.evaluated import PREFERRED_SPLITS
from mien.lab.published import stand_in
from mien.lab.recipe import Recipe
from mien.lab.recipe.io import bare
from mien.lab.results import Record
from mien.lab.schedule import with_epochs
from mien.lab.seeds import by_seed
from mien.lab.statistics import wilson_interval


@dataclass(frozen=True, eq=False)
class TrainedRow:
    """Records of one row that differ only in the seed.

    Attributes:
        row: the recipe, as it is in the book.
        epochs: of the training; fewer than the row has = it was shortened.
        records: of the runs, by seed.
    """

    row: Recipe
    epochs: int
    records: tuple[Record, ...]

    @property
    def seeds(self) -> dict[int, Record]:
        """Seed -> record."""
        return {record.environment["seed"]: record for record in self.records}

    @property
    def environment(self) -> dict[str, Any]:
        """The environment of the first run; all share data and weights."""
        return self.records[0].environment

    @property
    def parameters(self) -> int | None:
        """Number of the network's parameters."""
        count: int | None = self.records[0].row["parameters"]
        return count

    @property
    def stand_in(self) -> str | None:
        """The weights file that replaced the row's, if any."""
        return stand_in(self.row, self.environment["weights"], self.environment["weights_sha256"])

    @property
    def whole(self) -> bool:
        """Whether it is the unchanged row: not shortened, from the weights that it names."""
        return self.epochs == self.row.epochs and self.stand_in is None

    @property
    def split(self) -> str | None:
        """The preferred split on which all runs were scored without test-time augmentation."""
        return next((split for split in PREFERRED_SPLITS if self.reports(split)), None)

    def reports(self, split: str) -> list[dict[str, Any]]:
        """Return the reports on a split, by seed; none unless each run was scored on it."""
        reports = [record.row["reports"].get(split) for record in self.records]
        return reports if all(report and report["full"] for report in reports) else []

    def accuracy(self, part: str) -> Accuracy | None:
        """Return the runs' accuracy on their split: ``"full"``, ``"twin_free"``, or ``"twins"``, its other faces."""
        reports = self.reports(self.split) if self.split else []
        found = [_twins(report) if part == "twins" else report[part] for report in reports]
        figures = [each for each in found if each]
        if not figures or len(figures) < len(found):
            return None
        return Accuracy(tuple(each["accuracy"] for each in figures), figures[0]["n"])

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        """Counts ``(S, K, K)`` on the runs' split: seed, true class, predicted class; empty without such a split."""
        reports = self.reports(self.split) if self.split else []
        return np.array([report["full"]["confusion"] for report in reports], np.int64)

    @property
    def recalls(self) -> dict[str, Accuracy]:
        """Recall of each class, by its name; classes without faces are left out."""
        names, counts = self.environment["label_set"], self.confusion
        classes = [(name, counts[:, k, k], int(counts[0, k].sum())) for k, name in enumerate(names) if len(counts)]
        return {name: Accuracy(tuple((right / n).tolist()), n) for name, right, n in classes if n}


def _twins(report: dict[str, Any]) -> dict[str, Any] | None:
    """Figures of the faces that are not twin-free."""
    full, fresh = report["full"], report["twin_free"]
    if not fresh or fresh["n"] == full["n"]:
        return None
    n = full["n"] - fresh["n"]
    return {"n": n, "accuracy": (full["accuracy"] * full["n"] - fresh["accuracy"] * fresh["n"]) / n}


@dataclass(frozen=True)
class Accuracy:
    """Accuracies (or recalls) of several seeds on the same `n` faces."""

    each: tuple[float, ...]
    n: int

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return sum(self.each) / len(self.each)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval for the finite number of faces, as for one seed: slightly too wide for a mean."""
        return wilson_interval(self.mean * self.n, self.n)


def shortened(recipe: Recipe, epochs: int) -> Recipe:
    """Return the recipe with at most `epochs` epochs; a shortened one has another name and no published figures."""
    if epochs >= recipe.epochs:
        return recipe
    name = f"{recipe.name}-{epochs}-of-{recipe.epochs}-epochs"
    return replace(with_epochs(recipe, epochs), name=name, published=())


def same_training(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes train alike, whatever their names and notes."""
    return bare(one) == bare(other)


def trained_rows(row: Recipe, records: Sequence[Record]) -> list[TrainedRow]:
    """Return the records of a row in groups that differ only in the seed: whole ones first, then the longest.

    A run that averages others has the recipe of the last of them, but was not trained with it; it is left out.
    """
    groups = by_seed(
        (
            record
            for record in records
            if "averaged" not in record.environment
            and same_training(record.recipe, shortened(row, record.recipe.epochs))
        ),
        kind=lambda record: record.recipe.epochs,
        environment=lambda record: record.environment,
        labelled_splits=lambda record: len(record.scored_reports),
    )
    found = []
    for group in groups:
        ordered = tuple(group[seed] for seed in sorted(group))
        found.append(TrainedRow(row, ordered[0].recipe.epochs, ordered))
    return sorted(found, key=lambda trained: (trained.whole, trained.epochs, len(trained.records)), reverse=True)
