"""FaceDataset: what arrays it takes, and what it says about others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien import lab
from mien.errors import DataError, RecipeError
from mien.lab.data import FaceDataset
from mien.labels import FER2013


def dataset(**changes: Any) -> FaceDataset:
    fields = {
        "faces": np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8),
        "labels": np.array([0, 6, -1, 3]),
        "splits": np.array(["Training", "Training", "PublicTest", "Training"]),
        "rows": np.array(["0", "1", "2", "3"]),
        "label_set": FER2013,
        "source": "mine",
    }
    return FaceDataset(**(fields | changes))


def test_arrays_make_a_data_set() -> None:
    data = dataset(votes=np.ones((4, 10), np.uint8))
    assert data.split_names() == ["Training", "PublicTest"] and len(data.training) == 3
    assert len(data.take(np.zeros(4, bool))) == 0, "no face at all is no error"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("faces", np.ones((4, 48, 48), np.float32), r"faces are \(4, 48, 48\) float32; expected an array \(N, H, W\) "),
        ("faces", np.ones((4, 48, 48, 3), np.uint8), r"faces are \(4, 48, 48, 3\) uint8; expected"),
        ("faces", None, "faces are NoneType; expected"),
        ("labels", np.zeros(4), r"labels are \(4,\) float64; expected an array \(N,\) int64"),
        ("labels", np.zeros(3, np.int64), r"labels are \(3,\) int64; expected .* one for each face"),
        ("labels", [0, 1, 2, 3], "labels are list; expected"),
        ("labels", np.array([0, 1, 2, 7]), "labels 0 to 7; expected 0 to 6, and -1 for unlabelled"),
        ("labels", np.array([0, 1, 2, -2]), "labels -2 to 2; expected 0 to 6"),
        ("splits", np.array(["Training", "train", "val", "Test"]), "splits train, val; expected Training, PublicTest"),
        ("splits", np.array(["Training"] * 4, object), r"splits are \(4,\) object; expected an array \(N,\) str"),
        ("rows", np.arange(4), r"rows are \(4,\) int64; expected an array \(N,\) str"),
        ("votes", np.ones((3, 10), np.uint8), r"votes are \(3, 10\) uint8; expected an array \(N, 10\)"),
    ],
)
def test_other_arrays_are_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^mine: {message}"):
        dataset(**{name: value})
    with pytest.raises(DataError, match=message):
        replace(dataset(), **{name: value})


@pytest.mark.parametrize("data", ["fer2013.csv", Path("fer2013.csv")])
def test_the_path_of_a_data_set_is_no_data_set(data: Any, tmp_path: Path) -> None:
    message = r"data .*fer2013\.csv.*; expected a FaceDataset, as lab\.read_fer2013\(PATH\) returns it"
    for call in (
        lambda: lab.train(lab.recipes["cnn8"], data, out=tmp_path),
        lambda: lab.evaluate("mien-nano", data),
        lambda: lab.robustness("mien-nano", data),
    ):
        with pytest.raises(DataError, match=message):
            call()
    assert not list(tmp_path.iterdir())


def test_the_name_of_a_recipe_is_no_recipe(tmp_path: Path) -> None:
    recipe: Any = "cnn8"
    with pytest.raises(RecipeError, match=r"recipe 'cnn8'; expected a Recipe, as lab\.find_recipe\('cnn8'\)"):
        lab.train(recipe, dataset(), out=tmp_path)
