"""The face network: the same answers with its batch normalisation unfolded, and while it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mien.errors import ModelError
from mien.lab.nets import build, settle
from mien.lab.nets.input import Classifier
from mien.lab.nets.mobilenet_v1 import MobileNetV1
from mien.lab.recipe import OwnNet
from mien.preprocess import Preprocess

COLOR = Preprocess(input_px=64, channels=3, mean=(0.5,) * 3, std=(0.1,) * 3)


@pytest.fixture
def trunk(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    state = MobileNetV1(COLOR, 7).trunk.state_dict()
    for name, value in state.items():
        if name.endswith("weight"):
            nn.init.kaiming_normal_(value)  # or the answer would hardly depend on the face
    save_file(state, tmp_path / "trunk.safetensors")
    return tmp_path / "trunk.safetensors"


def network(name: str, trunk: Path) -> Classifier:
    torch.manual_seed(1)
    return build(OwnNet(name=name, weights="file"), COLOR, 7, trunk)


def faces(seed: int, count: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 1, 48, 48), dtype=torch.uint8, generator=generator)


def test_unfolded_normalisation_changes_no_answer(trunk: Path) -> None:
    folded, unfolded = network("mobilenet-v1", trunk).eval(), network("mobilenet-v1-normed", trunk).eval()
    settle(unfolded, faces(2))
    with torch.no_grad():
        expected, found = folded(faces(3)), unfolded(faces(3))
    assert expected.std(0).min() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_while_it_learns_each_layer_is_normalised_as_it_was(trunk: Path) -> None:
    classifier = network("mobilenet-v1-normed", trunk)
    settle(classifier, faces(2))
    assert isinstance(classifier.network, MobileNetV1)
    classifier.network.dropout.p = 0.0
    with torch.no_grad():
        expected = classifier.eval()(faces(2))
        found = classifier.train()(faces(2))  # by the statistics of these faces, which are those that it settled on
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05 * float(expected.std()))


def test_other_networks_have_nothing_to_settle(trunk: Path) -> None:
    classifier = network("mobilenet-v1", trunk)
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    settle(classifier, faces(2))
    assert all(torch.equal(value, before[name]) for name, value in classifier.state_dict().items())


def test_halving_while_it_learns_is_the_halving_of_later(trunk: Path) -> None:
    classifier = network("mobilenet-v1", trunk)
    assert isinstance(classifier.network, MobileNetV1)
    classifier.network.dropout.p = 0.0
    found = {}
    for training in (True, False):
        classifier.train(training).zero_grad()
        logits = classifier(faces(4, 8))
        logits.square().sum().backward()
        halving = classifier.network.trunk.dw[1].weight.grad
        assert halving is not None
        found[training] = (logits.detach(), halving.clone())
    torch.testing.assert_close(found[True], found[False], rtol=1e-3, atol=1e-4)


def test_a_short_network_starts_from_the_first_blocks_of_a_run(trunk: Path, tmp_path: Path) -> None:
    whole = network("mobilenet-v1-normed", trunk).eval()
    settle(whole, faces(2))
    save_file(whole.state_dict(), tmp_path / "weights.safetensors")
    short = network("mobilenet-v1-short-normed", tmp_path / "weights.safetensors").eval()
    settle(short, faces(5))  # it has its statistics from the run
    assert isinstance(whole.network, MobileNetV1) and isinstance(short.network, MobileNetV1)
    with torch.no_grad():
        x = whole.input(faces(3))
        found = short.network.trunk(x)
        for layer in whole.network.trunk.layers()[:23]:  # the first convolution, then eleven pairs
            x = layer(x)
    assert found.shape == (64, 512, 4, 4)
    torch.testing.assert_close(found, x, rtol=0, atol=0)


def test_a_short_network_starts_from_the_first_blocks_of_a_folded_one(trunk: Path) -> None:
    short = network("mobilenet-v1-short-normed", trunk)
    settle(short, faces(2))
    assert isinstance(short.network, MobileNetV1)
    folded = network("mobilenet-v1", trunk).eval()
    assert isinstance(folded.network, MobileNetV1)
    with torch.no_grad():
        x = folded.input(faces(3))
        found = short.eval().network.trunk(x)
        for layer in folded.network.trunk.layers()[:23]:
            x = layer(x)
    assert x.std(0).max() > 1e-3
    torch.testing.assert_close(found, x, rtol=1e-3, atol=1e-4)


def test_normalised_weights_are_not_for_a_network_without(trunk: Path, tmp_path: Path) -> None:
    save_file(network("mobilenet-v1-normed", trunk).state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match="has batch normalisation; use a network whose name ends in -normed"):
        network("mobilenet-v1", tmp_path / "weights.safetensors")


def test_a_short_file_does_not_make_a_whole_network(trunk: Path, tmp_path: Path) -> None:
    save_file(network("mobilenet-v1-short-normed", trunk).state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match=r"24 missing: dw\.11"):
        network("mobilenet-v1-normed", tmp_path / "weights.safetensors")


def test_a_narrow_network_starts_from_the_first_channels_of_a_longer_one(trunk: Path, tmp_path: Path) -> None:
    short = network("mobilenet-v1-short-normed", trunk).eval()
    settle(short, faces(2))
    save_file(short.state_dict(), tmp_path / "short.safetensors")
    nano = network("mobilenet-v1-nano-normed", tmp_path / "short.safetensors").eval()
    assert isinstance(short.network, MobileNetV1) and isinstance(nano.network, MobileNetV1)
    with torch.no_grad():
        x = short.input(faces(3))
        found = nano.network.trunk(x)
        for layer in short.network.trunk.layers()[:13]:  # the first convolution, then six pairs
            x = layer(x)
    assert found.shape == (64, 176, 4, 4)
    torch.testing.assert_close(found, x[:, :176], rtol=1e-5, atol=1e-6)


def test_a_narrow_network_goes_on_from_one_of_its_own(trunk: Path, tmp_path: Path) -> None:
    nano = network("mobilenet-v1-nano-normed", trunk)
    settle(nano, faces(2))
    save_file(nano.state_dict(), tmp_path / "nano.safetensors")
    again = network("mobilenet-v1-nano-normed", tmp_path / "nano.safetensors")
    assert isinstance(nano.network, MobileNetV1) and isinstance(again.network, MobileNetV1)
    with torch.no_grad():
        x = nano.input(faces(3))
        torch.testing.assert_close(again.eval().network.trunk(x), nano.eval().network.trunk(x), rtol=0, atol=0)
    with pytest.raises(ModelError, match=r"60 missing: dw\.6.*; 6 misshapen: pw\.5"):
        network("mobilenet-v1-short-normed", tmp_path / "nano.safetensors")
