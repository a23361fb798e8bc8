"""Linear probes of a network before and after `mien narrow`: `python benchmarks/narrowing.py DATA`.

A linear classifier is fitted to the last features, on faces of Training: of mien-large's network, of the quarter of it
that `mien narrow` fits, and of a network of the same shape with random weights. All are measured on PublicTest. Writes
benchmarks/results/narrowing.json.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from layout import RESULTS, commit, keep
from sklearn.linear_model import LogisticRegression

from mien import lab
from mien.lab.data import PUBLIC, FaceDataset
from mien.lab.nets import build, count_parameters
from mien.lab.nets.input import Classifier
from mien.lab.recipe import OwnNet
from mien.lab.run import weights_file
from mien.lab.statistics import wilson_interval
from mien.recognizer import Recognizer

MODEL, NARROW = "mien-large", "residual-slim"
STEP = 7
"""The classifier is fitted to every n-th face of Training."""


def features(classifier: Classifier, faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the last layer's input ``(N, width)`` for grey faces ``(N, H, W)``."""
    network = classifier.eval().network
    with torch.no_grad():
        parts = [
            network.stages(network.stem(classifier.input(part))).mean((2, 3))
            for part in torch.from_numpy(faces[:, None]).split(256)
        ]
    read: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return read


def measure(classifier: Classifier, data: FaceDataset) -> dict[str, float | int | list[float]]:
    """Fit the classifier, and return its accuracy."""
    training, test = data.training, data.split(PUBLIC)
    fitted = LogisticRegression(max_iter=2000).fit(
        features(classifier, training.faces[::STEP]), training.labels[::STEP]
    )
    right = int((fitted.predict(features(classifier, test.faces)) == test.labels).sum())
    return {
        "parameters": count_parameters(classifier),
        "n": len(test),
        "accuracy": right / len(test),
        "interval": list(wilson_interval(right, len(test))),
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition with PublicTest")
    data = lab.read_fer2013(parser.parse_args().data)
    preprocess = Recognizer.load(MODEL).card.preprocess
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as scratch:
        fitted = lab.narrow(MODEL, NARROW, data, Path(scratch) / "narrow.safetensors")
        starts = {
            MODEL: (OwnNet(name="residual-wide", weights="file"), weights_file(MODEL)),
            f"{NARROW}, fitted": (OwnNet(name=NARROW, weights="file"), fitted),
            f"{NARROW}, random": (OwnNet(name=NARROW), None),
        }
        networks = {name: build(network, preprocess, 7, weights) for name, (network, weights) in starts.items()}
    result = {
        "measured": f"a linear classifier on the last features, fitted to {len(data.training.faces[::STEP])} faces of "
        f"Training, on {PUBLIC}",
        "commit": commit(),
        "networks": {name: measure(classifier, data) for name, classifier in networks.items()},
    }
    keep(result, RESULTS / "narrowing.json")


if __name__ == "__main__":
    main()
