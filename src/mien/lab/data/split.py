"""Take a part of Training away for validation, and weigh classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data.dataset import FaceDataset
from mien.lab.recipe import Validation

Mask = npt.NDArray[np.bool_]


def holdout(training: FaceDataset, validation: Validation, seed: int) -> tuple[FaceDataset, FaceDataset]:
    """Split labelled faces into those to learn from and those to watch.

    The keras rule takes the first ``int(fraction * n)`` faces of each class in the data set's order, as Keras'
    `validation_split` does with the sorted files of a class folder (`DirectoryIterator`). The other two
    rules draw ``round(fraction * n)`` faces of each class from `seed`.

    Returns:
        (the faces to train on, the faces to validate on), both in the order of `training`.

    Raises:
        DataError: faces without a label, or one of the two parts would be empty.
    """
    if (training.labels < 0).any():
        raise DataError(
            f"{training.source}: {int((training.labels < 0).sum()):,} faces have no label; cannot hold out."
        )
    if validation.rule == "keras":
        held = _first_of_each_class(training.labels, validation.fraction)
    elif validation.rule == "stratified":
        held = _drawn_of_each_class(training.labels, validation.fraction, seed)
    else:
        raise DataError("grouped: not yet")
    if held.all() or not held.any():
        raise DataError(
            f"{training.source}: a fraction of {validation.fraction} leaves {int((~held).sum()):,} faces to train on "
            f"and {int(held.sum()):,} to validate on; both need some."
        )
    return training.take(~held), training.take(held)


def _first_of_each_class(labels: npt.NDArray[np.int64], fraction: float) -> Mask:
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        where = np.flatnonzero(labels == label)
        held[where[: int(fraction * len(where))]] = True
    return held


def _drawn_of_each_class(labels: npt.NDArray[np.int64], fraction: float, seed: int) -> Mask:
    draw = np.random.default_rng(seed)
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        where = draw.permutation(np.flatnonzero(labels == label))
        held[where[: round(fraction * len(where))]] = True
    return held


def class_weights(labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.float32]:
    """Return ``(classes,)`` float32 weights n / (K n_c), which make every class count alike ("balanced").

    Raises:
        DataError: a class has no face, so that its weight would be infinite.
    """
    counts = np.bincount(labels[labels >= 0], minlength=classes)
    for label in np.flatnonzero(counts == 0)[:1]:
        raise DataError(f"class weights: class {label} of {classes} has no face; train without class weights.")
    return (counts.sum() / (classes * counts)).astype(np.float32)
