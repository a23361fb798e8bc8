"""Calibration: make confidence mean accuracy, and choose below which confidence an expression is uncertain."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.card import MODEL_FILE, Card
from mien.errors import DataError
from mien.lab.data import TRAINING, FaceDataset, audit, with_majority
from mien.lab.writing import writing
from mien.recognizer import Recognizer, softmax

SHARPEST, SOFTEST = 0.05, 20.0
"""Bounds of the temperature."""

TARGET_ACCURACY = 0.8
"""Accuracy of the faces that are not called uncertain."""

NOT_CALIBRATED = "Its confidence is not calibrated."
"""Stands among a card's limits until it is."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def recalibrate(model: str | Path, data: FaceDataset, split: str, out: str | Path, *, majority: bool = False) -> Path:
    """Write a model folder whose confidence is fitted anew, on a split that the model was not trained on.

    The figures in its card go, since those of the confidence change: measure the model again. On the same split they
    lean to the bright side, by little: two numbers were fitted to it.

    Args:
        model: a model folder, or the name of a model that ships.
        data: the whole data set; faces with a twin in its Training split are left out.
        split: whose labelled faces are taken.
        out: the new model folder; it may be that of `model`.
        majority: take the majority of the FER+ votes, which `data` then must have, instead of the labels.

    Returns:
        The new model folder.

    Raises:
        DataError: the data set lacks the split or votes, it is Training, or it has no labelled face; or its classes
            are not the model's.
        ModelError: there is no such model, or the folder cannot be written.
    """
    recognizer = Recognizer.load(model)
    if split == TRAINING:
        raise DataError(f"{data.source}: {split} taught the network; calibrate on another split.")
    faces = data.split(split)
    if TRAINING in data.split_names():
        faces = faces.take(audit(data).twin_free[data.splits == split])
    if majority:
        faces = with_majority(faces)
    faces = faces.take(faces.labels >= 0)
    if not len(faces):
        raise DataError(f"{data.source}: {split} has no labelled face; calibrate on another split.")
    out = Path(out)
    with writing(out) as part:
        shutil.copy(recognizer.folder / MODEL_FILE, part / MODEL_FILE)
        calibrated(recognizer, faces, f"{split}, without twins in Training").write(part)
    return out


def calibrated(
    recognizer: Recognizer, faces: FaceDataset, which: str = "held out of Training, without twins there"
) -> Card:
    """Return the model's card with temperature and threshold fitted on labelled faces it was not trained on.

    Args:
        recognizer: the model.
        faces: of classes that the model knows.
        which: the faces in words, for the card.
    """
    card = recognizer.card
    faces = faces.relabel(card.labels)
    logits = recognizer.logits(card.preprocess.stack(list(faces.faces)))
    temperature = fit_temperature(logits, faces.labels)
    probabilities = softmax(logits, temperature)
    correct = probabilities.argmax(axis=1) == faces.labels
    threshold, coverage = uncertain_threshold(probabilities.max(axis=1), correct, TARGET_ACCURACY)
    calibration = {
        "faces": which,
        "n": len(faces),
        "accuracy": float(correct.mean()),
        "target_accuracy": TARGET_ACCURACY,
        "coverage": coverage,
    }
    return replace(
        card,
        temperature=temperature,
        uncertain_below=threshold,
        metrics={},  # those of another temperature
        provenance=card.provenance | {"calibration": calibration},
        limits=tuple(limit for limit in card.limits if limit != NOT_CALIBRATED),
    )


def fit_temperature(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """Return the temperature T that minimises the log loss of ``softmax(logits / T)`` (Guo et al. 2017).

    The log loss is convex in 1/T, so that a golden-section search over log T finds the one minimum.

    Args:
        logits: ``(N, K)`` of faces that the network was not trained on.
        labels: ``(N,)``, all of them known.

    Returns:
        T between 0.05 and 20, to about 1e-6 of it.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    of_label = shifted[np.arange(len(labels)), labels]

    def log_loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        return float((np.log(np.exp(shifted * scale).sum(axis=1)) - of_label * scale).mean())

    low, high = math.log(SHARPEST), math.log(SOFTEST)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = log_loss(left), log_loss(right)
    while high - low > 1e-6:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = log_loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = log_loss(right)
    return math.exp((low + high) / 2)


def uncertain_threshold(
    confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], target: float = 0.8
) -> tuple[float, float]:
    """Choose the confidence below which an expression is called uncertain.

    Args:
        confidence: ``(N,)`` of faces that the network was not trained on.
        correct: ``(N,)``, whether each was predicted right.
        target: accuracy that the faces at or above the threshold shall have.

    Returns:
        (threshold, coverage): the lowest threshold that reaches the target and the share of faces that it accepts;
        (0, 1) if all faces together reach it, (1, 0) if no threshold does.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    accepted = np.arange(1, len(order) + 1)
    reaches = np.cumsum(correct[order]) >= target * accepted
    reaches[:-1] &= ranked[:-1] > ranked[1:]  # a threshold cannot part faces of one confidence
    if not reaches.any():
        return 1.0, 0.0
    last = int(np.flatnonzero(reaches)[-1])
    if last == len(order) - 1:
        return 0.0, 1.0
    return float(ranked[last]), (last + 1) / len(order)
