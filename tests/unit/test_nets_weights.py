"""Weights from a local file, under the names of timm, torchvision and EfficientNet-PyTorch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mien.errors import ModelError
from mien.lab.nets import build, torchvision
from mien.lab.nets.timm import BackboneNet
from mien.lab.recipe import Backbone
from mien.preprocess import Preprocess

torchvision.make_importable()
timm = pytest.importorskip("timm", reason="needs the extra timm")
models = pytest.importorskip("torchvision.models", reason="needs the extra timm")

RGB = Preprocess(channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
FACES = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))


def save(state: dict[str, Tensor], file: Path) -> Path:
    save_file({name: value.contiguous() for name, value in state.items()}, file)
    return file


def with_drawn_statistics(network: nn.Module) -> nn.Module:
    """Means and variances that tell one batch normalisation from another."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.8, 1.2)  # type: ignore[arg-type]
    return network.eval()


def load(name: str, file: Path, **fields: Any) -> BackboneNet:
    network = build(Backbone(name=name, weights="imagenet", **fields), RGB, 7, weights=file).eval().network
    assert isinstance(network, BackboneNet)
    return network


@pytest.mark.parametrize(
    ("name", "theirs", "trunk"),
    [
        ("mobilenetv2_100", "mobilenet_v2", lambda net, x: net.features(x).mean((2, 3))),
        ("resnet18", "resnet18", lambda net, x: nn.Sequential(*list(net.children())[:-1])(x).flatten(1)),
    ],
)
def test_features_are_those_of_torchvision(name: str, theirs: str, trunk: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = with_drawn_statistics(getattr(models, theirs)(weights=None))
    network = load(name, save(source.state_dict(), tmp_path / "w.safetensors"))
    with torch.no_grad():
        torch.testing.assert_close(network.features(FACES), trunk(source, FACES), atol=1e-4, rtol=1e-4)


def test_vgg16_of_torchvision_in_half_precision(tmp_path: Path) -> None:
    source = models.vgg.make_layers(models.vgg.cfgs["D"]).half().float()
    state = {f"features.{name}": value.half() for name, value in source.state_dict().items()}
    state["classifier.6.bias"] = torch.zeros(1000)
    network = load("vgg16", save(state, tmp_path / "w.safetensors"), pool="flatten")
    with torch.no_grad():
        torch.testing.assert_close(network.features(FACES), source(FACES).flatten(1), atol=1e-5, rtol=1e-3)


def test_resnet50_keys_are_torchvisions() -> None:
    with torch.device("meta"):
        theirs = models.resnet50(weights=None).state_dict()
        ours = timm.create_model("resnet50").state_dict()
    assert {name: value.shape for name, value in theirs.items()} == {name: value.shape for name, value in ours.items()}


def efficientnet_names(state: dict[str, Tensor], ends: list[int]) -> dict[str, Tensor]:
    """Rename timm's EfficientNet as EfficientNet-PyTorch names it; `ends` = blocks a stage."""
    whole = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
    first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    later = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1"}
    later |= {"conv_pwl": "_project_conv", "bn3": "_bn2"}
    squeeze = {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
    renamed = {}
    for name, value in state.items():
        layer, _, kind = name.rpartition(".")
        block = re.fullmatch(r"blocks\.(\d+)\.(\d+)\.(.+)", layer)
        if block is None:
            renamed[f"{whole[layer]}.{kind}"] = value
        else:
            stage, place = int(block[1]), int(block[2])
            table = (later if stage else first) | squeeze
            renamed[f"_blocks.{sum(ends[:stage]) + place}.{table[block[3]]}.{kind}"] = value
    return renamed


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "efficientnet_b0"])
def test_efficientnet_pytorch_names_map_in_order(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = with_drawn_statistics(timm.create_model(name))
    state = efficientnet_names(source.state_dict(), ends=[len(stage) for stage in source.blocks])
    assert "_blocks.15._expand_conv.weight" in state
    network = load(name, save(state, tmp_path / "w.safetensors"))
    source.reset_classifier(0)
    with torch.no_grad():
        torch.testing.assert_close(network.features(FACES), source(FACES))


@pytest.fixture(scope="module")
def resnet18() -> dict[str, Tensor]:
    state: dict[str, Tensor] = timm.create_model("resnet18").state_dict()
    return state


def test_classifier_and_batch_counters_may_be_missing(resnet18: dict[str, Tensor], tmp_path: Path) -> None:
    state = {name: value for name, value in resnet18.items() if not name.endswith("num_batches_tracked")}
    del state["fc.weight"], state["fc.bias"]
    network = load("resnet18", save(state, tmp_path / "w.safetensors"))
    assert torch.equal(network.backbone.state_dict()["conv1.weight"], resnet18["conv1.weight"])


def test_missing_unexpected_and_misshapen_keys_are_named(resnet18: dict[str, Tensor], tmp_path: Path) -> None:
    state = dict(resnet18)
    del state["bn1.bias"]
    state["bn9.bias"] = torch.zeros(1)
    state["layer1.0.conv1.weight"] = torch.zeros(64, 64, 1, 1)
    with pytest.raises(ModelError) as caught:
        load("resnet18", save(state, tmp_path / "w.safetensors"))
    assert "w.safetensors: not the weights of resnet18. Of 120 tensors, 1 missing: bn1.bias; " in str(caught.value)
    assert "1 unexpected: bn9.bias; " in str(caught.value)
    assert "1 misshapen: layer1.0.conv1.weight (64, 64, 1, 1) instead of (64, 64, 3, 3)" in str(caught.value)


def test_many_faults_are_counted_and_some_named(resnet18: dict[str, Tensor], tmp_path: Path) -> None:
    state = {f"other.{name}": value for name, value in resnet18.items()}
    with pytest.raises(ModelError, match=r"100 missing: conv1\.weight, bn1\.weight, .*, \.\.\.; 122 unexpected: other"):
        load("resnet18", save(state, tmp_path / "w.safetensors"))


def test_a_file_of_another_number_of_layers(tmp_path: Path) -> None:
    source = timm.create_model("tf_efficientnet_lite0").state_dict()
    state = {name: value for name, value in source.items() if not name.startswith("blocks.6")}
    state = efficientnet_names(state, ends=[1, 2, 2, 3, 3, 4, 1])
    with pytest.raises(ModelError, match=r"missing: conv_stem\.weight.*unexpected: _"):
        load("tf_efficientnet_lite0", save(state, tmp_path / "w.safetensors"))


def test_a_file_that_is_no_safetensors(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    with pytest.raises(ModelError, match=r"w\.safetensors: not a safetensors file that can be read \(.*No such file"):
        load("resnet18", file)
    torch.save({}, file)
    with pytest.raises(ModelError, match=r"not a safetensors file that can be read \(.*save_file makes one of a state"):
        load("resnet18", file)
