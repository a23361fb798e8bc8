"""The section of docs/benchmarks.md on doubtful labels."""

from __future__ import annotations

from typing import Any

from layout import table

from mien.lab.tables import interval, number, percent, points, points_interval

FIRST = ("50", "100", "200", "400")


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/suspects.py."""
    models = measured["models"]
    every = next(iter(models.values()))["all"]
    return SECTION.format(
        faces=measured["faces"],
        cleanlab=measured["cleanlab"],
        majority=every["n"],
        all=_share(every),
        shares=table(SHARES, [_shares(_called(name), one) for name, one in models.items()]),
        ways=table(["ranking", *map(_called, models)], _ways(models)),
    )


def _called(names: str) -> str:
    return names if ", " not in names else "the three together"


def _share(share: dict[str, float]) -> str:
    return f"{percent(share['share'], 1)} ({interval(share['low'], share['high'])})"


def _shares(name: str, model: dict[str, Any]) -> list[str]:
    mien = next(iter(model["rankings"].values()))
    precision = mien["average_precision"]
    return [
        name,
        percent(model["accuracy"], 1),
        *(_share(mien["first"][n]) for n in FIRST),
        f"{number(precision['value'])} ({precision['low']:.3f} to {precision['high']:.3f})",
        number(mien["roc_auc"]),
    ]


def _ways(models: dict[str, Any]) -> list[list[str]]:
    """A row for each other ranking, with its difference for each model."""
    _, *others = next(iter(models.values()))["rankings"]
    return [[way, *(_difference(one["rankings"][way]["difference"]) for one in models.values())] for way in others]


def _difference(of: dict[str, float]) -> str:
    return f"{points(of['value'])} ({points_interval(of['low'], of['high'])})"


SHARES = ("predictions of", "accuracy", *(f"first {n}" for n in FIRST), "average precision", "ROC AUC")

SECTION = """## Doubtful labels

How good is the ranking of [`mien data suspects`](guide.md#check-and-look-at-the-data)? `benchmarks/suspects.py` takes a
label of PublicTest as wrong where the majority of FER+'s raters says another expression. Of its {faces:,} faces,
{majority:,} have such a majority, and {all} of their labels are wrong in this sense: that is what a ranking at random
would find. Share of wrong labels among the faces that are listed first, with 95 % intervals:

{shares}

The models that ship know the raters' ways better than a model of one's own would: they have learned FER+'s votes on
the Training faces, not on these. nano-of-labels has learned from the labels alone, in 12 epochs. PublicTest also fitted
the confidence of the models that ship, by three numbers each, and helped to choose them.

mien ranks by the probability of the label alone. cleanlab {cleanlab} calls this number *self_confidence*; its other
rankings, and the order of a report's worst mistakes, differ from mien's in average precision by this many points, with
95 % intervals over the choice of faces:

{ways}

*adjusted* subtracts each class's mean probability; *find_label_issues* is confident learning, whose finds stand before
all other faces. No ranking is better for every model, so that mien takes the simplest, which needs no further package.
"""
