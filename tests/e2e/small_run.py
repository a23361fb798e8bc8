"""A finished run of a tiny network on drawn noise, made without training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mien.lab.data import FaceDataset
from mien.lab.nets import NETWORKS, build
from mien.lab.recipe import OwnNet, Recipe, Stopping, Validation
from mien.lab.recipe_book import recipes
from mien.lab.run import ENVIRONMENT, Run
from mien.labels import FER2013, FERPLUS
from mien.preprocess import Preprocess

TRAIN, PUBLIC, PRIVATE = 140, 70, 20
TWINS = 5
"""The first faces of PublicTest stand in Training too."""

HISTORY = [
    {"epoch": 1, "train_accuracy": 0.5, "validation_accuracy": 0.4},
    {"epoch": 2, "train_accuracy": 0.6, "validation_accuracy": 0.3},
]


class Tiny(nn.Module):
    """One convolution with batch normalisation: the least that has everything that an export must handle."""

    def __init__(self, preprocess: Preprocess, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(preprocess.channels, 8, 5, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(3), nn.Flatten()
        )
        self.classes = nn.Linear(72, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classes(self.features(x))


@contextmanager
def tiny_network() -> Iterator[None]:
    """Let recipes name the network ``tiny``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "tiny", Tiny)
        yield


RECIPE = replace(
    recipes["mien-small-first"],
    name="tiny",
    network=OwnNet(name="tiny"),
    preprocess=Preprocess(mean=(0.4,), std=(0.2,)),
    validation=Validation(kind="holdout", fraction=0.5, rule="stratified"),
    stopping=Stopping(monitor="accuracy", patience=None, keep="best"),
    remark="Made for tests.",
)


def faces() -> FaceDataset:
    """Chequered noise in three splits; the last one has no labels."""
    n = TRAIN + PUBLIC + PRIVATE
    pixels = np.random.default_rng(0).integers(0, 256, (n, 6, 6), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    pixels[TRAIN : TRAIN + TWINS] = pixels[:TWINS]
    labels = np.arange(n) % 7
    labels[TRAIN + PUBLIC :] = -1
    return FaceDataset(
        faces=pixels,
        labels=labels.astype(np.int64),
        splits=np.repeat(["Training", "PublicTest", "PrivateTest"], [TRAIN, PUBLIC, PRIVATE]),
        rows=np.array([str(row) for row in range(n)]),
        label_set=FER2013,
        source="folder/noise.csv",
    )


def with_votes(data: FaceDataset) -> FaceDataset:
    """Every third face has no majority, the others are happy or sad, in turn; the last split has no votes."""
    votes = np.zeros((len(data), 10), np.uint8)
    votes[:, 1], votes[:, 3] = 5, 5
    votes[1::3, 1] = votes[2::3, 3] = 8
    votes[data.splits == "PrivateTest"] = 0
    return replace(data, votes=votes)


def make_run(folder: Path, data: FaceDataset, recipe: Recipe = RECIPE, seed: int = 0, **environment: object) -> Run:
    """Leave a run as a training does; batch normalisation gets statistics that a wrong fold would show."""
    run = Run(folder, recipe)
    run.write_recipe()
    row = {
        "seed": 0,
        "commit": "c0ffee",
        "data_fingerprint": data.fingerprint,
        "data_source": "noise.csv",
        "label_set": list(data.label_set),
        "weights": None,
        "weights_sha256": None,
        "versions": {"torch": torch.__version__},
        "best_epoch": 1,
        "finished": True,
    }
    run.write_json(ENVIRONMENT, row | environment)
    run.write_history(HISTORY)
    torch.manual_seed(seed)
    votes = len(FERPLUS) if recipe.votes_weight else 0
    classifier = build(recipe.network, recipe.preprocess, len(data.label_set) + votes)
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.1, 0.5)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias, std=0.1)
    run.write_weights(classifier.state_dict())
    return run
