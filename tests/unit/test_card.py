import hashlib
import json

import pytest

from mien.card import Card
from mien.errors import ModelError
from mien.labels import FER2013
from mien.preprocess import Preprocess


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"weights")
    card = Card(
        name="test", labels=FER2013, preprocess=Preprocess(margin_fraction=0.1), parameters=7, temperature=1.5,
        sha256=hashlib.sha256(b"weights").hexdigest(), metrics={"PublicTest": {"accuracy": 0.5}}, limits=("none",),
    )  # fmt: skip
    card.write(tmp_path)
    return tmp_path, card


def test_a_card_reads_back_as_written(folder):
    path, card = folder
    assert Card.read(path) == card


def test_a_missing_file_is_named(folder):
    path, _ = folder
    (path / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"no model\.onnx; a model folder holds model\.onnx and card\.json"):
        Card.read(path)
    with pytest.raises(ModelError, match=r"no card\.json"):
        Card.read(path / "nowhere")


def test_a_changed_model_is_refused(folder):
    path, _ = folder
    (path / "model.onnx").write_bytes(b"weigh")
    with pytest.raises(ModelError, match=r"SHA-256 .* the card says .* cut off or another one"):
        Card.read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, r"schema 2, this mien reads 1; upgrade mien"),
        ({"colour": "red"}, r"not a card of this mien \(.*colour"),
        ({"labels": 3}, r"not a card of this mien"),
        ({"preprocess": {}}, r"not a card of this mien"),
    ],
)
def test_a_foreign_card_is_refused(folder, change, message):
    path, _ = folder
    row = json.loads((path / "card.json").read_text()) | change
    (path / "card.json").write_text(json.dumps(row))
    with pytest.raises(ModelError, match=message):
        Card.read(path)


def test_a_card_that_is_no_json_is_refused(folder):
    path, _ = folder
    (path / "card.json").write_text("[]")
    with pytest.raises(ModelError, match="not a card of this mien"):
        Card.read(path)
    (path / "card.json").write_text("{")
    with pytest.raises(ModelError, match="not a card of this mien"):
        Card.read(path)
