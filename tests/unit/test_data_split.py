"""Holding out: Keras' rule by hand, shares of classes, twins kept together; class weights of a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.errors import DataError
from mien.lab.data import FaceDataset, class_weights, draw_test, holdout
from mien.lab.recipe import Validation
from mien.labels import FER2013, FOLDER, LabelSet

# Training faces of FER2013 by class, in the order of the folder edition.
FOLDER_COUNTS = (3995, 436, 4097, 7215, 4965, 4830, 3171)


def faces(labels: list[int], images: list[int] | None = None) -> FaceDataset:
    """Random 24 x 24 images; equal numbers in `images` are the same one."""
    numbers = np.arange(len(labels)) if images is None else np.array(images)
    pool = np.random.default_rng(0).integers(0, 256, (int(numbers.max()) + 1, 24, 24), np.uint8)
    return FaceDataset(
        faces=pool[numbers],
        labels=np.array(labels, np.int64),
        splits=np.full(len(labels), "Training"),
        rows=np.arange(len(labels)).astype(np.str_),
        label_set=FER2013,
        source="test",
    )


def rule(name: Any, fraction: float = 0.2) -> Validation:
    return Validation(kind="holdout", fraction=fraction, rule=name)


def test_keras_rule_takes_the_first_of_each_class() -> None:
    #                 0  1  2  3  4  5  6  7  8  9  10 11
    data = faces([1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 2])
    train, held = holdout(data, rule("keras", 0.45), seed=0)
    assert held.rows.tolist() == ["0", "1", "2", "3"]  # int(0.45 * 6), int(0.45 * 5), int(0.45 * 1) of classes 0, 1, 2
    assert train.rows.tolist() == ["4", "5", "6", "7", "8", "9", "10", "11"]


@pytest.mark.parametrize("name", ["keras", "stratified"])
def test_a_fifth_of_fer2013_is_what_the_reports_print(name: str) -> None:
    labels = np.repeat(np.arange(7), FOLDER_COUNTS)
    blank = FaceDataset(
        faces=np.zeros((len(labels), 1, 1), np.uint8),
        labels=labels,
        splits=np.full(len(labels), "Training"),
        rows=np.arange(len(labels)).astype(np.str_),
        label_set=FOLDER,
        source="test",
    )
    train, held = holdout(blank, rule(name), seed=0)
    assert (len(train), len(held)) == (22_968, 5_741)


def test_stratified_rule_draws_the_share_of_each_class_from_the_seed() -> None:
    data = faces([0] * 50 + [1] * 10)
    drawn = [holdout(data, rule("stratified"), seed)[1].rows.tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    for rows in drawn:
        assert (sum(int(row) < 50 for row in rows), len(rows)) == (10, 12)


@pytest.mark.parametrize("name", ["stratified", "grouped"])
def test_shares_are_rounded_to_the_nearest_face(name: str) -> None:
    _, held = holdout(faces([0] * 8 + [1] * 7), rule(name), seed=0)  # 1.6 and 1.4
    assert np.bincount(held.labels).tolist() == [2, 1]


def test_grouped_rule_keeps_twins_together() -> None:
    images = [i // 2 for i in range(60)]  # thirty pairs of identical images
    data = faces([0, 0, 1, 1, 0, 1] * 10, images)
    for seed in range(3):
        train, held = holdout(data, rule("grouped"), seed)
        assert len(train) + len(held) == 60
        assert np.bincount(held.labels).tolist() == [6, 6]
        shown = {face.tobytes() for face in held.faces}
        assert not shown & {face.tobytes() for face in train.faces}
    assert holdout(data, rule("grouped"), 1)[1].rows.tolist() == holdout(data, rule("grouped"), 1)[1].rows.tolist()


def test_a_group_larger_than_the_share_stays_in_training() -> None:
    data = faces([0] * 10, [0] * 6 + [1, 2, 3, 4])
    train, held = holdout(data, rule("grouped", 0.4), seed=0)
    assert sorted(held.rows.tolist()) == ["6", "7", "8", "9"]
    assert len(train) == 6


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_both_parts_need_faces(fraction: float) -> None:
    left = 4 if fraction == 0 else 0
    with pytest.raises(DataError, match=f"leaves {left} faces to train on and {4 - left} to validate on; both need"):
        holdout(faces([0, 0, 1, 1]), rule("keras", fraction), seed=0)


@pytest.mark.parametrize(("fraction", "another"), [(0.05, "0.2"), (0.2, "0.5")])
def test_too_few_faces_of_each_class_to_hold_out(fraction: float, another: str) -> None:
    few = faces([0, 1, 2] * 2)
    remedy = f"Use --set validation.fraction={another}, or --set validation.kind=none to hold out none."
    with pytest.raises(DataError, match=rf"6 faces to train on and 0 to validate on; both need some\. {remedy}"):
        holdout(few, rule("stratified", fraction), seed=0)
    with pytest.raises(DataError, match=r"both need some\. Take another --test-fraction"):
        draw_test(few, fraction)


def test_unlabelled_faces_cannot_be_held_out() -> None:
    with pytest.raises(DataError, match="test: 2 faces have no label; cannot hold out"):
        holdout(faces([0, -1, -1]), rule("keras"), seed=0)


def test_class_weights_are_those_of_the_report() -> None:
    """Report 001, model 4, in folder order."""
    labels = np.repeat(np.arange(7), FOLDER_COUNTS)
    weights = class_weights(np.append(labels, -1), FER2013)
    assert weights.dtype == np.float32
    assert weights.round(4).tolist() == pytest.approx([1.0266, 9.4066, 1.0010, 0.5684, 0.8260, 0.8491, 1.2934])
    assert (weights[labels]).mean() == pytest.approx(1)


def test_a_class_without_faces_has_no_weight() -> None:
    with pytest.raises(DataError, match="no face of disgust; train without them, --set class_weights=none"):
        class_weights(np.array([0, 2]), LabelSet(("angry", "disgust", "fear")))


def test_a_drawn_test_keeps_twins_together() -> None:
    data = faces([0] * 40 + [1] * 20, [*range(30), *range(10), *range(30, 50)])
    drawn = draw_test(data, 0.25)
    assert drawn.split_names() == ["Training", "Test"]
    assert np.bincount(drawn.split("Test").labels).tolist() == [10, 5]
    assert drawn.splits[:10].tolist() == drawn.splits[30:40].tolist()  # the same ten images
    assert draw_test(data, 0.25).splits.tolist() == drawn.splits.tolist()
    assert draw_test(data, 0.25, seed=1).splits.tolist() != drawn.splits.tolist()


def test_a_test_is_drawn_of_training_alone() -> None:
    drawn = draw_test(faces([0, 0, 1, 1]), 0.5)
    with pytest.raises(DataError, match="test: has Training, Test; a test can be drawn from Training only"):
        draw_test(drawn, 0.5)
