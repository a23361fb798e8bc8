"""The meaning of a report's figures, in sentences derived from them."""

from __future__ import annotations

import numpy as np

from mien.lab.metrics import Metrics, Report
from mien.lab.tables import interval, percent

LIMITS = (
    "An expression here is the label that raters gave a picture, not what the person felt, thought or meant.",
    "FER2013's faces come from web searches in 2013, its labels from few raters. Many labels are wrong: people who "
    "label the same faces agree with them on 65 ± 5 % (Goodfellow et al. 2013). In some of the worst mistakes, the "
    "model may be right and the label wrong.",
    "Nothing records which people the data leave out, so error rates may be higher for some groups than these figures "
    "show. The figures do not justify decisions about a person.",
)
"""Limits of every model trained on FER2013."""


def sentences(report: Report) -> list[str]:
    """Return the main points of a scored report."""
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
        f"On {split}, the model predicts the raters' label for {right:,} of {full.n:,} faces: "
        f"{percent(full.accuracy, 1)} (95 % interval {interval(full.accuracy_low, full.accuracy_high)}). Predicting "
        f"{commonest.name} for every face would reach {percent(commonest.support / full.n, 1)}."
    )


def _twins(full: Metrics, twin_free: Metrics) -> str:
    twins = full.n - twin_free.n
    if not twins:
        return "None of these faces has a twin in Training."
    spread = interval(twin_free.accuracy_low, twin_free.accuracy_high)
    return (
        f"{twins:,} of these faces ({percent(twins / full.n, 1)}) have an identical or nearly identical image in "
        f"Training, so the model may have memorised them. On the other {twin_free.n:,}, its accuracy is "
        f"{percent(twin_free.accuracy, 1)} ({spread}), the better estimate for new faces."
    )


def _classes(full: Metrics) -> str:
    present = [each for each in full.per_class if each.support]
    best, worst = max(present, key=lambda each: each.recall), min(present, key=lambda each: each.recall)
    rates = np.array(full.confusion_rates)
    np.fill_diagonal(rates, -1)
    true, predicted = (int(index) for index in np.unravel_index(rates.argmax(), rates.shape))
    names = [each.name for each in full.per_class]
    return (
        f"Recall is highest for {best.name} ({percent(best.recall, 0)}) and lowest for {worst.name} "
        f"({percent(worst.recall, 0)} of {worst.support:,} faces). The most frequent confusion: the model predicts "
        f"{names[predicted]} for {percent(max(rates[true, predicted], 0.0), 0)} of the faces labelled {names[true]}."
    )


def _calibration(full: Metrics) -> str:
    sure = sum(each.n * (each.confidence or 0.0) for each in full.calibration) / full.n
    away = sure - full.accuracy
    verdict = "about right" if abs(away) < 0.02 else "overconfident" if away > 0 else "underconfident"
    return (
        f"Mean confidence is {percent(sure, 1)}, accuracy {percent(full.accuracy, 1)}: {verdict}. The expected "
        f"calibration error is {percent(full.ece, 1)}."
    )


def _chance(full: Metrics) -> str:
    error = (full.accuracy * (1 - full.accuracy) / full.n) ** 0.5
    return (
        f"With {full.n:,} faces, the standard error of the accuracy is {100 * error:.1f} points. Chance may explain a "
        "difference of less than two or three standard errors from another model; McNemar's test on the same faces is "
        "more sensitive."
    )


def _gap(gap: float) -> str:
    if abs(gap) < 0.01:
        meaning = "about the same"
    elif gap > 0:
        meaning = "the model fits the training faces better than new ones"
    else:
        meaning = "training faces are harder: augmented, perhaps mixed, and with dropout active"
    return f"Training minus test accuracy is {100 * gap:+.1f} points: {meaning}."
