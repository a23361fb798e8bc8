"""Seeds: trainings that differ in their seed alone, put together."""

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
    """Return trainings that differ in their seed alone as groups, seed -> training, in the order given.

    Of two of one seed, as on two copies of a data set, the one with more labelled splits is taken, else the first.

    Args:
        trainings: runs, or what is kept of them.
        kind: what members of a group have in common beside what they have learned from, such as the recipe.
        environment: of the run.
        labelled_splits: on how many splits the run has been scored.
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
    """What a training has learned from: data, starting weights, votes, and teachers, whose seeds do not matter."""
    teachers = sorted(name.rpartition("-seed")[0] or name for name in environment.get("teachers", {}))
    return (
        training_fingerprint(environment),
        str(environment.get("weights_sha256")),
        str(votes_digest(environment)),
        *teachers,
    )
