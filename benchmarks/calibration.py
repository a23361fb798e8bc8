"""How ways to calibrate the confidence do on faces they were not fitted to, and what is left at a wanted accuracy.

Run as `python benchmarks/calibration.py DATA VOTES`; VOTES is FER+'s fer2013new.csv.

Takes the logits of models that ship on the twin-free part of PublicTest, cuts the faces into five parts, and
calibrates each part by what the other four fit; three times, cut differently. So too the threshold below which an
expression is called uncertain, for several target accuracies: how many faces it accepts, and how many of these are
right. Writes benchmarks/results/calibration.json; docs/benchmarks.md has the table, docs/log.md what came of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt
from layout import RESULTS, commit
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from mien import lab
from mien.lab.calibrate import fit_confidence, uncertain_threshold
from mien.lab.data import PUBLIC, FaceDataset, with_majority
from mien.lab.metrics import measure
from mien.lab.predictions import Predictions
from mien.lab.statistics import wilson_interval
from mien.labels import FERPLUS
from mien.recognizer import Recognizer, calibrated_softmax, softmax

RESULT = RESULTS / "calibration.json"
MODELS = ("mien-small", "mien-nano", "mien-large", "mien-large-ferplus")
TARGETS = (0.8, 0.85, 0.9, 0.95)
"""Accuracies that the faces which are not called uncertain shall have."""
DRAWS, RESAMPLES = 3, 1000
Logits, Labels, Probabilities = npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Fifth = tuple[Labels, Labels, Probabilities]
"""A fifth of N faces: places of the other four, its own, and the confidence ``(N,)`` that the four fit."""


def one_temperature(logits: Logits, labels: Labels) -> Callable[[Logits], Probabilities]:
    """Guo et al. 2017: the temperature with the least log loss of all classes."""

    def loss(temperature: float) -> float:
        return log_loss(labels, calibrated_softmax(logits, temperature, 0))

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x
    return lambda others: calibrated_softmax(others, best, 0)


def temperature_of_each_face(logits: Logits, labels: Labels) -> Callable[[Logits], Probabilities]:
    """What mien does."""
    fitted = fit_confidence(logits, labels)
    return lambda others: calibrated_softmax(others, *fitted)


def linear_map(logits: Logits, labels: Labels) -> Callable[[Logits], Probabilities]:
    """Kull et al. 2019, matrix scaling: a weight for each pair of classes; it changes labels, too."""
    fitted = LogisticRegression(max_iter=1000).fit(logits, labels)
    return lambda others: fitted.predict_proba(others)


WAYS = (one_temperature, temperature_of_each_face, linear_map)


def crossed(way: Callable[..., Any], found: Predictions, logits: Logits, seed: int) -> Predictions:
    """The predictions with probabilities of each fifth by what the other four fit."""
    probabilities = np.empty(logits.shape)
    for fit, rest in StratifiedKFold(5, shuffle=True, random_state=seed).split(logits, found.labels):
        probabilities[rest] = way(logits[fit], found.labels[fit])(logits[rest])
    return replace(found, probabilities=probabilities)


def fifths(logits: Logits, labels: Labels, seed: int) -> list[Fifth]:
    """Cut the faces into fifths and fit the confidence to the other four of each."""
    cut = StratifiedKFold(5, shuffle=True, random_state=seed).split(logits, labels)
    return [(fit, own, temperature_of_each_face(logits[fit], labels[fit])(logits).max(axis=1)) for fit, own in cut]


def accepted(parts: Sequence[Fifth], right: Mask, target: float, times: Labels | None = None) -> Mask:
    """Which faces of each fifth the threshold accepts that the other four set, ``(N,)``.

    Args:
        parts: the fifths.
        right: ``(N,)``, whether each face is predicted right.
        target: accuracy that the threshold is set for.
        times: ``(N,)``, how often each face counts for the thresholds; once by default.
    """
    chosen = np.empty(len(right), bool)
    for fit, own, confidence in parts:
        known = fit if times is None else np.repeat(fit, times[fit])
        threshold, _ = uncertain_threshold(confidence[known], right[known], target)
        chosen[own] = confidence[own] >= threshold
    return chosen


def interval_of_coverage(draws: Sequence[Sequence[Fifth]], right: Mask, target: float) -> tuple[float, float]:
    """95 % interval of the share that is accepted: percentiles over faces drawn anew, with repetition (bootstrap).

    What is uncertain is above all where the threshold must lie, so that it is set anew each time. The confidence is
    not fitted anew: that takes a hundred times as long and hardly moves the ends. A face stays in its fifth.
    """
    draw, n, shares = np.random.default_rng(0), len(right), []
    for index in range(RESAMPLES):
        times = np.bincount(draw.integers(n, size=n), minlength=n)
        shares.append(float(times[accepted(draws[index % len(draws)], right, target, times)].sum() / n))
    low, high = np.percentile(shares, (2.5, 97.5))
    return float(low), float(high)


def figures_of_accepted(draws: Sequence[Sequence[Fifth]], right: Mask, target: float) -> dict[str, float]:
    """Share and accuracy of the accepted faces, means over the draws; the accuracy's interval is that of one draw."""
    chosen = [accepted(parts, right, target) for parts in draws]
    intervals = [wilson_interval(int(right[one].sum()), int(one.sum())) for one in chosen]
    low, high = interval_of_coverage(draws, right, target)
    return {
        "target_accuracy": target,
        "coverage": mean(float(one.mean()) for one in chosen),
        "coverage_low": low,
        "coverage_high": high,
        "accuracy": mean(float(right[one].mean()) for one in chosen),
        "accuracy_low": mean(low for low, _ in intervals),
        "accuracy_high": mean(high for _, high in intervals),
    }


