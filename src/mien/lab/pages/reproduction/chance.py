"""The evidence for a report's claim: two published figures, and how much they can differ by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mien.lab.published import source_faces, source_size
from mien.lab.recipe import Figure, Recipe
from mien.lab.statistics import paired_interval, unpaired_interval
from mien.lab.tables import percent, points, points_interval

Quantity = Literal["accuracy", "training accuracy", "gap"]

_INTERVAL = "The 95 % interval of this difference"


def published_pair(first: Recipe, second: Recipe, quantity: Quantity, disagreements: Sequence[float] = ()) -> str:
    """Return the published figures of two rows and the uncertainty of their difference, in sentences.

    Args:
        first: a row.
        second: the row compared with it; differences are second minus first.
        quantity: which figures.
        disagreements: for each seed, the share of the faces for which exactly one of our two runs is correct.
    """
    one, two = _published(first, quantity), _published(second, quantity)
    if one is None or two is None:
        return f"The report does not give the {quantity} of both networks."
    difference = two.value - one.value
    values = f"{percent(one.value)} for `{first.name}`, {percent(two.value)} for `{second.name}`"
    text = f"Published {quantity}: {values}, {points(difference)} points"
    if quantity == "training accuracy":
        return f"{text}."
    sizes = source_size(first, one.split), source_size(second, two.split)
    text += f" on {sizes[0]:,} faces" if sizes[0] == sizes[1] else f" on {sizes[0]:,} and on {sizes[1]:,} faces"
    if quantity == "gap":
        low, high = unpaired_interval(0.5, 0.5, *sizes)  # the interval is widest at 50 %
        ends = difference + low, difference + high
        return f"{text}. {_INTERVAL} is at most {points_interval(*ends)}, whatever the accuracies. {_told(ends)}."
    ends = unpaired_interval(one.value, two.value, *sizes)
    text += f". {_INTERVAL} is {points_interval(*ends)} if they were measured on different faces"
    disagreement = sum(disagreements) / len(disagreements) if disagreements else 0.0
    same_faces = source_faces(first, one.split) == source_faces(second, two.split)
    if same_faces and disagreement >= abs(difference):  # a smaller disagreement rules out this difference
        ends = paired_interval(difference, disagreement, sizes[0])
        shared = f"only one of the two is correct on {percent(disagreement, 0)} of these, as here"
        text += f", and {points_interval(*ends)} if on the same faces and {shared}"
    return f"{text}. {_told(ends)}."


def published_difference(first: Recipe, second: Recipe, quantity: Quantity) -> float | None:
    """Return the published figure of the second row minus that of the first; None without both."""
    one, two = _published(first, quantity), _published(second, quantity)
    return None if one is None or two is None else two.value - one.value


def _told(ends: tuple[float, float]) -> str:
    explains = "may explain" if ends[0] <= 0 <= ends[1] else "does not explain"
    return f"Chance in the choice of faces {explains} the difference"


def _published(row: Recipe, quantity: Quantity) -> Figure | None:
    metric = "gap" if quantity == "gap" else "accuracy"
    figures = (
        figure
        for figure in row.published
        if figure.metric == metric and (figure.split == "train") == (quantity == "training accuracy")
    )
    return next(figures, None)
