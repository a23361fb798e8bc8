"""Torch against its ONNX export, in onnxruntime, with every kind of input layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from mien.lab.data import read_fer2013
from mien.lab.nets.input import Classifier
from mien.lab.nets.residual import ResidualNet
from mien.lab.onnx_graph import to_onnx
from mien.preprocess import Preprocess


class Flat(nn.Module):
    """A linear map of every pixel: nothing hides a difference in the input."""

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.classes = nn.Linear(preprocess.channels * preprocess.input_px**2, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classes(x.flatten(1))


def assert_agreement(classifier: Classifier, faces: np.ndarray) -> None:
    preprocess = classifier.input.preprocess
    model = to_onnx(classifier, preprocess).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {"faces": faces})
    with torch.no_grad():
        expected = classifier(torch.from_numpy(faces)).numpy()
    assert np.ptp(expected) > 1e-2
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(mean=(0.5,), std=(0.25,)),
        Preprocess(input_px=224),
        Preprocess(input_px=100, channels=3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        Preprocess(crop_px=64, color="rgb", input_px=40, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3),
    ],
    ids=["grey", "grey-224", "grey-as-rgb", "rgb-shrunk"],
)
def test_input_layer(preprocess: Preprocess) -> None:
    torch.manual_seed(0)
    size = (5, preprocess.planes, preprocess.crop_px, preprocess.crop_px)
    faces = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    assert_agreement(Classifier(preprocess, Flat(preprocess)).eval(), faces)


def residual(pool_first: bool = False) -> Classifier:
    torch.manual_seed(0)
    preprocess = Preprocess(mean=(0.5,), std=(0.25,))
    classifier = Classifier(preprocess, ResidualNet(preprocess, 7, pool_first=pool_first))
    with torch.no_grad():  # batch normalisation learns statistics that a wrong fold would show
        classifier.train()(torch.randint(0, 256, (64, 1, 48, 48), dtype=torch.uint8))
    return classifier.eval()


def test_shipped_architecture() -> None:
    assert_agreement(residual(), np.random.default_rng(0).integers(0, 256, (65, 1, 48, 48), np.uint8))


@pytest.mark.parametrize(("scale", "kept"), [(0.5, 0), (-0.5, 1), (None, 0)])
def test_normalisation_behind_a_halving_is_folded_unless_a_scale_is_negative(scale: float | None, kept: int) -> None:
    classifier = residual(pool_first=True)
    network = classifier.network
    assert isinstance(network, ResidualNet)
    norm = network.stages[1][0][2]
    if scale is None:
        network.stages[1][0][2] = nn.BatchNorm2d(norm.num_features, affine=False)
    else:
        with torch.no_grad():
            norm.weight[3] = scale
    operators = [node.op_type for node in to_onnx(classifier, classifier.input.preprocess).graph.node]
    assert operators.count("BatchNormalization") == kept
    assert_agreement(classifier, np.random.default_rng(0).integers(0, 256, (9, 1, 48, 48), np.uint8))


@pytest.mark.fer2013
def test_real_faces(fer2013_path: Path) -> None:
    assert_agreement(residual(), read_fer2013(fer2013_path).test.faces[:100, None])
