"""Comparison of runs and other models on the same faces, and with the figures of the recipes' sources."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import DataError
from mien.lab.evaluated import Evaluated, common_split, folder_of, open_source, read_evaluated, scored_splits
from mien.lab.evaluation import other_faces
from mien.lab.predictions import Predictions
from mien.lab.recipe.io import bare, to_json
from mien.lab.run import Run
from mien.lab.seeds import by_seed
from mien.lab.statistics import McNemar, PairedDifference, holm, mcnemar, mean_difference, paired_difference


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two models on the same faces.

    Attributes:
        a: name of the first model.
        b: name of the second.
        difference: accuracy of b minus accuracy of a, with its 95 % interval.
        test: McNemar's test.
        p_adjusted: its p-value after Holm's correction (1979) for the number of pairs.
    """

    a: str
    b: str
    difference: PairedDifference
    test: McNemar
    p_adjusted: float


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """Several runs of one recipe that differ in the seed.

    Attributes:
        recipe: name of the recipe.
        names: names of the runs.
        mean: mean of their accuracies.
        low: lowest accuracy.
        high: highest accuracy.
        twin_free_mean: mean of the accuracies on the twin-free part; None if unknown.
    """

    recipe: str
    names: tuple[str, ...]
    mean: float
    low: float
    high: float
    twin_free_mean: float | None


