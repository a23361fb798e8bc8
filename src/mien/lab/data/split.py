"""Hold out part of Training, for validation or as a test split, and compute class weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data.auditing import audit
from mien.lab.data.dataset import TEST, TRAINING, FaceDataset
from mien.lab.recipe import Validation
from mien.labels import LabelSet

Mask = npt.NDArray[np.bool_]


def holdout(training: FaceDataset, validation: Validation, seed: int) -> tuple[FaceDataset, FaceDataset]:
    """Split labelled faces into those to train on and those to validate on.

    The keras rule takes the first ``int(fraction * n)`` faces of each class in the data set's order, as Keras'
    `validation_split` does with the sorted files of a class folder (`DirectoryIterator`). The stratified rule
    draws ``round(fraction * n)`` faces of each class; the grouped rule does so with whole groups of twins, which
    takes an audit (seconds) and may leave a class a few faces short of its share.

    Args:
        training: labelled faces.
        validation: fraction and rule; its kind is ignored.
        seed: of the random choice; the keras rule makes none.

    Returns:
        (the faces to train on, the faces to validate on), both in the order of `training`.

    Raises:
        DataError: faces without a label, or one of the two parts would be empty.
    """
    held = held_out(training, validation, seed)
    return training.take(~held), training.take(held)


def held_out(training: FaceDataset, validation: Validation, seed: int, remedy: str = "") -> Mask:
    """Return which faces `holdout` holds out, ``(N,)`` bool; its arguments and errors are the same.

    `remedy` replaces the advice in the error message for an empty part.
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
        held = _whole_groups(training, validation.fraction, seed)
    if held.all() or not held.any():
        another = 0.2 if validation.fraction < 0.2 else 0.5
        remedy = remedy or f"Use --set validation.fraction={another}, or --set validation.kind=none to hold out none."
        raise DataError(
            f"{training.source}: a fraction of {validation.fraction} leaves {int((~held).sum()):,} faces to train on "
            f"and {int(held.sum()):,} to validate on; both need some. {remedy}"
        )
    return held


def draw_test(data: FaceDataset, fraction: float, seed: int = 0) -> FaceDataset:
    """Return the data set with part of its Training faces moved to Test, for a user's own data without splits.

    Twins stay together, as in the grouped rule of `holdout`; faces of one person may not: identities are unknown.

    Raises:
        DataError: the data set has other splits already, or as `holdout` raises it.
        RecipeError: the fraction is not between 0 and 1.
    """
    if data.split_names() != [TRAINING]:
        raise DataError(
            f"{data.source}: has {', '.join(data.split_names()) or 'no faces'}; a test can be drawn from Training only."
        )
    rule = Validation(kind="holdout", fraction=fraction, rule="grouped")
    held = held_out(data, rule, seed, "Take another --test-fraction, or more faces.")
    return replace(data, splits=np.where(held, TEST, TRAINING))


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


def _whole_groups(training: FaceDataset, fraction: float, seed: int) -> Mask:
    """Hold out groups of twins, in random order, while none of their classes exceeds its share."""
    groups, labels = audit(training).groups, training.labels
    room = np.round(fraction * np.bincount(labels)).astype(np.int64)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    held = np.zeros(len(labels), bool)
    for group in np.random.default_rng(seed).permutation(len(members)):
        wanted = np.bincount(labels[members[group]], minlength=len(room))
        if (wanted <= room).all():
            held[members[group]] = True
            room -= wanted
    return held


def class_weights(labels: npt.NDArray[np.int64], label_set: LabelSet) -> npt.NDArray[np.float32]:
    """Return ``(K,)`` float32 weights n / (K n_c), which give all classes the same total weight ("balanced").

    Raises:
        DataError: a class has no face: its weight would be infinite.
    """
    counts = np.bincount(labels[labels >= 0], minlength=len(label_set))
    missing = [label_set.name(int(label)) for label in np.flatnonzero(counts == 0)]
    if missing:
        raise DataError(
            f"class weights: no face of {', '.join(missing)}; train without them, --set class_weights=none."
        )
    weights: npt.NDArray[np.float64] = counts.sum() / (len(label_set) * counts)
    return weights.astype(np.float32)
