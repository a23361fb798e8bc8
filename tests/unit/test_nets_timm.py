"""Backbones from timm: heads, freezing, errors. No test downloads anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mien.errors import ModelError, RecipeError
from mien.lab.nets import build, count_parameters, set_trainable, synchronised, torchvision
from mien.lab.nets.input import Classifier
from mien.lab.nets.timm import BackboneNet
from mien.lab.recipe import Backbone
from mien.preprocess import Preprocess

torchvision.make_importable()
pytest.importorskip("timm", reason="needs the extra timm")
RGB = Preprocess(channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)


def on_meta(preprocess: Preprocess = RGB, **fields: Any) -> Classifier:
    """A classifier without numbers: quick, for shapes and counts."""
    with torch.device("meta"):
        return build(Backbone(**({"name": "resnet50", "weights": "none"} | fields)), preprocess, 7)


@pytest.fixture(scope="module")
def small() -> Classifier:
    """A small backbone with every part of a head."""
    head = {"dense": (16, 8), "batch_norm": True, "dropout": 0.5, "keras_bn": True}
    return build(Backbone(name="mobilenetv3_small_050", weights="none", **head), RGB, 7)


def test_head_is_dense_relu_norm_dropout_in_turn(small: Classifier) -> None:
    assert isinstance(small.network, BackboneNet)
    kinds = [type(module) for module in small.network.head]
    assert kinds == [nn.Linear, nn.ReLU, nn.BatchNorm1d, nn.Dropout] * 2 + [nn.Linear]
    widths = [(m.in_features, m.out_features) for m in small.network.head if isinstance(m, nn.Linear)]
    assert widths == [(1024, 16), (16, 8), (8, 7)]
    assert not small.network.head[0].bias.any()


def test_dropout_without_dense_layers_stands_before_the_classes() -> None:
    network = on_meta(dropout=0.3).network
    assert [type(module) for module in network.head] == [nn.Dropout, nn.Linear]  # type: ignore[union-attr]


@pytest.mark.parametrize(("keras_bn", "momentum"), [(True, 0.01), (False, 0.1)])
def test_momentum_of_the_backbone_is_that_of_keras_when_asked(keras_bn: bool, momentum: float) -> None:
    norms = [m for m in on_meta(keras_bn=keras_bn).modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 53
    assert all(norm.momentum == pytest.approx(momentum) and norm.eps == 1e-5 for norm in norms)


@pytest.mark.parametrize(
    ("name", "size", "vector"), [("vgg16", 48, 512), ("vgg16", 224, 25088), ("resnet50", 48, 8192)]
)
def test_flatten_takes_the_last_map(name: str, size: int, vector: int) -> None:
    p = Preprocess(input_px=size, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    assert on_meta(p, name=name, pool="flatten").network.head[-1].in_features == vector  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["efficientnet_b0", "densenet121", "convnext_atto"])
def test_other_backbones_train(name: str) -> None:
    grey = Preprocess()
    classifier = build(Backbone(name=name, weights="none"), grey, 7).train()
    loss = nn.functional.cross_entropy(classifier(torch.rand(2, 1, 48, 48)), torch.tensor([0, 6]))
    loss.backward()
    assert all(p.grad is not None for p in classifier.parameters())


def test_a_size_that_the_network_cannot_take() -> None:
    with pytest.raises(RecipeError, match=r"network inception_v3: does not take 48 px faces of 3 channels"):
        build(Backbone(name="inception_v3", weights="none"), RGB, 7)


def test_unknown_backbone_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"network 'resnet5O': timm has no such network; did you mean .*'resnet50'"):
        on_meta(name="resnet5O")
    with pytest.raises(RecipeError, match=r"timm has no such network; https://huggingface.co/timm lists them"):
        on_meta(name="?")


def test_a_network_of_ones_own_is_no_backbone() -> None:
    with pytest.raises(RecipeError, match=r"this recipe needs a timm backbone\. .* 'network={\"kind\": \"OwnNet\", "):
        build(Backbone(name="my_net:MyNet", weights="none"), RGB, 7)


def test_a_tag_that_timm_does_not_know() -> None:
    with pytest.raises(RecipeError, match=r"network resnet50\.of_mine: timm cannot build it"):
        on_meta(name="resnet50.of_mine")


def test_without_a_network_the_message_names_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    def offline(*_: Any, pretrained: bool, **__: Any) -> nn.Module:
        assert pretrained
        raise FileNotFoundError("cannot find the requested files in the local cache")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ModelError) as caught:
        build(Backbone(name="resnet50", weights="imagenet"), RGB, 7)
    message = str(caught.value)
    assert message.startswith("network resnet50: timm's ImageNet weights cannot be loaded (cannot find the requested")
    assert "--weights FILE.safetensors" in message
    assert "--set network.weights=none" in message


def test_own_weights_can_replace_the_download_altogether() -> None:
    with torch.device("meta"):
        classifier = build(Backbone(name="resnet50", weights="imagenet"), RGB, 7, pretrained=False)
    assert count_parameters(classifier) == 23_508_032 + 14_343


def test_the_backbone_of_a_run_is_gone_on_with(small: Classifier, tmp_path: Path) -> None:
    save_file(small.state_dict(), tmp_path / "weights.safetensors")
    file = tmp_path / "weights.safetensors"
    further = build(Backbone(name="mobilenetv3_small_050", weights="imagenet"), RGB, 2, weights=file).network
    kept = small.network.backbone.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in further.backbone.state_dict().items())
    assert further.head[-1].out_features == 2


def test_weights_for_a_recipe_that_starts_at_random() -> None:
    with pytest.raises(
        RecipeError, match=r"--weights w: in this recipe resnet50 starts at random; add --set network.weights=imagen"
    ):
        build(Backbone(name="resnet50", weights="none"), RGB, 7, weights=Path("w"))


def test_timm_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"timm is not installed; .* install -c constraints.txt '\.\[lab,timm\]' in"):
        on_meta()


def test_last_50_layers_by_name() -> None:
    classifier = on_meta(dense=(4,))
    set_trainable(classifier, "last50")
    trained = {name.rpartition(".")[0] for name, p in classifier.network.named_parameters() if p.requires_grad}
    block = {f"{kind}{number}" for kind in ("conv", "bn") for number in (1, 2, 3)}
    expected = {f"backbone.layer4.{b}.{layer}" for b in range(3) for layer in block}
    expected |= {"backbone.layer4.0.downsample.0", "backbone.layer4.0.downsample.1"}
    expected |= {f"backbone.layer3.5.{layer}" for layer in block}
    expected |= {f"backbone.layer3.4.{layer}" for layer in ("conv2", "bn2", "conv3", "bn3")}
    expected |= {"head.0", "head.2"}
    assert trained == expected


def test_last_50_layers_are_of_resnet50_only() -> None:
    with pytest.raises(RecipeError, match=r"last50 is for ResNet-50, but the network is vgg16; use 'all' or 'head'"):
        set_trainable(on_meta(name="vgg16"), "last50")


def test_frozen_batch_normalisation_keeps_its_statistics(small: Classifier) -> None:
    network = small.network
    assert isinstance(network, BackboneNet)
    small.train()
    set_trainable(small, "head")
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    small.train()  # as a loop calls it each epoch
    small(torch.rand(4, 1, 48, 48)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in network.backbone.state_dict().items())
    assert all(p.grad is None for p in network.backbone.parameters())
    assert all(p.grad is not None for p in network.head.parameters())
    assert network.head[2].training
    set_trainable(small, "all")
    small(torch.rand(4, 1, 48, 48))
    changed = [name for name, value in network.backbone.state_dict().items() if not torch.equal(value, before[name])]
    assert any(name.endswith("running_mean") for name in changed)


def test_a_built_network_is_in_training_mode() -> None:
    assert all(module.training for module in on_meta().modules())


def test_the_mode_stays_what_it_was(small: Classifier) -> None:
    small.eval()
    set_trainable(small, "all")
    assert not any(module.training for module in small.modules())


def test_another_torchvision_is_made_importable_once(monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []

    def of_another_build(name: str) -> None:
        imported.append(name)
        if len(imported) == 1:
            raise RuntimeError("operator torchvision::nms does not exist")

    declared: list[tuple[str, str]] = []
    monkeypatch.setattr(torchvision, "_declared", [])
    monkeypatch.setattr(torchvision.importlib, "import_module", of_another_build)
    monkeypatch.setattr(torchvision.torch.library, "Library", lambda *args: declared.append(args) or MagicMock())
    torchvision.make_importable()
    torchvision.make_importable()
    assert imported == ["torchvision"] * 2  # in vain, then with the operators declared
    assert declared == [("torchvision", "DEF")]


def test_another_fault_of_torchvision_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError(f"{name} is broken")

    monkeypatch.setattr(torchvision, "_declared", [])
    monkeypatch.setattr(torchvision.importlib, "import_module", broken)
    with pytest.raises(RuntimeError, match="torchvision is broken"):
        torchvision.make_importable()


def test_synchronised_normalisation_keeps_its_activation() -> None:
    classifier = build(Backbone(name="efficientnet_b0", weights="none"), RGB, 7)
    kept = {name: value.clone() for name, value in classifier.state_dict().items()}
    norms = [layer for layer in synchronised(classifier).modules() if isinstance(layer, nn.SyncBatchNorm)]
    assert len(norms) == 49
    assert sum(isinstance(layer.act, nn.SiLU) for layer in norms) > 30
    torch.testing.assert_close(dict(classifier.state_dict()), kept)
    again = [layer for layer in synchronised(classifier).modules() if isinstance(layer, nn.SyncBatchNorm)]
    assert all(one is other for one, other in zip(norms, again, strict=True))  # a second phase converts no more
