"""Narrower networks from wider ones: the same answers where nothing of use is lost, close ones where some is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from mien import Recognizer
from mien.cli import build_app
from mien.errors import ModelError, RecipeError
from mien.lab import narrowing
from mien.lab.data import FaceDataset, draw_faces
from mien.lab.narrowing import narrow
from mien.lab.nets import build
from mien.lab.nets.folded import read_model
from mien.lab.nets.input import Classifier
from mien.lab.recipe import OwnNet
from mien.lab.run import weights_file

NANO = "residual-nano-even"  # of mien-nano: 24, 40, 56 and 60 channels


@pytest.fixture(scope="module")
def data() -> FaceDataset:
    return draw_faces(9)


def started(network: str, file: Path) -> Classifier:
    preprocess = Recognizer.load("mien-nano").card.preprocess
    return build(OwnNet(name=network, weights="file"), preprocess, 7, file).eval()


def features(classifier: Classifier, data: FaceDataset) -> Tensor:
    """What the last layer reads of the faces of Training, ``(N, width)``."""
    net = classifier.network
    with torch.no_grad():
        crops = torch.from_numpy(data.training.faces[:, None])
        return net.stages(net.stem(classifier.input(crops))).mean((2, 3))


def test_a_network_of_the_same_widths_computes_the_same(data: FaceDataset, tmp_path: Path) -> None:
    whole = features(started(NANO, weights_file("mien-nano")), data)
    found = features(started(NANO, narrow("mien-nano", NANO, data, tmp_path / "new" / "nano.safetensors")), data)
    assert (found - whole).norm() < 0.03 * whole.norm()  # the ridge takes some


def test_channels_that_nothing_reads_are_the_first_to_go(
    data: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wider(file: Path) -> dict[str, Tensor]:
        """Eight channels more before those of each layer, which read the old ones and are read by none."""
        found = read_model(file)
        for key, value in found.items():
            new = 0 if key.startswith("classes") else 8
            if value.ndim == 1:
                found[key] = torch.cat([torch.ones(new), value])
                continue
            old = torch.cat([torch.ones(new, *value.shape[1:]), value])
            unread = 0 if key.startswith("stem") else 8
            found[key] = torch.cat([torch.zeros(len(old), unread, *value.shape[2:]), old], dim=1)
        return found

    whole = features(started(NANO, weights_file("mien-nano")), data)
    monkeypatch.setattr(narrowing, "read_model", wider)
    found = features(started(NANO, narrow("mien-nano", NANO, data, tmp_path / "nano.safetensors")), data)
    assert (found - whole).norm() < 0.03 * whole.norm()


def test_half_the_channels_come_near_to_the_whole(data: FaceDataset, tmp_path: Path) -> None:
    wide = read_model(weights_file("mien-large"))
    layers = [(value, wide[key.removesuffix("weight") + "bias"]) for key, value in wide.items() if value.ndim == 4]
    kept = narrowing._choose(layers, wide["classes.weight"], [28, 56, 56, 56, 104, 104, 104, 208, 208, 208])[-1]
    file = narrow("mien-large", "residual-slim", data, tmp_path / "slim.safetensors")
    whole = features(started("residual-wide", weights_file("mien-large")), data)[:, kept]
    found = features(started("residual-slim", file), data)
    assert (found - whole).square().mean() < 0.6 * whole.var(0).mean()


def test_what_cannot_be_narrowed_is_refused(data: FaceDataset, tmp_path: Path) -> None:
    out = tmp_path / "no.safetensors"
    with pytest.raises(RecipeError, match="network 'residual-slm' is unknown; did you mean 'residual-slim'"):
        narrow("mien-nano", "residual-slm", data, out)
    with pytest.raises(RecipeError, match="network 'cnn8': not a residual network"):
        narrow("mien-nano", "cnn8", data, out)
    for model, network in (("mien-nano", "residual-slim"), ("mien-small", NANO)):
        with pytest.raises(ModelError, match=f"{model}: is not a residual network as deep as {network}"):
            narrow(model, network, data, out)
    with pytest.raises(ModelError, match="its first layer has stride 1, that of residual-pico has 2; choose"):
        narrow("mien-nano", "residual-pico", data, out)
    assert not out.exists()


def test_the_command_writes_what_a_training_starts_from(data: FaceDataset, tmp_path: Path) -> None:
    from mien.lab.data import write_edition

    write_edition(data, tmp_path / "faces.csv")
    words = ["narrow", "mien-nano", "--network", NANO, "--data", str(tmp_path / "faces.csv")]
    result = CliRunner().invoke(build_app(), [*words, "--out", str(tmp_path / "nano.safetensors")])
    assert result.output == f"{tmp_path / 'nano.safetensors'}\n"
    by_library = narrow("mien-nano", NANO, data, tmp_path / "same.safetensors")
    assert (tmp_path / "nano.safetensors").read_bytes() == by_library.read_bytes()
