"""Networks that go on from model files: the same answers, classes by name, and errors for what is none of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mien import Recognizer
from mien.errors import ModelError
from mien.lab.joining import join_models
from mien.lab.nets import adopt_classes, build, settle
from mien.lab.nets.input import Classifier
from mien.lab.recipe import OwnNet
from mien.lab.run import learned_classes, weights_file
from mien.labels import FER2013, FERPLUS, FOLDER, LabelSet
from mien.preprocess import Preprocess

NETWORKS = {
    "mien-small": "mobilenet-v1-short-normed",
    "mien-nano": "residual-nano-even",
    "mien-small-ferplus": "residual-small",
    "mien-large": "residual-wide",
}


def faces(count: int = 24) -> np.ndarray:
    """Drawn faces ``(N, 1, 48, 48)``."""
    draws = np.random.default_rng(0)
    coarse = draws.integers(0, 256, (count, 1, 6, 6), dtype=np.uint8)
    return np.kron(coarse, np.ones((1, 1, 8, 8), np.uint8))


def gone_on(model: str, labels: LabelSet = FER2013, outputs: int | None = None) -> Classifier:
    weights, preprocess = weights_file(model), Recognizer.load(model).card.preprocess
    network = build(OwnNet(name=NETWORKS[model], weights="file"), preprocess, outputs or len(labels), weights)
    known = learned_classes(weights)
    assert known is not None
    adopt_classes(network, weights, known, labels)
    return network.eval()


def answers(network: Classifier, mirrored: bool) -> np.ndarray:
    x = torch.from_numpy(faces())
    with torch.no_grad():
        logits = network(x)
        return ((logits + network(x.flip(-1))) / 2 if mirrored else logits).numpy()


@pytest.mark.parametrize("model", ["mien-small", "mien-nano", "mien-large"])
def test_it_answers_as_the_model_and_settling_changes_nothing(model: str) -> None:
    recognizer = Recognizer.load(model, threads=1)
    mirrored = bool(recognizer.card.provenance.get("mirrored"))
    expected = recognizer.logits(faces())
    network = gone_on(model)
    found = answers(network, mirrored)
    # the model also rounds what stands between its layers to 8 bits
    assert np.abs(found - expected).mean() < 0.1 * expected.std()
    settle(network, torch.from_numpy(faces(64)[::-1].copy()))
    np.testing.assert_allclose(answers(network, mirrored), found, atol=1e-3 * expected.std())


def test_after_settling_normalisation_has_statistics_of_its_own() -> None:
    network = gone_on("mien-nano")
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert all(float(norm.running_mean.abs().max()) == 0 for norm in norms)
    settle(network, torch.from_numpy(faces(64)))
    assert all(float(norm.running_mean.abs().max()) > 0 for norm in norms)
    before = [norm.running_mean.clone() for norm in norms]
    settle(network, torch.from_numpy(faces(8)))  # a second time does nothing
    assert all(torch.equal(norm.running_mean, one) for norm, one in zip(norms, before, strict=True))


def test_classes_cross_by_name_in_any_order() -> None:
    by_csv, by_folder = gone_on("mien-nano", FER2013), gone_on("mien-nano", FOLDER)
    order = list(FOLDER.positions_in(FER2013))
    np.testing.assert_allclose(answers(by_folder, False), answers(by_csv, False)[:, order], atol=1e-5)


def test_the_eight_classes_go_on_as_the_seven_that_they_share() -> None:
    recognizer = Recognizer.load("mien-small-ferplus", threads=1)
    expected = recognizer.logits(faces())[:, [FERPLUS.index(name) for name in FER2013]]
    found = answers(gone_on("mien-small-ferplus"), bool(recognizer.card.provenance.get("mirrored")))
    assert np.abs(found - expected).mean() < 0.1 * expected.std()


def test_votes_go_on_too() -> None:
    network = gone_on("mien-small", outputs=15)
    with torch.no_grad():
        again = gone_on("mien-small", outputs=15)(torch.from_numpy(faces()))
        torch.testing.assert_close(network(torch.from_numpy(faces())), again)  # none of the rows is drawn


def test_a_class_that_the_model_does_not_know_begins_anew() -> None:
    network = gone_on("mien-nano", LabelSet(("happy", "asleep")))
    known = Recognizer.load("mien-nano").card.labels
    happy = gone_on("mien-nano", known)
    weight = network.network.classes.weight
    assert torch.equal(weight[0], happy.network.classes.weight[known.index("happy")])
    assert not any(torch.equal(weight[1], row) for row in happy.network.classes.weight)


def test_another_network_is_refused() -> None:
    weights = weights_file("mien-nano")
    with pytest.raises(ModelError, match=r"model\.onnx: not the weights of residual-small\. .* misshapen"):
        build(OwnNet(name="residual-small", weights="file"), Recognizer.load("mien-nano").card.preprocess, 7, weights)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not an ONNX file that can be read"):
        build(
            OwnNet(name="residual-nano", weights="file"),
            Recognizer.load("mien-nano").card.preprocess,
            7,
            tmp_path / "model.onnx",
        )


def test_a_joined_model_is_refused(tmp_path: Path) -> None:
    both = join_models(["mien-nano", "mien-small"], tmp_path / "both", name="both")
    with pytest.raises(ModelError, match="joined from several networks; start from one of them"):
        build(OwnNet(name="residual-nano-even", weights="file"), Preprocess(), 7, weights_file(both))


def test_normalisation_that_is_not_folded_is_refused(tmp_path: Path) -> None:
    model = onnx.load(weights_file("mien-nano"))
    model.graph.node.append(onnx.helper.make_node("BatchNormalization", list("abcde"), ["f"]))
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="its normalisation is not folded; start from the weights of its run"):
        build(OwnNet(name="residual-nano-even", weights="file"), Preprocess(), 7, tmp_path / "model.onnx")


def test_weights_are_found_by_name_by_folder_and_by_file(tmp_path: Path) -> None:
    shipped = weights_file("mien-nano")
    assert shipped.name == "model.onnx"
    assert weights_file(shipped.parent) == shipped
    (tmp_path / "weights.safetensors").touch()
    assert weights_file(tmp_path) == weights_file(tmp_path / "weights.safetensors") == tmp_path / "weights.safetensors"


def test_a_model_file_without_its_folder_is_refused_by_name(tmp_path: Path) -> None:
    copied = tmp_path / "other.onnx"
    copied.write_bytes(weights_file("mien-nano").read_bytes())
    with pytest.raises(ModelError, match=r"other\.onnx: name the model folder that holds it as model\.onnx, beside"):
        learned_classes(copied)
