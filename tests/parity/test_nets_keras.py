"""ResNet-50 and VGG16 of timm against the published counts of Keras' ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mien.lab.nets import build, count_parameters, torchvision
from mien.lab.recipe import Backbone
from mien.preprocess import Preprocess

torchvision.make_importable()
pytest.importorskip("timm", reason="needs the extra timm")
RGB = Preprocess(channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)

# `ResNet50(include_top=False).count_params()` of Keras 3.15, and what of it does not train: means and variances.
KERAS_RESNET50, KERAS_NOT_TRAINABLE = 23_587_712, 53_120
KERAS_RESNET50_GAP_DENSE7 = 23_602_055
KERAS_VGG16 = 14_714_688


@pytest.fixture(scope="module")
def resnet50() -> nn.Module:
    with torch.device("meta"):
        return build(Backbone(name="resnet50", weights="none"), RGB, 7).network


def test_resnet50_differs_from_keras_by_the_biases_of_its_convolutions(resnet50: nn.Module) -> None:
    trunk = resnet50.backbone
    assert isinstance(trunk, nn.Module)
    convolutions = [module for module in trunk.modules() if isinstance(module, nn.Conv2d)]
    assert all(convolution.bias is None for convolution in convolutions)
    biases = sum(convolution.out_channels for convolution in convolutions)
    statistics = sum(b.numel() for name, b in trunk.named_buffers() if name.endswith(("running_mean", "running_var")))
    assert biases == 26_560
    assert statistics == KERAS_NOT_TRAINABLE
    assert count_parameters(trunk) + biases + statistics == KERAS_RESNET50


def test_resnet50_with_pooling_and_seven_classes(resnet50: nn.Module) -> None:
    assert count_parameters(resnet50) + 26_560 + KERAS_NOT_TRAINABLE == KERAS_RESNET50_GAP_DENSE7


def test_vgg16_without_top_has_the_parameters_of_keras() -> None:
    with torch.device("meta"):
        network = build(Backbone(name="vgg16", weights="none"), RGB, 7).network
    trunk = network.backbone
    assert isinstance(trunk, nn.Module)
    assert count_parameters(trunk) == KERAS_VGG16
