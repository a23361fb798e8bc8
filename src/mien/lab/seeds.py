"""Seeds: group trainings that differ only in their seed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from mien.lab.data import training_fingerprint, votes_digest

Training = TypeVar("Training")


def by_seed(
    trainings: Iterable[Training],
    kind: Callable[[Training], Hashable],
    environment: Callable[[Training], dict[str, Any]],
    labelled_splits: Callable[[Training], int],
) -> list[dict[int, Training]]:
    """Return groups of trainings that differ only in their seed, as seed -> training, in the order given.

    Of two with the same seed, as on two copies of a data set, the one with more labelled splits is kept, or the first.

    Args:
        trainings: runs, or their records.
        kind: what members of a group share besides what they were trained on, such as the recipe.
        environment: of the run.
        labelled_splits: number of splits on which the run was scored.
    """
    groups: dict[Hashable, dict[int, Training]] = {}
    for training in trainings:
        known = environment(training)
        group = groups.setdefault((kind(training), _learning_sources(known)), {})
        other = group.get(known["seed"])
        if other is None or labelled_splits(training) > labelled_splits(other):
            group[known["seed"]] = training
    return list(groups.values())


def _learning_sources(environment: dict[str, Any]) -> tuple[str, ...]:
    """What a training learned from: data, starting weights, votes, and teachers, regardless of their seeds."""
    teachers = sorted(name.rpartition("-seed")[0] or name for name in environment.get("teachers", {}))
    return (
        training_fingerprint(environment),
        str(environment.get("weights_sha256")),
        str(votes_digest(environment)),
        *teachers,
    )
