import hashlib
import json
from dataclasses import asdict

import pytest

from mien.card import Card
from mien.errors import ModelError
from mien.labels import FER2013
from mien.preprocess import Preprocess

PREPROCESS = asdict(Preprocess())


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
    with pytest.raises(ModelError, match=r"nnn: (cannot be read \(.*File name too long|no card\.json)"):
        Card.read(path / ("n" * 300))


def test_a_changed_model_is_refused(folder):
    path, _ = folder
    (path / "model.onnx").write_bytes(b"weigh")
    with pytest.raises(ModelError, match=r"SHA-256 .* the card says .* cut off or another one"):
        Card.read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, r"schema 2, this mien reads 1; upgrade mien"),
        ({"colour": "red"}, r"not a card of this version of mien \(.*colour"),
        ({"labels": 3}, r"labels: found 3, expected a list of at least one name"),
        ({"labels": []}, r"labels: found \[\], expected a list of at least one name"),
        ({"labels": ["sad", "sad"]}, r"not a card of this version of mien \(label set .* names repeat"),
        ({"name": None}, r"card\.json: name: found None, expected text; correct it or export again"),
        ({"preprocess": {}}, r"preprocess: found \{\}, expected an object with crop_px, color, input_px, "),
        ({"preprocess": PREPROCESS | {"crop_px": "48"}}, r"preprocess\.crop_px: found '48', expected an integer"),
        ({"preprocess": PREPROCESS | {"mean": 1}}, r"preprocess: found .* mean and std are lists"),
        ({"sha256": 5}, r"sha256: found 5, expected text"),
        ({"parameters": "many"}, r"parameters: found 'many', expected an integer from 0"),
        ({"parameters": -1}, r"parameters: found -1, expected an integer from 0"),
        ({"temperature": 0}, r"temperature: found 0, expected a number from 1e-30 to 1e30"),
        ({"temperature": 1e-320}, r"temperature: found 1e-320, expected a number from 1e-30 to 1e30"),
        ({"temperature": float("nan")}, r"temperature: found nan, expected a number from 1e-30 to 1e30"),
        ({"temperature": "1"}, r"temperature: found '1', expected a number from 1e-30 to 1e30"),
        ({"temperature": 10**400}, r"not a card of this version of mien \(int too large to convert to float\)"),
        (
            {"preprocess": PREPROCESS | {"margin_fraction": 10**400}},
            r"not a card of this version of mien \(int too large",
        ),
        ({"sharpening": float("inf")}, r"sharpening: found inf, expected a number from -10 to 10"),
        ({"sharpening": 1e308}, r"sharpening: found 1e\+308, expected a number from -10 to 10"),
        ({"uncertain_below": None}, r"uncertain_below: found None, expected a number from 0 to 1"),
        ({"uncertain_below": 1.5}, r"uncertain_below: found 1\.5, expected a number from 0 to 1"),
        ({"metrics": []}, r"metrics: found \[\], expected an object: for each split full and twin_free"),
        ({"metrics": {"Test": {"full": {"n": 3}}}}, r"metrics: found .* null or with n, accuracy, accuracy_low, "),
        ({"provenance": None}, r"provenance: found None, expected an object"),
        ({"licence": 3}, r"licence: found 3, expected text"),
        ({"limits": "none"}, r"limits: found 'none', expected a list of sentences"),
    ],
)
def test_a_foreign_card_is_refused(folder, change, message):
    path, _ = folder
    row = json.loads((path / "card.json").read_text()) | change
    (path / "card.json").write_text(json.dumps(row))
    with pytest.raises(ModelError, match=message):
        Card.read(path)


@pytest.mark.parametrize("name", ["schema", "name", "labels", "preprocess", "sha256", "parameters", "limits"])
def test_a_missing_field_is_named(folder, name):
    path, _ = folder
    row = json.loads((path / "card.json").read_text())
    del row[name]
    (path / "card.json").write_text(json.dumps(row))
    with pytest.raises(
        ModelError, match=rf"card\.json: not a card of this version of mien \(no field '{name}'\); export"
    ):
        Card.read(path)


def test_an_older_card_lacks_what_has_a_default(folder):
    path, card = folder
    row = json.loads((path / "card.json").read_text())
    del row["sharpening"]
    (path / "card.json").write_text(json.dumps(row))
    assert Card.read(path) == card


def test_a_card_that_is_too_deep_is_refused(folder):
    path, _ = folder
    (path / "card.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match=r"card\.json: not a card of this version of mien"):
        Card.read(path)


def test_a_card_that_is_no_json_is_refused(folder):
    path, _ = folder
    (path / "card.json").write_text("[]")
    with pytest.raises(ModelError, match=r"not a card of this version of mien \(found \[\], expected an object\)"):
        Card.read(path)
    (path / "card.json").write_text("{")
    with pytest.raises(ModelError, match="not a card of this version of mien"):
        Card.read(path)
