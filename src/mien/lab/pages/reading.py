"""What the figures of a report mean, in sentences that follow from them."""

from __future__ import annotations

import numpy as np

from mien.lab.metrics import Metrics, Report
from mien.lab.tables import interval, percent

LIMITS = (
    "An expression here is the label that raters gave to a picture. It is not what the person felt, thought or meant.",
    "FER2013's faces come from web searches of 2013, its labels from few raters, and many are wrong: people who "
    "label the same faces agree with them on 65 ± 5 % (Goodfellow et al. 2013). A worst mistake may be the label's.",
    "Who is missing from the data is not recorded, so that errors may be more frequent for some groups of people than "
    "these figures show. They are no ground for a decision about a person.",
)
"""What holds for every model that was trained on FER2013."""


def sentences(report: Report) -> list[str]:
    """Return what a reader should take from a scored report."""
    full = report.full
    assert full is not None
    found = [_accuracy(report.split, full)]
    if report.twin_free is not None:
        found.append(_twins(full, report.twin_free))
    found.append(_classes(full))
    found += [_calibration(full), _chance(full)]
    if report.gap is not None:
        found.append(_gap(report.gap))
    return found


def _accuracy(split: str, full: Metrics) -> str:
    right = sum(row[index] for index, row in enumerate(full.confusion))
    commonest = max(full.per_class, key=lambda each: each.support)
    return (
        f"On {split} the model gives {right:,} of {full.n:,} faces the label that the raters gave: "
        f"{percent(full.accuracy, 1)} (95 % interval {interval(full.accuracy_low, full.accuracy_high)}). Calling every "
        f"face {commonest.name} would reach {percent(commonest.support / full.n, 1)}."
    )


def _twins(full: Metrics, twin_free: Metrics) -> str:
    twins = full.n - twin_free.n
    if not twins:
        return "None of these faces has a twin in Training."
    spread = interval(twin_free.accuracy_low, twin_free.accuracy_high)
    return (
        f"{twins:,} of these faces ({percent(twins / full.n, 1)}) stand, whole or nearly, in Training too, where the "
        f"model may have learnt them by heart. On the other {twin_free.n:,} it reaches "
        f"{percent(twin_free.accuracy, 1)} ({spread}): the fairer figure for new faces."
    )


def _classes(full: Metrics) -> str:
    present = [each for each in full.per_class if each.support]
    best, worst = max(present, key=lambda each: each.recall), min(present, key=lambda each: each.recall)
    rates = np.array(full.confusion_rates)
    np.fill_diagonal(rates, -1)
    true, predicted = (int(index) for index in np.unravel_index(rates.argmax(), rates.shape))
    names = [each.name for each in full.per_class]
    return (
        f"It recognises {best.name} best ({percent(best.recall, 0)}) and {worst.name} worst "
        f"({percent(worst.recall, 0)} of {worst.support:,} faces). The most frequent confusion: "
        f"{percent(max(rates[true, predicted], 0.0), 0)} of the faces labelled {names[true]} are called "
        f"{names[predicted]}."
    )


def _calibration(full: Metrics) -> str:
    sure = sum(each.n * (each.confidence or 0.0) for each in full.calibration) / full.n
    away = sure - full.accuracy
    verdict = "about right" if abs(away) < 0.02 else "too sure of itself" if away > 0 else "not sure enough"
    return (
        f"Its mean confidence is {percent(sure, 1)}, its accuracy {percent(full.accuracy, 1)}: {verdict}. The expected "
        f"calibration error is {percent(full.ece, 1)}."
    )


def _chance(full: Metrics) -> str:
    error = (full.accuracy * (1 - full.accuracy) / full.n) ** 0.5
    return (
        f"With {full.n:,} faces, one standard error of the accuracy is {100 * error:.1f} points. A model that differs "
        "by less than two or three of them may be better by chance only; McNemar's test on the same faces tells more."
    )


def _gap(gap: float) -> str:
    if abs(gap) < 0.01:
        meaning = "about the same"
    elif gap > 0:
        meaning = "it knows the training faces better than new ones"
    else:
        meaning = "training faces are harder, as they are shown augmented, perhaps mixed, and with dropout on"
    return f"Training minus test accuracy is {100 * gap:+.1f} points: {meaning}."
