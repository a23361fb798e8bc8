"""Drawn faces: the same for the same seed, all classes, told apart by more than brightness."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import NearestCentroid

from mien.errors import DataError
from mien.lab.data import PRIVATE, PUBLIC, TRAINING, draw_faces
from mien.lab.data.synthetic import _PROTOTYPES
from mien.labels import FER2013


def test_sizes_splits_and_labels() -> None:
    data = draw_faces(per_class=16, seed=0)
    assert data.faces.shape == (7 * (16 + 2 + 2), 48, 48)
    assert data.faces.dtype == np.uint8
    for split, count in ((TRAINING, 16), (PUBLIC, 2), (PRIVATE, 2)):
        assert np.bincount(data.split(split).labels).tolist() == [count] * 7
    assert data.rows.tolist() == [str(row) for row in range(len(data))]
    assert set(_PROTOTYPES) == set(FER2013)
    assert draw_faces(per_class=1, seed=0, size_px=32).faces.shape == (21, 32, 32)


def test_the_seed_decides() -> None:
    one, same, other = draw_faces(2, seed=1), draw_faces(2, seed=1), draw_faces(2, seed=2)
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_a_linear_model_learns_something_but_not_all() -> None:
    """A task for a network: better than chance for pixels alone, far from solved by them."""
    data = draw_faces(per_class=48, seed=0)
    train, test = data.training, data.take(data.splits != TRAINING)
    pixels = [part.faces.reshape(len(part), -1) / 255 for part in (train, test)]
    linear = RidgeClassifier(alpha=300).fit(pixels[0], train.labels).score(pixels[1], test.labels)
    assert 0.2 < linear < 0.7
    mean_grey = NearestCentroid().fit(pixels[0].mean(axis=1, keepdims=True), train.labels)
    assert mean_grey.score(pixels[1].mean(axis=1, keepdims=True), test.labels) < 0.35


@pytest.mark.parametrize(("per_class", "size_px"), [(0, 48), (1, 8)])
def test_what_cannot_be_drawn(per_class: int, size_px: int) -> None:
    with pytest.raises(DataError, match=f"drawn faces: {per_class} a class of {size_px} px; expected at least 1"):
        draw_faces(per_class, seed=0, size_px=size_px)
