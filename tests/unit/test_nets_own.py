"""Mien's own networks: parameters, first weights, shapes."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from mien.errors import RecipeError
from mien.lab.nets import NETWORKS, build, count_parameters, set_trainable
from mien.lab.recipe import OwnNet
from mien.preprocess import Preprocess

GREY = Preprocess()


def residual(*widths: int) -> int:
    """A stem, then in each stage one convolution to the next width and two of that width; no biases but the last."""
    stages = sum(9 * before * after + 2 * 9 * after**2 + 6 * after for before, after in pairwise(widths))
    return 9 * widths[0] + 2 * widths[0] + stages + 7 * (widths[-1] + 1)


PARAMETERS = {  # counted by hand from kernels, biases and batch normalisations
    "cnn-17m": 17_044_871,  # report 001
    "cnn-64-512": 640 + 73_856 + 295_168 + 1_180_160 + 2 * 960 + 7 * (4608 + 1),
    "cnn8": 640 + 36_928 + 73_856 + 147_584 + 295_168 + 590_080 + 1_180_160 + 2_359_808 + 2 * 960 + 7 * (4608 + 1),
    "gelu-cnn": 1_280 + 295_168 + 1_180_160 + 2_359_808 + 2 * 1408 + 131_328 + 131_584 + 3_591,
    "gelu-cnn-nobn": 1_280 + 295_168 + 1_180_160 + 2_359_808 + 131_328 + 131_584 + 3_591,
}


RESIDUAL = {
    "residual-pico": residual(8, 16, 24, 40),
    "residual-nano": residual(16, 32, 48, 72),
    "residual-small": residual(32, 64, 128, 192),
    "residual-large": residual(64, 128, 256, 384),
}


@pytest.mark.parametrize(("name", "parameters"), (PARAMETERS | RESIDUAL).items())
def test_parameters(name: str, parameters: int) -> None:
    with torch.device("meta"):
        assert count_parameters(build(OwnNet(name=name), GREY, 7)) == parameters


def test_three_channels_cost_what_the_first_kernel_says() -> None:
    rgb = Preprocess(channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    with torch.device("meta"):
        grey, color = (count_parameters(build(OwnNet(name="cnn-64-512"), p, 7)) for p in (GREY, rgb))
    assert color - grey == 2 * 9 * 64


@pytest.mark.parametrize("name", ["residual-nano", "residual-small"])
def test_a_stem_at_full_size_takes_the_same_weights(name: str) -> None:
    half, full = NETWORKS[name](GREY, 7), NETWORKS[f"{name}-full"](GREY, 7)
    full.load_state_dict(half.state_dict())
    sides = [network.stem(torch.zeros(1, 1, 48, 48)).shape[2:] for network in (half, full)]
    assert sides == [(24, 24), (48, 48)]


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_of_a_batch(name: str) -> None:
    classifier = build(OwnNet(name=name), GREY, 5).eval()
    faces = torch.randint(0, 256, (3, 1, 48, 48), dtype=torch.uint8)
    with torch.no_grad():
        together = classifier(faces)
        alone = classifier(faces[1:2])
    assert together.shape == (3, 5)
    assert together.dtype == torch.float32
    torch.testing.assert_close(alone, together[1:2], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [64, 97])
def test_other_input_sizes(name: str, size: int) -> None:
    with torch.device("meta"):
        classifier = build(OwnNet(name=name), Preprocess(input_px=size), 7)
        assert classifier(torch.zeros(2, 1, 48, 48)).shape == (2, 7)


@pytest.mark.parametrize("name", sorted(PARAMETERS.keys() - {"cnn-17m"}))
def test_first_weights_are_glorot_uniform_and_biases_zero(name: str) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name](GREY, 7)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            window = math.prod(module.weight.shape[2:])
            fans = window * (module.weight.shape[0] + module.weight.shape[1])
            limit = math.sqrt(6 / fans)
            assert module.weight.abs().max() <= limit
            assert module.weight.abs().max() > 0.97 * limit
            assert module.weight.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.05)
            assert not module.bias.any()


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_batch_normalisation_is_that_of_keras(name: str) -> None:
    with torch.device("meta"):
        norms = [module for module in NETWORKS[name](GREY, 7).modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == {"cnn-17m": 3, "gelu-cnn-nobn": 0}.get(name, 4)
    assert all(norm.momentum == pytest.approx(1 - 0.99) and norm.eps == 1e-3 for norm in norms)


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"network 'cnn-8' is unknown; did you mean 'cnn8'"):
        build(OwnNet(name="cnn-8"), GREY, 7)


def test_own_networks_take_no_weights_file() -> None:
    with pytest.raises(
        RecipeError, match=r"--weights a\.safetensors: in this recipe cnn8 starts at random; leave the file out"
    ):
        build(OwnNet(name="cnn8"), GREY, 7, weights=Path("a.safetensors"))


def test_own_networks_have_no_head_to_train_alone() -> None:
    with torch.device("meta"):
        classifier = build(OwnNet(name="cnn8"), GREY, 7)
    set_trainable(classifier, "all")
    with pytest.raises(RecipeError, match=r"phases: 'head' is for timm backbones; .* trained as a whole"):
        set_trainable(classifier, "head")
