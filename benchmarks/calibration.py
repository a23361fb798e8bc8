"""How ways to calibrate the confidence do on faces they were not fitted to: `python benchmarks/calibration.py DATA`.

Takes the logits of the seven-class models that ship on the twin-free part of PublicTest, cuts the faces into five
parts, and calibrates each part by what the other four fit; three times, cut differently. So too the threshold below
which an expression is called uncertain: how many faces it accepts, and how many of these are right. Writes
benchmarks/results/calibration.json; docs/log.md says what came of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
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
from mien.lab.calibrate import TARGET_ACCURACY, fit_confidence, uncertain_threshold
from mien.lab.data import PUBLIC
from mien.lab.metrics import measure
from mien.lab.predictions import Predictions
from mien.lab.statistics import wilson_interval
from mien.recognizer import Recognizer, calibrated_softmax, softmax

RESULT = RESULTS / "calibration.json"
MODELS = ("mien-small", "mien-nano", "mien-large")
Logits, Labels, Probabilities = npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.float64]


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


def accepted(found: Predictions, logits: Logits, seed: int) -> npt.NDArray[np.bool_]:
    """Which faces of each fifth the threshold accepts that the other four fit, ``(N,)``."""
    chosen = np.empty(len(found), bool)
    for fit, rest in StratifiedKFold(5, shuffle=True, random_state=seed).split(logits, found.labels):
        calibrate = temperature_of_each_face(logits[fit], found.labels[fit])
        known = calibrate(logits[fit])
        right = known.argmax(axis=1) == found.labels[fit]
        threshold, _ = uncertain_threshold(known.max(axis=1), right, TARGET_ACCURACY)
        chosen[rest] = calibrate(logits[rest]).max(axis=1) >= threshold
    return chosen


def figures_of_accepted(found: Predictions, logits: Logits) -> dict[str, float]:
    """Share and accuracy of the faces that are accepted, means over three draws, with the interval of one."""
    right = logits.argmax(axis=1) == found.labels
    draws = [accepted(found, logits, seed) for seed in range(3)]
    intervals = [wilson_interval(int(right[one].sum()), int(one.sum())) for one in draws]
    low, high = (mean(interval[side] for interval in intervals) for side in range(2))
    shares = {
        "coverage": mean(float(one.mean()) for one in draws),
        "accuracy": mean(float(right[one].mean()) for one in draws),
    }
    return {name: round(value, 4) for name, value in (shares | {"low": low, "high": high}).items()}


def by_chance(found: Predictions, seed: int) -> Predictions:
    """The same confidence with labels drawn from it: what a perfect one would read."""
    shares = found.probabilities.cumsum(axis=1)[:, :-1]
    labels = (np.random.default_rng(seed).random((len(found), 1)) > shares).sum(axis=1)
    return replace(found, labels=labels)


def figures(of: list[Predictions]) -> dict[str, float]:
    """Means over the draws."""
    measured = [figure for each in of if (figure := measure(each)) is not None]
    return {name: round(mean(getattr(m, name) for m in measured), 4) for name in ("ece", "log_loss", "accuracy")}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = lab.read_fer2013(parser.parse_args().data)
    faces = data.split(PUBLIC).take(lab.audit(data).twin_free[data.splits == PUBLIC])
    record: dict[str, Any] = {"commit": commit(), "split": PUBLIC, "n_twin_free": len(faces), "models": {}}
    if RESULT.exists():  # models that shipped once stay, under names that no model has any more
        former = json.loads(RESULT.read_text("utf-8"))["models"]
        record["models"] = {name: one for name, one in former.items() if name not in MODELS}
    for model in MODELS:
        recognizer = Recognizer.load(model)
        known = faces.relabel(recognizer.card.labels)
        logits = recognizer.logits(recognizer.card.preprocess.stack(list(known.faces)))
        plain = Predictions(
            rows=known.rows,
            labels=known.labels,
            probabilities=softmax(logits),
            label_set=recognizer.card.labels,
            split=PUBLIC,
        )
        ways: dict[str, Any] = {}
        for way in WAYS:
            found = [crossed(way, plain, logits, seed) for seed in range(3)]
            chance = figures([by_chance(each, seed) for seed, each in enumerate(found)])["ece"]
            ways[way.__name__] = figures(found) | {"ece_by_chance": chance}
            first = measure(found[0])
            assert first is not None
            ways[way.__name__]["bins"] = [asdict(each) for each in first.calibration]
        accepts = figures_of_accepted(plain, logits)
        record["models"][model] = {"sha256": recognizer.card.sha256, "accepted": accepts, "ways": ways}
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