def by_chance(found: Predictions, seed: int) -> Predictions:
    """The same confidence with labels drawn from it: what a perfect one would read."""
    shares = found.probabilities.cumsum(axis=1)[:, :-1]
    labels = (np.random.default_rng(seed).random((len(found), 1)) > shares).sum(axis=1)
    return replace(found, labels=labels)


def figures(of: list[Predictions]) -> dict[str, float]:
    """Means over the draws."""
    measured = [figure for each in of if (figure := measure(each)) is not None]
    return {name: round(mean(getattr(m, name) for m in measured), 4) for name in ("ece", "log_loss", "accuracy")}


def figures_of_ways(plain: Predictions, logits: Logits) -> dict[str, Any]:
    """What each way to calibrate gives, and the bins of its first draw."""
    ways: dict[str, Any] = {}
    for way in WAYS:
        found = [crossed(way, plain, logits, seed) for seed in range(DRAWS)]
        chance = figures([by_chance(each, seed) for seed, each in enumerate(found)])["ece"]
        first = measure(found[0])
        assert first is not None
        bins = [asdict(each) for each in first.calibration]
        ways[way.__name__] = figures(found) | {"ece_by_chance": chance, "bins": bins}
    return ways


def figures_of_model(model: str, faces: FaceDataset) -> dict[str, Any]:
    """All figures of a model on the faces, those of FER+ on the ones that have a majority."""
    recognizer = Recognizer.load(model)
    labels = recognizer.card.labels
    known = (with_majority(faces) if labels == FERPLUS else faces).relabel(labels)
    logits = recognizer.logits(recognizer.card.preprocess.stack(list(known.faces)))
    plain = Predictions(
        rows=known.rows, labels=known.labels, probabilities=softmax(logits), label_set=labels, split=PUBLIC
    )
    draws = [fifths(logits, plain.labels, seed) for seed in range(DRAWS)]
    low, high = wilson_interval(int(plain.correct.sum()), len(plain))
    return {
        "sha256": recognizer.card.sha256,
        "n": len(plain),
        "accuracy": float(plain.correct.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "accepted": [figures_of_accepted(draws, plain.correct, target) for target in TARGETS],
        "ways": figures_of_ways(plain, logits),
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("votes", type=Path)
    given = parser.parse_args()
    data = lab.join_votes(lab.read_fer2013(given.data), given.votes)
    faces = data.split(PUBLIC).take(lab.audit(data).twin_free[data.splits == PUBLIC])
    record: dict[str, Any] = {"commit": commit(), "split": PUBLIC, "n_twin_free": len(faces), "models": {}}
    if RESULT.exists():  # models that shipped once stay, under names that no model has any more
        former = json.loads(RESULT.read_text("utf-8"))["models"]
        record["models"] = {name: one for name, one in former.items() if name not in MODELS}
    record["models"] |= {model: figures_of_model(model, faces) for model in MODELS}
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