@dataclass(frozen=True, kw_only=True)
class RecipePair:
    """Two recipes that were trained with the same seeds, at least two.

    Attributes:
        a: name of the first recipe.
        b: name of the second.
        seeds: seeds that both were trained with.
        difference: mean accuracy of b minus that of a; its 95 % interval accounts for the choice of seeds and faces.
    """

    a: str
    b: str
    seeds: tuple[int, ...]
    difference: PairedDifference


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Models side by side on one split; `print` shows the tables of `mien compare`.

    Attributes:
        split: the split.
        entries: the runs and other models, in the order given.
        pairs: all pairs of these.
        seeds: recipes that were trained more than once.
        recipes: all pairs of recipes with at least two seeds in common.
    """

    split: str
    entries: tuple[Evaluated, ...]
    pairs: tuple[Pair, ...]
    seeds: tuple[Seeds, ...]
    recipes: tuple[RecipePair, ...]

    def __str__(self) -> str:
        from mien.lab.pages.comparison_tables import tables_of  # it imports comparison

        return "\n\n".join(table.plain() for table in tables_of(self))

    def to_json(self) -> str:
        """Return all figures as JSON, rates in 0..1."""
        beside = [{"name": entry.name, **row.to_row()} for entry in self.entries for row in entry.published]
        parts = {
            "split": self.split,
            "models": [entry.figures() for entry in self.entries],
            "seeds": [asdict(row) for row in self.seeds],
            "recipes": [asdict(row) for row in self.recipes],
            "pairs": [asdict(row) for row in self.pairs],
            "published": beside,
        }
        return json.dumps(parts, indent=2)

    def to_csv(self) -> str:
        """Return one line per model as CSV, rates in 0..1."""
        text = io.StringIO()
        rows = [entry.figures() for entry in self.entries]
        table = csv.DictWriter(text, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        return text.getvalue()


def compare(runs: Sequence[Run | str | Path], split: str | None = None) -> Comparison:
    """Compare evaluated models on one split.

    Args:
        runs: runs or their folders, at least one, each evaluated on `split`; or folders with the results of other
            models, as `evaluate`, `score` and `ensemble` write them to `out`.
        split: default: the first of Test, PublicTest, PrivateTest, Training on which all have labelled predictions.

    Raises:
        DataError: no run is given, or one is given twice; a run was not evaluated on the split, or two were evaluated
            on different faces.
        ModelError: a folder is not a run and has no results.
    """
    opened = [open_source(run) for run in runs]
    if not opened:
        raise DataError("compare: no run is given; name one or more run folders.")
    folders = [folder_of(source).resolve() for source in opened]
    for folder in folders:
        if folders.count(folder) > 1:
            raise DataError(f"{folder}: given twice; a run cannot be compared with itself.")
    split = common_split(opened) if split is None else split
    read = [read_evaluated(source, split, "") for source in opened]
    entries = tuple(replace(entry, name=name) for entry, name in zip(read, _names(read), strict=True))
    for entry in entries[1:]:
        _check_same_faces(entries[0], entry)
    for a, b in itertools.combinations(entries, 2):  # all pairs, as the faces of some, even the first, may be unknown
        if other := other_faces(a.report, b.report):
            raise DataError(f"{a.folder} and {b.folder} {other} Evaluate both with the same --data.")
    trained = _by_recipe(entries)
    return Comparison(
        split=split, entries=entries, pairs=_pairs(entries), seeds=_seeds(trained), recipes=_recipe_pairs(trained)
    )


def _names(entries: Sequence[Evaluated]) -> list[str]:
    """The shortest unambiguous names; charts could not show unprintable characters of folder names."""
    ways = (
        [_model_name(entry) for entry in entries],
        [_shown(entry.folder.resolve().name) for entry in entries],
    )
    return next(
        (names for names in ways if len(set(names)) == len(names)), [_shown(str(each.folder)) for each in entries]
    )


def _model_name(entry: Evaluated) -> str:
    if entry.trained is None:  # predictions that were only scored name no model
        return _shown(entry.report.model or entry.folder.resolve().name)
    return f"{entry.run.recipe.name} seed {entry.run.environment['seed']}"


def _shown(name: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in name)


def _check_same_faces(a: Evaluated, b: Evaluated) -> None:
    """Check that two models were scored on the same rows, with the same labels."""
    ours, theirs = (set(entry.predictions.rows.tolist()) for entry in (a, b))
    if ours != theirs:
        raise DataError(
            f"{a.folder} and {b.folder} were evaluated on different faces: {len(ours - theirs):,} rows of "
            f"{a.report.split} are only in the first, {len(theirs - ours):,} only in the second (read from "
            f"{a.report.data_source or 'an unknown file'} and {b.report.data_source or 'an unknown file'}). "
            "Evaluate both with the same --data."
        )
    different = int((_label_words(a.predictions) != _label_words(b.predictions)).sum())
    if different:
        raise DataError(
            f"{a.folder} and {b.folder}: {different:,} faces have different labels in the second. "
            "Evaluate both with the same --data."
        )


def _label_words(predictions: Predictions) -> Any:
    """Labels ``(N,)`` as words, in the order of the row ids."""
    words = np.array([*predictions.label_set, ""])
    return words[predictions.labels][np.argsort(predictions.rows)]


def _correct_by_row(predictions: Predictions) -> Any:
    """Whether each labelled face is right, ``(N,)`` bool, in the order of the row ids."""
    scored = predictions.take(predictions.labels >= 0)
    return scored.correct[np.argsort(scored.rows)]


def _pairs(entries: Sequence[Evaluated]) -> tuple[Pair, ...]:
    right = {entry.name: _correct_by_row(entry.predictions) for entry in entries}
    found = [
        (a.name, b.name, paired_difference(right[a.name], right[b.name]), mcnemar(right[a.name], right[b.name]))
        for a, b in itertools.combinations(entries, 2)
    ]
    adjusted = holm([test.p_value for *_, test in found])
    return tuple(
        Pair(a=a, b=b, difference=difference, test=test, p_adjusted=p)
        for (a, b, difference, test), p in zip(found, adjusted, strict=True)
    )


def _by_recipe(entries: Sequence[Evaluated]) -> list[dict[int, Evaluated]]:
    """The runs of each recipe: seed -> run."""
    return by_seed(
        [entry for entry in entries if entry.trained is not None],
        kind=lambda entry: (entry.run.recipe.name, to_json(bare(entry.run.recipe)), entry.report.tta),
        environment=lambda entry: entry.run.environment,
        labelled_splits=lambda entry: len(scored_splits(entry.folder)),
    )


def _recipe_pairs(trained: Sequence[dict[int, Evaluated]]) -> tuple[RecipePair, ...]:
    names = [next(iter(group.values())).run.recipe.name for group in trained]
    pairs = []
    for (name_a, a), (name_b, b) in itertools.combinations(zip(names, trained, strict=True), 2):
        seeds = sorted(a.keys() & b.keys())
        if len(seeds) < 2:
            continue
        right = [[_correct_by_row(group[seed].predictions).astype(float) for seed in seeds] for group in (a, b)]
        change = np.array(right[1]) - np.array(right[0])  # (S, N)
        if names.count(name_a) > 1 or names.count(name_b) > 1:  # such as variants: use names of runs
            name_a, name_b = a[seeds[0]].run.name, b[seeds[0]].run.name
        difference = mean_difference(change.mean(axis=1).tolist(), change.mean(axis=0))
        pairs.append(RecipePair(a=name_a, b=name_b, seeds=tuple(seeds), difference=difference))
    return tuple(pairs)


def _seeds(trained: Sequence[dict[int, Evaluated]]) -> tuple[Seeds, ...]:
    return tuple(_seeds_of(list(group.values())) for group in trained if len(group) > 1)


def _seeds_of(group: Sequence[Evaluated]) -> Seeds:
    accuracies = [entry.full.accuracy for entry in group]
    twin_free = [entry.report.twin_free.accuracy for entry in group if entry.report.twin_free is not None]
    return Seeds(
        recipe=group[0].run.recipe.name,
        names=tuple(entry.name for entry in group),
        mean=sum(accuracies) / len(group),
        low=min(accuracies),
        high=max(accuracies),
        twin_free_mean=sum(twin_free) / len(group) if len(twin_free) == len(group) else None,
    )
