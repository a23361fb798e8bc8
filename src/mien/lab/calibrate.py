"""Calibration: fit a model's confidence to its accuracy, and set the threshold below which it is uncertain."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.card import MODEL_FILE, Card
from mien.checking import check_number
from mien.errors import DataError
from mien.lab.data import TRAINING, FaceDataset, audit, may_have_learned_from, with_majority
from mien.lab.selective import ranked_by_confidence
from mien.recognizer import Recognizer, calibrated_softmax
from mien.writing import writing

TARGET_ACCURACY = 0.8
"""Default target: the accuracy of the faces that are not marked uncertain."""

ENOUGH_FACES = 100
"""Fewer are too imprecise: with 80 of 100 right, the 95 % interval is 71 to 87 %; with 4 of 5, it is 38 to 96 %."""

NOT_CALIBRATED = "Its confidence is not calibrated."
"""The limit in a card that calibration removes."""

_PRIOR_LOG_TEMPERATURE, _PRIOR_SHARPENING = 1.0, 0.3  # standard deviations


def recalibrate(
    model: str | Path,
    data: FaceDataset,
    split: str,
    out: str | Path,
    *,
    majority: bool = False,
    target_accuracy: float = TARGET_ACCURACY,
) -> Path:
    """Write a model folder whose confidence is recalibrated on a split that the model was not trained on.

    If the confidence changes, the card loses its figures; evaluate the model again. Its figures on the split used here
    are then slightly optimistic, because three numbers were fitted to it.

    Args:
        model: a model folder, or the name of a shipped model.
        data: the whole data set; faces with a twin in its Training split, if it has one, are left out.
        split: the split whose labelled faces are used. Training, including its twins, is accepted only if the model was
            not trained on it.
        out: the new model folder; it may be that of `model`.
        majority: use the majority of the FER+ votes instead of the labels; `data` must have the votes.
        target_accuracy: accuracy to reach on the faces not marked uncertain, 0 to 1. The higher it is, the more faces
            are marked uncertain; all are if no threshold reaches it.

    Returns:
        The new model folder.

    Raises:
        InputError: the target is not between 0 and 1.
        DataError: the data set lacks the split or the votes, or its classes differ from the model's; the model was
            trained on the split, or the split has no labelled face.
        ModelError: there is no such model, or the folder cannot be written.
    """
    check_number("target_accuracy", target_accuracy, 0, 1)
    recognizer = Recognizer.load(model)
    faces, which = _new_faces(recognizer, data, split)
    if majority:
        faces = with_majority(faces)
    faces = faces.take(faces.labels >= 0)
    if not len(faces):
        raise DataError(f"{data.source}: {split} has no labelled face; calibrate on {_other_splits(data, split)}.")
    out = Path(out)
    with writing(out) as part:
        shutil.copy(recognizer.folder / MODEL_FILE, part / MODEL_FILE)
        calibrated(recognizer, faces, which, data.split(split).fingerprint, target_accuracy).write(part)
    return out


def _new_faces(recognizer: Recognizer, data: FaceDataset, split: str) -> tuple[FaceDataset, str]:
    """The faces of a split that the model was not trained on, and a description of them.

    Raises:
        DataError: the split is Training, and the model was trained on it, or may have been.
    """
    faces = data.split(split)
    if split == TRAINING:
        if may_have_learned_from(recognizer.card.provenance, data):
            others = _other_splits(data, split)
            raise DataError(
                f"{data.source}: the model was trained on {split}, or may have been; calibrate on {others}."
            )
        return faces, f"{split}, which the model has not learned from"
    if TRAINING in data.split_names():
        return faces.take(audit(data).twin_free[data.splits == split]), f"{split}, without twins in Training"
    return faces, f"{split}, twins in Training among them"


def _other_splits(data: FaceDataset, split: str) -> str:
    """The options that select other splits with labelled faces."""
    others = [name for name in data.split_names() if name != split and (data.split(name).labels >= 0).any()]
    options = " or ".join(f"--split {name}" for name in others if name != TRAINING)
    return options or "other data, which the model was not trained on"


def calibrated(
    recognizer: Recognizer,
    faces: FaceDataset,
    which: str = "held out of Training, without twins there",
    fingerprint: str = "",
    target_accuracy: float | None = None,
) -> Card:
    """Return the model's card with its confidence and threshold fitted to labelled faces it was not trained on.

    Args:
        recognizer: the model.
        faces: faces of the model's classes.
        which: description of the faces, for the card.
        fingerprint: fingerprint of the whole split that they come from, for the card.
        target_accuracy: accuracy to reach on the faces not marked uncertain; None = the model's previous target.

    Returns:
        The new card, without figures if the confidence has changed; the same card if there are no faces.
    """
    card = recognizer.card
    if not len(faces):
        return card
    if target_accuracy is None:
        target_accuracy = asked_accuracy(card)
    faces = faces.relabel(card.labels)
    logits = recognizer.logits(card.preprocess.stack(list(faces.faces)))
    temperature, sharpening = fit_confidence(logits, faces.labels)
    probabilities = calibrated_softmax(logits, temperature, sharpening)
    correct = probabilities.argmax(axis=1) == faces.labels
    threshold, coverage = uncertain_threshold(probabilities.max(axis=1), correct, target_accuracy)
    as_before = (temperature, sharpening) == (card.temperature, card.sharpening)
    calibration = {
        "faces": which,
        "n": len(faces),
        "accuracy": float(correct.mean()),
        "target_accuracy": float(target_accuracy),
        "coverage": coverage,
    } | ({"data_fingerprint": fingerprint} if fingerprint else {})
    return replace(
        card,
        temperature=temperature,
        sharpening=sharpening,
        uncertain_below=threshold,
        metrics=card.metrics if as_before else {},
        provenance=card.provenance | {"calibration": calibration},
        limits=tuple(limit for limit in card.limits if limit != NOT_CALIBRATED),
    )


def asked_accuracy(*cards: Card | None) -> float:
    """Return the target accuracy of the first of these models that is calibrated; `TARGET_ACCURACY` if none is."""
    fits = [card.provenance.get("calibration") for card in cards if card is not None]
    targets = [fit["target_accuracy"] for fit in fits if isinstance(fit, dict) and "target_accuracy" in fit]
    return float(targets[0]) if targets else TARGET_ACCURACY


def fit_confidence(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return the temperature and sharpening of `mien.recognizer.calibrated_softmax` that fit labelled faces best.

    They minimise the log loss of the confidence alone, taken as the probability that the most probable class is right:
    people read the confidence, and the threshold applies to it. A weak prior keeps both near their uncalibrated values,
    so a few dozen faces, or faces that are all right, cannot move them far.

    Args:
        logits: ``(N, K)`` of faces that the network was not trained on.
        labels: ``(N,)``, none of them unknown.
    """
    from scipy.optimize import minimize

    correct = logits.argmax(axis=1) == labels

    def loss(point: npt.NDArray[np.float64]) -> float:
        log_temperature, sharpening = point
        probabilities = np.sort(calibrated_softmax(logits, math.exp(log_temperature), sharpening), axis=1)
        likelihoods = np.where(correct, probabilities[:, -1], probabilities[:, :-1].sum(axis=1))
        prior = (log_temperature / _PRIOR_LOG_TEMPERATURE) ** 2 + (sharpening / _PRIOR_SHARPENING) ** 2
        return float(prior / 2 - np.log(np.maximum(likelihoods, 1e-300)).sum())

    best = minimize(loss, (0.0, 0.0), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-7}).x
    return math.exp(best[0]), float(best[1])


def uncertain_threshold(
    confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], target: float
) -> tuple[float, float]:
    """Choose the confidence below which an expression is marked uncertain.

    Args:
        confidence: ``(N,)`` of faces that the network was not trained on.
        correct: ``(N,)``, whether each prediction is right.
        target: accuracy that the faces at or above the threshold must reach.

    Returns:
        (threshold, coverage): the lowest threshold that reaches the target and the share of faces that it accepts;
        (0, 1) if all faces together reach the target, (1, 0) if no threshold does.
    """
    ranked, right, at_least = ranked_by_confidence(confidence, correct)
    reaches = np.flatnonzero(right[at_least - 1] / at_least >= target)  # a ratio, because 0.55 * 100 > 55 in floats
    if not len(reaches):
        return 1.0, 0.0
    last = reaches[-1]
    if at_least[last] == len(ranked):
        return 0.0, 1.0
    return float(ranked[last]), float(at_least[last] / len(ranked))
