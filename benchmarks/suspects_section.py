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
    differences = [way["difference"] for one in models.values() for way in [*one["rankings"].values()][1:]]
    return SECTION.format(
        faces=measured["faces"],
        cleanlab=measured["cleanlab"],
        majority=every["n"],
        all=_share(every),
        shares=table(SHARES, [_shares(_called(name), one) for name, one in models.items()]),
        ways=table(["ranking", *map(_called, models)], _ways(models)),
        differences=len(differences),
        better=sum(each["low"] > 0 for each in differences),
        worse=sum(each["high"] < 0 for each in differences),
    )


def _called(names: str) -> str:
    return names if ", " not in names else "the three of seven classes together"


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

How good is the ranking of [`mien data suspects`](guide.md#doubtful-labels)? `benchmarks/suspects.py`
counts a label of PublicTest as wrong if the majority of FER+'s raters chose another expression. {majority:,} of the
{faces:,} faces have a majority, and {all} of their labels are wrong in this sense; a list in random order would have
this share. Share of wrong labels among the first faces of the list, with 95 % intervals:

{shares}

All models that ship were trained on FER+'s votes for Training faces, not for these. The -ferplus models were trained
to predict exactly what counts as right here. The network nano-of-labels has seen no votes: it is
[residual-nano](guide.md#choose-a-recipe) after 12 epochs on the labels of Training alone. That run was not kept, so
its figures cannot be repeated exactly. PublicTest also helped to choose the seven-class models that
ship, and to fit their confidence, by three numbers each.

mien ranks by the probability of the label, which cleanlab {cleanlab} calls *self_confidence*, but lists no face whose
prediction equals its label. The table shows by how many points of average precision cleanlab's rankings, and the
order of a report's worst mistakes, differ from mien's, with 95 % intervals for the choice of faces:

{ways}

*adjusted* subtracts the mean probability that a class gets from its own faces. *find_label_issues* is confident
learning; the faces that it finds come before all others. Of the {differences} intervals, {better} lie entirely above
zero and {worse} entirely below. cleanlab ranks no better than the label's probability alone, so mien does without it.
"""
