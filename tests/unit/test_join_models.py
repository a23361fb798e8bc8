"""One model folder from several."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tiny_model import write_tiny_model
from typer.testing import CliRunner

import mien
from mien.card import Card
from mien.cli import build_app
from mien.errors import ModelError
from mien.lab import join_models
from mien.lab.calibrate import NOT_CALIBRATED
from mien.labels import LabelSet
from mien.preprocess import Preprocess
from mien.recognizer import Recognizer, softmax


@pytest.fixture
def faces() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (5, 1, 48, 48), np.uint8)


def change_card(folder: Path, **values: object) -> None:
    replace(Card.read(folder), **values).write(folder)  # type: ignore[arg-type]


def test_the_probabilities_are_the_mean(faces: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    names = ["mien-nano", "mien-small"]  # int8; the second one mirrored
    joined = Recognizer.load(join_models(names, tmp_path / "both", name="both"))
    expected = np.mean([softmax(Recognizer.load(name).logits(faces)) for name in names], axis=0)
    np.testing.assert_allclose(softmax(joined.logits(faces)), expected, atol=1e-6)
    assert np.ptp(expected, axis=0).max() > 0.01
    assert joined.logits(faces[:1]).shape == (1, 7)


def test_classes_in_another_order_are_averaged_by_name(faces: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    nano, small = Recognizer.load("mien-nano"), Recognizer.load("mien-small")
    turned = tmp_path / "turned"
    shutil.copytree(nano.folder, turned)
    change_card(turned, labels=LabelSet(nano.card.labels.names[::-1]))  # its first output is neutral now
    joined = Recognizer.load(join_models([turned, "mien-small"], tmp_path / "both", name="both"))
    expected = (softmax(nano.logits(faces)) + softmax(small.logits(faces))[:, ::-1]) / 2
    assert tuple(joined.card.labels) == small.card.labels.names[::-1]
    np.testing.assert_allclose(softmax(joined.logits(faces)), expected, atol=1e-6)


def _recipe_of(card: Card) -> str:
    name: str = card.provenance["recipe"]["name"]
    return name


def test_the_card_names_the_members(tmp_path: Path) -> None:
    nano, small = (Recognizer.load(name).card for name in ("mien-nano", "mien-small"))
    card = Card.read(join_models(["mien-nano", "mien-small"], tmp_path / "both", name="both"))
    assert card.name == "both"
    assert card.parameters == nano.parameters + small.parameters
    assert [member["sha256"] for member in card.provenance["members"]] == [nano.sha256, small.sha256]
    assert card.provenance["recipe"]["name"] == f"mean of {_recipe_of(nano)}, {_recipe_of(small)}"
    assert not card.provenance["mirrored"]  # one member is not
    assert (card.temperature, card.metrics, card.licence) == (1.0, {}, "MIT")
    assert NOT_CALIBRATED in card.limits


@pytest.mark.parametrize("recipe", ["by hand", None])
def test_a_card_made_by_hand_need_not_say_how_it_was_trained(recipe: str | None, tmp_path: Path) -> None:
    first, second = (write_tiny_model(tmp_path / name) for name in ("a", "b"))
    change_card(first, name="mine", provenance={"recipe": recipe, "seed": [1, 2]})
    card = Card.read(join_models([first, second], tmp_path / "both", name="both"))
    assert (card.provenance["recipe"]["name"], card.provenance["seed"]) == ("mean of mine, tiny", "[1, 2], None")


def test_the_command_writes_a_model_that_reads_photos(tmp_path: Path) -> None:
    from skimage import data

    first, second = (str(write_tiny_model(tmp_path / name)) for name in ("a", "b"))
    done = CliRunner().invoke(build_app(), ["join", first, second, "--out", str(tmp_path / "both")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "both" / "card.json").read_text("utf-8"))["name"] == "both"
    (face,) = mien.analyze(np.asarray(data.astronaut()), model=tmp_path / "both").faces
    (alone,) = mien.analyze(np.asarray(data.astronaut()), model=first).faces
    assert face.expression.confidence == pytest.approx(alone.expression.confidence, abs=1e-6)


def test_a_model_in_the_working_folder_is_called_as_that_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (str(write_tiny_model(tmp_path / name)) for name in ("a", "b"))
    (tmp_path / "both").mkdir()
    monkeypatch.chdir(tmp_path / "both")
    assert CliRunner().invoke(build_app(), ["join", first, second, "--out", "."]).exit_code == 0
    assert Card.read(tmp_path / "both").name == "both"


def test_models_that_differ_are_refused(tmp_path: Path) -> None:
    first, second = (write_tiny_model(tmp_path / name) for name in ("a", "b"))
    with pytest.raises(ModelError, match="joining needs at least two models; 1 given"):
        join_models([first], tmp_path / "both", name="both")
    with pytest.raises(ModelError, match="a model is given twice"):
        join_models([first, second, first], tmp_path / "both", name="both")
    with pytest.raises(ModelError, match=r"mien-small-ferplus: its labels are angry, contempt, .* are angry, "):
        join_models(["mien-small", "mien-small-ferplus"], tmp_path / "both", name="both")
    change_card(second, preprocess=Preprocess(margin_fraction=0.1))
    with pytest.raises(
        ModelError, match=r"b: its crops are grey, 48 px, margin 0\.1, those of .*a are grey, 48 px, margin 0\."
    ):
        join_models([first, second], tmp_path / "both", name="both")
    change_card(second, preprocess=Preprocess(), labels=LabelSet(tuple("abcdefg")))
    with pytest.raises(ModelError, match="b: its labels are a, b, c, d, e, f, g, those of"):
        join_models([first, second], tmp_path / "both", name="both")
    assert not (tmp_path / "both").exists()


def set_operators(folder: Path, version: int) -> None:
    import hashlib

    import onnx

    card, model = Card.read(folder), onnx.load(folder / "model.onnx")
    model.opset_import[0].version = version
    if version < 18:  # the axes of a mean were an attribute
        mean = model.graph.node[1]
        mean.input.pop()
        mean.attribute.append(onnx.helper.make_attribute("axes", [2, 3]))
    onnx.save(model, folder / "model.onnx")
    replace(card, sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()).write(folder)


def test_other_operators_are_refused(tmp_path: Path) -> None:
    first, second = (write_tiny_model(tmp_path / name) for name in ("a", "b"))
    set_operators(second, 19)
    with pytest.raises(ModelError, match=r"b/model\.onnx: has ONNX opset 19, .* has 18; export both again"):
        join_models([first, second], tmp_path / "both", name="both")


def test_old_operators_are_refused(tmp_path: Path) -> None:
    first, second = (write_tiny_model(tmp_path / name) for name in ("a", "b"))
    set_operators(first, 17)
    set_operators(second, 17)
    with pytest.raises(ModelError, match=r"a/model\.onnx: has ONNX opset 17, joining needs 18 or later; export all"):
        join_models([first, second], tmp_path / "both", name="both")
    assert not (tmp_path / "both").exists()
