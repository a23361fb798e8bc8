"""From a float model folder to one that computes in 8-bit integers."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from small_run import RECIPE, TRAIN, faces, make_run, with_votes
from torch import Tensor, nn
from typer.testing import CliRunner

from mien import lab
from mien.card import Card
from mien.cli import build_app
from mien.errors import DataError, ModelError
from mien.lab import compress
from mien.lab.calibrate import NOT_CALIBRATED, fit_confidence, recalibrate
from mien.lab.compress import quantize
from mien.lab.data import FaceDataset, with_majority, write_edition
from mien.lab.export import export_run, held_out_faces
from mien.lab.joining import join_models
from mien.lab.nets import NETWORKS
from mien.lab.recipe import OwnNet
from mien.lab.run import Run
from mien.labels import FERPLUS
from mien.preprocess import Preprocess
from mien.recognizer import Recognizer

NANO = replace(RECIPE, name="nano", network=OwnNet(name="residual-nano"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FaceDataset:
    """Noise, of which the untrained network reads seven in ten faces right."""
    noise = faces()
    classifier = make_run(tmp_path_factory.mktemp("guesses"), noise, NANO).load_classifier()
    with torch.no_grad():
        guesses = classifier(torch.from_numpy(noise.faces[:, None])).argmax(dim=1).numpy()
    right = np.arange(len(noise)) % 10 < 7
    return replace(noise, labels=np.where(right, guesses, (guesses + 1) % 7))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: FaceDataset) -> Run:
    return make_run(tmp_path_factory.mktemp("run"), data, NANO)


@pytest.fixture(scope="module")
def source(run: Run, data: FaceDataset) -> Path:
    """A float model that has been calibrated and measured; wrongly, so that a copied figure shows."""
    folder = export_run(run, data=data)
    replace(Card.read(folder), metrics={"PublicTest": {}}, temperature=3.0).write(folder)
    return folder


@pytest.fixture(scope="module")
def small(source: Path, data: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantize(source, data, tmp_path_factory.mktemp("int8") / "model")


def test_its_answers_are_those_of_the_float_model(source: Path, small: Path, data: FaceDataset) -> None:
    test = data.faces[-90:, None]
    expected, found = (Recognizer.load(folder).logits(test) for folder in (source, small))
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.1 * np.ptp(expected, axis=0).max()
    assert np.abs(found[:1] - Recognizer.load(small).logits(test[:1])).max() < 1e-5


def test_it_takes_a_third_of_the_space(source: Path, small: Path) -> None:
    sizes = [(folder / "model.onnx").stat().st_size for folder in (small, source)]
    assert sizes[0] < sizes[1] / 3  # a quarter, and what describes the graph


def test_all_but_the_first_and_the_last_layer_is_in_integers(small: Path) -> None:
    graph = onnx.load(small / "model.onnx").graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    in_integers = [types.get(node.input[1]) != TensorProto.FLOAT for node in layers]
    assert in_integers == [False] + [True] * 9 + [False]
    for layer in layers[1:-1]:
        weights, activations = (made_by[layer.input[at]] for at in (1, 0))
        assert types[weights.input[0]] == TensorProto.INT8
        assert types[activations.input[2]] == TensorProto.UINT8
    scales = next(tensor for tensor in graph.initializer if tensor.name == made_by[layers[1].input[1]].input[1])
    assert scales.dims == [32]  # one for each output channel
    normalised = layers[0].input[0]
    while normalised != "faces":
        assert made_by[normalised].op_type in ("Cast", "Div", "Sub")
        normalised = made_by[normalised].input[0]
    assert made_by["logits"] is layers[-1] or made_by["logits"].op_type == "Gemm"


def test_card_says_what_it_was_made_from(run: Run, source: Path, small: Path, data: FaceDataset) -> None:
    before, card = Card.read(source), Card.read(small)
    held_out = held_out_faces(run.recipe, run.environment, data)
    assert held_out is not None
    quantization = card.provenance["quantization"]
    assert quantization == {
        "kind": "int8",
        "of_sha256": before.sha256,
        "range_faces": len(data.training) - len(held_out),
        "onnxruntime": compress.onnxruntime.__version__,
        "same_label": quantization["same_label"],
    }
    assert 0.9 < quantization["same_label"] <= 1
    assert card.sha256 == hashlib.sha256((small / "model.onnx").read_bytes()).hexdigest() != before.sha256
    assert card.metrics == {}
    logits = Recognizer.load(small).logits(held_out.faces[:, None])
    assert (card.temperature, card.sharpening) == pytest.approx(fit_confidence(logits, held_out.labels))
    assert card.temperature != before.temperature
    assert card.provenance["calibration"]["n"] == len(held_out)
    assert (card.name, card.limits, card.parameters) == (before.name, before.limits, before.parameters)
    assert sorted(file.name for file in small.parent.rglob("*")) == ["card.json", "model", "model.onnx"]


def test_ranges_come_from_the_faces_that_were_learnt(
    run: Run, source: Path, data: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = held_out_faces(run.recipe, run.environment, data)
    assert held_out is not None
    seen: list[np.ndarray] = []
    write = compress._write_int8
    monkeypatch.setattr(compress, "_write_int8", lambda *given: seen.append(given[2]) or write(*given))
    monkeypatch.setattr(compress, "RANGE_FACES", 40)
    quantize(source, data, tmp_path / "m")
    learnt = {face.tobytes() for face, row in zip(data.training.faces, data.training.rows) if row not in held_out.rows}
    assert seen[0].shape == (40, 1, 48, 48)
    assert {face.tobytes() for face in seen[0]} <= learnt


def test_it_may_take_the_place_of_the_float_model(source: Path, small: Path, data: FaceDataset, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(source, tmp_path / "m"))
    assert quantize(folder, data, folder) == folder
    assert Card.read(folder) == Card.read(small)  # the same model, byte for byte
    with pytest.raises(ModelError, match="already quantised; give the float model that it was made from"):
        quantize(folder, data, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_accuracy_that_was_asked_for_stays(source: Path, data: FaceDataset, tmp_path: Path) -> None:
    strict = recalibrate(source, data, "PublicTest", tmp_path / "strict", target_accuracy=0.9)
    assert Card.read(quantize(strict, data, tmp_path / "m")).provenance["calibration"]["target_accuracy"] == 0.9


def test_a_joined_model_is_refused(source: Path, data: FaceDataset, tmp_path: Path) -> None:
    twice = [source, Path(shutil.copytree(source, tmp_path / "copy"))]
    joined = join_models(twice, tmp_path / "joined", name="joined")
    with pytest.raises(ModelError, match="joined from several models; quantise each of them, then join the results"):
        quantize(joined, data, tmp_path / "int8")


def test_without_held_out_faces_it_is_not_calibrated(source: Path, data: FaceDataset, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(source, tmp_path / "float"))
    card = Card.read(folder)
    card.provenance["recipe"]["validation"] = {"kind": "none", "fraction": 0.0, "rule": "stratified"}
    replace(card, temperature=1.0, limits=(NOT_CALIBRATED,)).write(folder)
    card = Card.read(quantize(folder, data, tmp_path / "int8"))
    assert card.limits == (NOT_CALIBRATED,)
    assert (card.temperature, card.provenance["quantization"]["range_faces"]) == (1.0, TRAIN)


def test_other_data_is_refused(source: Path, data: FaceDataset, tmp_path: Path) -> None:
    message = r"trained on {}, not on the Training split of noise.csv; give the data that the model was trained on"
    with pytest.raises(ModelError, match=message.format("noise.csv")):
        quantize(source, data.take(np.arange(100)), tmp_path / "m")
    folder = Path(shutil.copytree(source, tmp_path / "unknown"))
    replace(Card.read(folder), provenance={}).write(folder)
    with pytest.raises(ModelError, match=message.format("unknown data")):
        quantize(folder, data, tmp_path / "m")


def test_a_network_without_inner_layers_is_refused(source: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(source, tmp_path / "m"))
    model = onnx.load(folder / "model.onnx")
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    for node in layers[1:-1]:
        node.op_type = "ConvTranspose"  # is none of the layers that are looked for
    message = r"m: 2 layers\. The first and the last stay in float, so int8 needs at least three; use the float"
    with pytest.raises(ModelError, match=message):
        compress._float_nodes(folder, model.graph)
    names = compress._float_nodes(folder, onnx.load(folder / "model.onnx").graph)
    assert (names[-1], len(names)) == (layers[-1].name, 6)  # three of the normalisation, Cast, first and last layer


def test_a_depthwise_layer_behind_the_first_stays_float_too(data: FaceDataset, tmp_path: Path) -> None:
    mobile = replace(
        RECIPE,
        network=OwnNet(name="mobilenet-v1-short-normed"),
        preprocess=replace(RECIPE.preprocess, input_px=64, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3),
    )
    small = quantize(export_run(make_run(tmp_path, data, mobile)), data, tmp_path / "int8")
    graph = onnx.load(small / "model.onnx").graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    in_float = [types.get(node.input[1]) == TensorProto.FLOAT for node in layers]
    assert in_float == [True, True] + [False] * 21 + [True]


class Attending(nn.Module):
    """One head of attention with sharp weights, and normalisation by what a face itself shows."""

    def __init__(self, preprocess: Preprocess, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(preprocess.channels, 16, 3, 4, 1), nn.GroupNorm(4, 16), nn.ReLU())
        self.asked, self.keys, self.values = (nn.Conv2d(16, 16, 1) for _ in range(3))
        self.norm = nn.LayerNorm(16)
        self.classes = nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        asked, keys, values = (layer(x).flatten(2) for layer in (self.asked, self.keys, self.values))
        weights = torch.softmax(5 * asked.transpose(1, 2) @ keys, dim=-1)
        return self.classes(self.norm((weights @ values.transpose(1, 2)).amax(1)))


def test_attention_stays_float(data: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "attending", Attending)
    source = export_run(make_run(tmp_path, data, replace(RECIPE, network=OwnNet(name="attending"))))
    small = quantize(source, data, tmp_path / "int8")
    graph = onnx.load(small / "model.onnx").graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    sensitive = [node for node in graph.node if node.op_type in ("MatMul", *compress._FLOAT)]
    assert len(sensitive) == 5
    quantized = {node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    assert not [node.op_type for node in sensitive if node.output[0] in quantized]
    convolutions = [node for node in graph.node if node.op_type == "Conv"][1:]
    assert [made_by[node.input[0]] for node in convolutions] == ["DequantizeLinear"] * 3
    expected, found = (Recognizer.load(folder).logits(data.faces[-90:, None]) for folder in (source, small))
    assert np.abs(found - expected).max() < 0.1 * np.ptp(expected, axis=0).max()


def test_ferplus_answers_are_calibrated_by_the_majority(data: FaceDataset, tmp_path: Path) -> None:
    voted = with_votes(data)
    run = make_run(tmp_path, voted, replace(NANO, votes_weight=0.5))
    source = export_run(run, votes=True)
    folder = quantize(source, voted, tmp_path / "int8")
    expected, found = (Recognizer.load(each).logits(data.faces[:, None]) for each in (source, folder))
    assert found.shape == (len(data), len(FERPLUS))
    assert np.abs(found - expected).max() < 0.1 * np.ptp(expected, axis=0).max()
    held_out = held_out_faces(run.recipe, run.environment, voted)
    assert held_out is not None
    assert Card.read(folder).provenance["calibration"]["n"] == len(with_majority(held_out)) < len(held_out)
    with pytest.raises(DataError, match=r"no FER\+ votes; join them"):
        quantize(source, data, tmp_path / "other")


def test_a_mirrored_model_stays_one(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    source = export_run(run, tmp_path / "float", data=data, mirrored=True)
    folder = quantize(source, data, tmp_path / "int8")
    assert Card.read(folder).provenance["mirrored"]
    faces = data.faces[:, None]
    recognizer = Recognizer.load(folder)
    found = recognizer.logits(faces)
    assert recognizer.logits(np.ascontiguousarray(faces[..., ::-1])) == pytest.approx(found, abs=1e-5)
    expected = Recognizer.load(source).logits(faces)
    assert np.abs(found - expected).max() < 0.1 * np.ptp(expected, axis=0).max()


@pytest.fixture(scope="module")
def parquet(data: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "noise.parquet"
    write_edition(data, file)
    return file


def test_export_int8(
    run: Run, source: Path, small: Path, parquet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "export_run", lambda run, out, **more: Path(shutil.copytree(source, out)))  # is slow
    words = ["export", str(run.folder), "--int8", "--out", str(tmp_path / "m")]
    done = CliRunner().invoke(build_app(), words)
    assert done.exit_code == 2
    assert "needs --data" in done.output
    done = CliRunner().invoke(build_app(), [*words, "--data", str(parquet)])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(tmp_path / "m")
    made = Card.read(tmp_path / "m").provenance["quantization"]
    same = f"{100 * made['same_label']:.1f} % of {made['range_faces']} faces the same label as the float model."
    assert f"The int8 model gives {same}" in done.stderr
    assert Card.read(tmp_path / "m").sha256 == Card.read(small).sha256
