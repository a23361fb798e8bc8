"""Logits of our own networks at fixed weights: a change of layers, their order or activation shows.

The weights are sines, so that no random generator has a part in them. After a change that is meant, the numbers are
those that the failing test prints.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from mien.lab.nets import build
from mien.lab.recipe import OwnNet
from mien.preprocess import Preprocess

LOGITS = {
    "cnn-17m": [2.08034, 0.19975, -0.02201, 0.13038, -0.04216, 0.07286, -0.07062],
    "cnn-64-512": [0.21613, 0.03690, 0.08384, 0.04654, -0.05324, -0.04660, 0.10877],
    "cnn8": [-0.03603, -0.02769, 0.02637, -0.01250, -0.17284, 0.01118, 0.06184],
    "gelu-cnn": [1.37435, 0.02278, 0.14515, -0.04383, -0.11271, -0.04399, 0.12436],
    "gelu-cnn-nobn": [1.35915, -0.00830, 0.18527, -0.05307, -0.11832, -0.05781, 0.12393],
}


def sines(shape: torch.Size, around: float, size: float) -> Tensor:
    count = math.prod(shape)
    return (around + size * torch.sin(torch.arange(count, dtype=torch.float64) ** 1.1)).float().view(shape)


@pytest.mark.parametrize("name", LOGITS)
def test_logits(name: str) -> None:
    classifier = build(OwnNet(name=name), Preprocess(mean=(0.5,), std=(0.25,)), 7).eval()
    for module in classifier.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fans = math.prod(module.weight.shape[2:]) * sum(module.weight.shape[:2])
            module.weight.data = sines(module.weight.shape, 0.0, math.sqrt(6 / fans))
            module.bias.data = sines(module.bias.shape, 0.0, 0.1)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data = sines(module.weight.shape, 0.6, 1.0)  # some negative: a pool before it would show
            module.bias.data = sines(module.bias.shape, 0.0, 0.2)
            module.running_mean = sines(module.weight.shape, 0.1, 0.1)
            module.running_var = sines(module.weight.shape, 0.5, 0.1)
    row, column = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    face = ((row * row + 3 * column) % 256).to(torch.uint8)
    with torch.no_grad():
        logits = classifier(face[None, None])[0].tolist()
    assert logits == pytest.approx(LOGITS[name], abs=2e-4), ", ".join(f"{value:.5f}" for value in logits)
