"""Cross-validation of calibration methods and of the thresholds for a target accuracy.

Run as `python benchmarks/calibration.py DATA VOTES`; VOTES is FER+'s fer2013new.csv.

Takes the logits of models that ship on the twin-free part of PublicTest, splits the faces into five folds, and
calibrates each fold with parameters fitted to the other four; this is repeated with three draws of the folds. The
threshold below which an expression is called uncertain is validated in the same way, for several target accuracies:
the share of faces that it accepts, and the accuracy on these. Writes benchmarks/results/calibration.json;
docs/benchmarks.md has the table, docs/log.md the conclusions.
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
"""Target accuracies of the faces that are not called uncertain."""
DRAWS, RESAMPLES = 3, 1000
Logits, Labels, Probabilities = npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Fifth = tuple[Labels, Labels, Probabilities]
"""One fold of N faces: indices of the other four, its own, and the confidence ``(N,)`` fitted to the four."""


def one_temperature(logits: Logits, labels: Labels) -> Callable[[Logits], Probabilities]:
    """Guo et al. 2017: the temperature with the least log loss of all classes."""

    def loss(temperature: float) -> float:
        return log_loss(labels, calibrated_softmax(logits, temperature, 0))

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x
    return lambda others: calibrated_softmax(others, best, 0)


def temperature_of_each_face(logits: Logits, labels: Labels) -> Callable[[Logits], Probabilities]:
    """mien's own method."""
    fitted = fit_confidence(logits, labels)
    return lambda others: calibrated_softmax(others, *fitted)


def linear_map(logits: Logits, labels: Labels) -> Callable[[Logits], Probabilities]:
    """Kull et al. 2019, matrix scaling: a weight for each pair of classes; it also changes predictions."""
    fitted = LogisticRegression(max_iter=1000).fit(logits, labels)
    return lambda others: fitted.predict_proba(others)


WAYS = (one_temperature, temperature_of_each_face, linear_map)


def crossed(way: Callable[..., Any], found: Predictions, logits: Logits, seed: int) -> Predictions:
    """The predictions with the probabilities of each fold calibrated on the other four."""
    probabilities = np.empty(logits.shape)
    for fit, rest in StratifiedKFold(5, shuffle=True, random_state=seed).split(logits, found.labels):
        probabilities[rest] = way(logits[fit], found.labels[fit])(logits[rest])
    return replace(found, probabilities=probabilities)


def fifths(logits: Logits, labels: Labels, seed: int) -> list[Fifth]:
    """Split the faces into folds and fit the confidence of each to the other four."""
    cut = StratifiedKFold(5, shuffle=True, random_state=seed).split(logits, labels)
    return [(fit, own, temperature_of_each_face(logits[fit], labels[fit])(logits).max(axis=1)) for fit, own in cut]


def accepted(parts: Sequence[Fifth], right: Mask, target: float, times: Labels | None = None) -> Mask:
    """Which faces ``(N,)`` of each fold are accepted by the threshold that the other four set.

    Args:
        parts: the folds.
        right: ``(N,)``, whether each prediction is correct.
        target: target accuracy of the threshold.
        times: ``(N,)``, multiplicity of each face for the thresholds; once by default.
    """
    chosen = np.empty(len(right), bool)
    for fit, own, confidence in parts:
        known = fit if times is None else np.repeat(fit, times[fit])
        threshold, _ = uncertain_threshold(confidence[known], right[known], target)
        chosen[own] = confidence[own] >= threshold
    return chosen


def interval_of_coverage(draws: Sequence[Sequence[Fifth]], right: Mask, target: float) -> tuple[float, float]:
    """95 % bootstrap interval of the accepted share: percentiles over resampled faces.

    Most of the uncertainty lies in the threshold, so it is set again for each resample. The confidence is not refitted,
    which would take a hundred times as long and hardly move the ends. A face stays in its fold.
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
    """The same confidence with labels drawn from it: the figures of a perfectly calibrated model."""
    shares = found.probabilities.cumsum(axis=1)[:, :-1]
    labels = (np.random.default_rng(seed).random((len(found), 1)) > shares).sum(axis=1)
    return replace(found, labels=labels)


def figures(of: list[Predictions]) -> dict[str, float]:
    """Means over the draws."""
    measured = [figure for each in of if (figure := measure(each)) is not None]
    return {name: round(mean(getattr(m, name) for m in measured), 4) for name in ("ece", "log_loss", "accuracy")}


def figures_of_ways(plain: Predictions, logits: Logits) -> dict[str, Any]:
    """The figures of each calibration method, and the bins of its first draw."""
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
    """All figures of a model; FER+ models are measured on the faces that have a majority."""
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
    if RESULT.exists():  # models that no longer ship stay in the record
        former = json.loads(RESULT.read_text("utf-8"))["models"]
        record["models"] = {name: one for name, one in former.items() if name not in MODELS}
    record["models"] |= {model: figures_of_model(model, faces) for model in MODELS}
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
