"""LiteRT: the network of a model in float, and, where the converter is installed, the file that it makes."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import RECIPE, faces, make_run, tiny_network
from typer.testing import CliRunner

from mien.cli import build_app
from mien.errors import ModelError
from mien.lab import join_models, recipes, write_litert
from mien.lab.data import draw_faces
from mien.lab.litert import LITERT_FILE, open_litert, opened
from mien.lab.recipe import Recipe
from mien.recognizer import Recognizer

needs_converter = pytest.mark.skipif(find_spec("litert_torch") is None, reason="needs the extra litert")

NET = replace(RECIPE, name="net", network=recipes["mien-nano-even"].network)


def shown(recognizer: Recognizer, count: int = 60) -> np.ndarray:
    return recognizer.card.preprocess.stack(list(draw_faces(count, seed=3).faces))[:count]


@pytest.mark.parametrize("name", ["mien-nano", "mien-nano-ferplus", "mien-small", "mien-small-ferplus"])
def test_the_network_of_a_model_that_ships(name: str) -> None:
    recognizer = Recognizer.load(name)
    card, network = opened(name)
    crops = shown(recognizer)
    with torch.no_grad():
        logits = network(torch.from_numpy(crops)).numpy()
    exported = recognizer.logits(crops)
    assert card == recognizer.card
    assert logits.shape == exported.shape
    assert (logits.argmax(1) == exported.argmax(1)).mean() > 0.9  # activations of the exported one are integers
    assert np.abs(logits - exported).mean() < 0.15 * exported.std()


def test_the_network_of_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", faces(), NET)
    card, network = opened(run)
    recognizer = Recognizer.load(tmp_path / "run/model")  # exported on the way
    with torch.no_grad():
        logits = network(torch.from_numpy(shown(recognizer))).numpy()
    np.testing.assert_allclose(logits, recognizer.logits(shown(recognizer)), atol=1e-3)
    assert card.name == "net"


def answers(folder: Path, crops: np.ndarray) -> np.ndarray:
    answer = open_litert(folder / LITERT_FILE)
    return np.concatenate([answer(crop[None]) for crop in crops])


def refused(model: str | Path) -> str:
    with pytest.raises(ModelError) as raised:
        opened(model)
    return str(raised.value)


def test_models_whose_network_cannot_be_read(tmp_path: Path) -> None:
    with tiny_network():
        model = make_run(tmp_path / "run", faces()).export(tmp_path / "model")
        assert "its network tiny cannot be read from model.onnx; give the run instead" in refused(model)
        assert opened(tmp_path / "run")[0].name == "tiny"
    join_models(["mien-nano", "mien-small"], tmp_path / "joined", name="both")
    assert "joined from several networks" in refused(tmp_path / "joined")
    assert "no-such" in refused("no-such")
    card = json.loads((Recognizer.load("mien-nano").folder / "card.json").read_text())
    del card["provenance"]["recipe"]
    shutil.copytree(Recognizer.load("mien-nano").folder, tmp_path / "foreign")
    (tmp_path / "foreign/card.json").write_text(json.dumps(card))
    assert "its card does not name the network" in refused(tmp_path / "foreign")


@pytest.mark.skipif(find_spec("litert_torch") is not None, reason="the converter is installed")
def test_without_the_converter_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match="litert_torch"):
        write_litert("mien-nano", tmp_path / "phone")
    assert not (tmp_path / "phone").exists()


def test_a_model_folder_keeps_its_card(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", faces(), NET).export(tmp_path / "model")
    card = (folder / "card.json").read_text()
    with pytest.raises(ModelError, match="model: is a model folder, whose card would be overwritten; name a new"):
        write_litert("mien-nano", folder)
    assert (folder / "card.json").read_text() == card


@needs_converter
@pytest.mark.parametrize(("name", "mirrored"), [("mien-nano-ferplus", False), ("mien-small", True)])
def test_a_file_answers_as_the_network(tmp_path: Path, name: str, mirrored: bool) -> None:
    arguments = ["litert", name, "--out", str(tmp_path / "phone")]
    done = CliRunner().invoke(build_app(), arguments)
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'phone'}\n"), done.output
    card, network = opened(name)
    assert bool(card.provenance.get("mirrored")) is mirrored
    crops = shown(Recognizer.load(name), 20)
    with torch.no_grad():
        wanted = network(torch.from_numpy(crops)).numpy()
    logits = answers(tmp_path / "phone", crops)
    assert np.abs(logits - wanted).max() < 0.05 * np.abs(wanted).max()  # weights in 8 bits
    written = json.loads((tmp_path / "phone/card.json").read_text())
    assert written["labels"] == list(card.labels) and written["temperature"] == card.temperature
    assert written["provenance"]["litert"]["of_sha256"] == card.sha256
    assert written["metrics"] == {}
    content = (tmp_path / "phone" / LITERT_FILE).read_bytes()
    assert written["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) < 1.5 * card.parameters  # a byte each, and biases


@needs_converter
@pytest.mark.parametrize("recipe", [NET, replace(RECIPE, name="gelu", network=recipes["gelu-cnn"].network)])
def test_a_file_of_a_run_in_float(tmp_path: Path, recipe: Recipe) -> None:
    run = make_run(tmp_path / "run", faces(), recipe)
    out = write_litert(tmp_path / "run", tmp_path / "phone", weights="float")
    recognizer = Recognizer.load(run.folder / "model")
    crops = shown(recognizer, 20)
    np.testing.assert_allclose(answers(out, crops), recognizer.logits(crops), atol=1e-3)
    assert json.loads((out / "card.json").read_text())["provenance"]["litert"]["weights"] == "float"
