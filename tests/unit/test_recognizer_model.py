"""The recogniser on a model small enough to compute by hand: each logit is the faces' mean grey times a factor."""

from __future__ import annotations

import hashlib
import math
import pickle
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from mien import recognizer as module
from mien.card import MODEL_FILE, Card
from mien.errors import InputError, ModelError
from mien.labels import LabelSet
from mien.preprocess import Preprocess
from mien.recognizer import Expression, Recognizer, calibrated_softmax, is_model, shipped_models, softmax

CLASSES = LabelSet(("angry", "happy", "sad"))
FACTORS = np.array([[0.0, 1.0, -1.0]], np.float32)
PREPROCESS = Preprocess(crop_px=4, input_px=4)


def write_model(folder: Path, output: str = "logits", n: tuple[str | int, ...] = ("N", "N"), **changes: object) -> Path:
    """Write a model folder: faces -> mean grey, 0 to 1 -> times `FACTORS`; `n` are the first dimensions."""
    nodes = [
        helper.make_node("Cast", ["faces"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["grey", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["means"]),
        helper.make_node("MatMul", ["means", "factors"], [output]),
    ]
    constants = {
        "axes": np.array([1, 2, 3]),
        "column": np.array([-1, 1]),
        "factors": FACTORS / np.float32(255),
    }
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, [n[0], 1, 4, 4])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [n[1], 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return write_folder(folder, content.SerializeToString(), **changes)


def write_folder(folder: Path, content: bytes, **changes: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / MODEL_FILE).write_bytes(content)
    fields = {
        "name": "mean",
        "labels": CLASSES,
        "preprocess": PREPROCESS,
        "sha256": hashlib.sha256(content).hexdigest(),
        "parameters": 3,
    }
    Card(**(fields | changes)).write(folder)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "mean")


def grey(*levels: int) -> np.ndarray:
    return np.stack([np.full((1, 4, 4), level, np.uint8) for level in levels])


def test_the_product_that_tells_whether_sums_overflow() -> None:
    shapes = {"a": (TensorProto.UINT8, [1, 2]), "b": (TensorProto.INT8, [2, 1]), "c": (TensorProto.INT32, [1, 1])}
    a, b, c = (helper.make_tensor_value_info(name, *shape) for name, shape in shapes.items())
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["a", "b"], ["c"])], "", [a, b], [c])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    assert made.SerializeToString() == module._PRODUCT
    assert module._sums_overflow() in (False, True)


@pytest.mark.parametrize("overflow", [False, True])
def test_where_sums_overflow_they_are_made_otherwise(
    model: Path, monkeypatch: pytest.MonkeyPatch, overflow: bool
) -> None:
    monkeypatch.setattr(module, "_sums_overflow", lambda: overflow)
    options = Recognizer.load(model)._session.get_session_options()
    with nullcontext() if overflow else pytest.raises(RuntimeError, match="x64quantprecision"):  # it is not set
        assert options.get_session_config_entry("session.x64quantprecision") == "1"


class _Cut:
    def run(self, *_: object) -> list[np.ndarray]:
        return [np.array([[2**15 - 1]], np.int32)]  # what a Haswell answers


def test_a_sum_that_is_cut_off_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *_, **__: _Cut())
    assert module._sums_overflow.__wrapped__()


def test_logits(model: Path) -> None:
    recognizer = Recognizer.load(model)
    assert recognizer.logits(grey(0, 255, 51)) == pytest.approx(np.array([[0, 0, 0], [0, 1, -1], [0, 0.2, -0.2]]))
    assert recognizer.logits(grey(0)).dtype == np.float32
    assert recognizer.folder == model and recognizer.card.name == "mean"


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        (
            np.zeros((2, 4, 4), np.uint8),
            r"faces: shape \(2, 4, 4\); expected \(N, 1, 4, 4\), as card\.",
        ),
        (np.zeros((2, 1, 4, 4), np.float32), "faces: float32; expected an array of uint8"),
        ([[0]], "faces: list; expected an array of uint8"),
    ],
)
def test_other_faces_are_refused(model: Path, faces: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recognizer.load(model).logits(faces)


def test_probabilities_use_the_temperature(tmp_path: Path) -> None:
    warm = Recognizer.load(write_model(tmp_path / "warm", temperature=0.5))
    powers = np.exp([0.0, 2.0, -2.0])
    assert warm.probabilities(grey(255))[0] == pytest.approx(powers / powers.sum())


def test_probabilities_use_the_sharpening(tmp_path: Path) -> None:
    sharp = Recognizer.load(write_model(tmp_path / "sharp", temperature=0.5, sharpening=0.2))
    powers = np.exp([0.0, 1.0, -1.0])
    doubt = 1 - powers.max() / powers.sum()
    powers **= 2 / doubt**0.2
    assert sharp.probabilities(grey(255))[0] == pytest.approx(powers / powers.sum())


def test_sharpening_parts_the_sure_from_the_unsure() -> None:
    logits = np.array([[3, 0, 0], [0.5, 0.4, 0], [1, 1, 1]], np.float32)
    sharp, plain = calibrated_softmax(logits, 1.5, 0.5).max(axis=1), calibrated_softmax(logits, 1.5, 0).max(axis=1)
    assert sharp[0] > plain[0] and np.diff(sharp).max() < 0
    assert sharp[2] == plain[2] == pytest.approx(1 / 3)
    assert np.array_equal(calibrated_softmax(logits, 1.5, 0), softmax(logits.astype(np.float64) / 1.5))


def test_an_uncertain_label_is_marked() -> None:
    marked = [Expression("sad", 0.4, {"sad": 0.4}, uncertain).marked_label for uncertain in (False, True)]
    assert marked == ["sad", "sad?"]


@pytest.mark.parametrize("temperature", [1e-30, 1e30])
@pytest.mark.parametrize("sharpening", [-10.0, 10.0])
@pytest.mark.filterwarnings("error")
def test_the_widest_calibration_that_a_card_may_hold_gives_numbers(temperature: float, sharpening: float) -> None:
    logits = np.array([[1e30, -1e30, 0.0], [0.0, 0.0, 1e-30], [3.0, 2.0, 1.0]], np.float32)
    assert calibrated_softmax(logits, temperature, sharpening).sum(axis=1) == pytest.approx(1)


def test_softmax_of_large_logits_is_finite() -> None:
    assert softmax(np.array([[1e4, 0]], np.float32)).tolist() == [[1.0, 0.0]]
    assert calibrated_softmax(np.array([[1e4, 0]], np.float32), 1.0, 0.5).tolist() == [[1.0, 0.0]]
    assert softmax(np.array([[1, 0]], np.float32))[0, 0] == pytest.approx(1 / (1 + math.exp(-1)))
    assert calibrated_softmax(np.array([[1, 0]], np.float32), 2.0, 0)[0, 0] == pytest.approx(1 / (1 + math.exp(-0.5)))


def test_batches_change_nothing(model: Path) -> None:
    recognizer = Recognizer.load(model, threads=1)
    faces = grey(*range(0, 250, 2))  # 125 faces
    whole = recognizer.logits(faces)
    assert np.array_equal(recognizer.logits(faces, batch_size=7), whole)
    assert np.array_equal(recognizer.logits(faces, batch_size=1), whole)


def test_a_copy_is_loaded_from_the_folder(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    recognizer = Recognizer.load(Path(model.name), threads=1)
    packed = pickle.dumps(recognizer)
    monkeypatch.chdir("/")  # another process may stand elsewhere
    for other in (pickle.loads(packed), pickle.loads(pickle.dumps(pickle.loads(packed)))):
        assert other.card == recognizer.card
        assert (other.logits(grey(0, 255)) == recognizer.logits(grey(0, 255))).all()
        assert other._session.get_session_options().intra_op_num_threads == 1
    packed = pickle.dumps(Recognizer.load("mien-nano"))
    monkeypatch.setattr(module, "_SHIPPED", model.parent)  # a shipped model lies elsewhere on another machine
    (model.parent / "mien-nano").symlink_to(model)
    assert pickle.loads(packed).card == recognizer.card


def test_no_faces(model: Path) -> None:
    recognizer = Recognizer.load(model)
    assert recognizer.logits(np.empty((0, 1, 4, 4), np.uint8)).shape == (0, 3)
    assert recognizer.predict([]) == []


def test_expressions_are_words(tmp_path: Path) -> None:
    recognizer = Recognizer.load(write_model(tmp_path / "m", uncertain_below=0.5))
    sure, unsure = recognizer.predict([np.full((9, 7, 3), 255, np.uint8), np.full((4, 4), 0, np.uint8)])
    powers = np.exp([0.0, 1.0, -1.0]) / np.exp([0.0, 1.0, -1.0]).sum()
    assert sure.label == "happy" and not sure.uncertain
    assert sure.confidence == pytest.approx(powers[1])
    assert sure.probabilities == pytest.approx(dict(zip(CLASSES, powers, strict=True)))
    assert list(sure.probabilities) == list(CLASSES)
    assert unsure.uncertain and unsure.confidence == pytest.approx(1 / 3)


def test_a_confidence_at_the_threshold_is_certain(model: Path) -> None:
    recognizer = Recognizer.load(model)
    assert recognizer.expressions(np.array([[0.25, 0.5, 0.25]])) == [
        Expression("happy", 0.5, {"angry": 0.25, "happy": 0.5, "sad": 0.25}, uncertain=False)
    ]
    strict = Recognizer.load(write_model(model.parent / "strict", uncertain_below=0.5))
    assert [each.uncertain for each in strict.expressions(np.array([[0.25, 0.5, 0.25], [0.3, 0.4, 0.3]]))] == [
        False,
        True,
    ]


def test_a_crop_of_another_type_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match=r"face 1: shape \(4, 4\) of float64"):
        Recognizer.load(model).predict([np.zeros((4, 4), np.uint8), np.zeros((4, 4))])


@pytest.mark.parametrize("face", [np.zeros((48, 48), np.uint8), np.zeros((40, 30, 3), np.uint8)])
def test_a_face_that_is_no_list_is_refused(model: Path, face: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(InputError, match=r"is one face; give a list, predict\(\[face\]\)"):
        Recognizer.load(model).predict(face)
    assert len(Recognizer.load(model).predict(np.zeros((5, 48, 48), np.uint8))) == 5


def test_a_crop_that_is_no_array_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match="face 0: is a str; expected an array"):
        Recognizer.load(model).predict(["a.jpg"])


@pytest.mark.parametrize("crops", [5, None, Image.new("L", (48, 48))])
def test_what_is_no_list_of_crops_is_refused(model: Path, crops: Any) -> None:
    with pytest.raises(InputError, match=r"crops: found \w+; expected a list of arrays"):
        Recognizer.load(model).predict(crops)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "4", True])
def test_impossible_batches_are_refused(model: Path, batch_size: Any) -> None:
    recognizer, faces = Recognizer.load(model), np.zeros((2, 1, 48, 48), np.uint8)
    for call in (recognizer.logits, recognizer.probabilities):
        with pytest.raises(InputError, match=r"batch_size .*; expected a whole number, 1 or more"):
            call(faces, batch_size)
    with pytest.raises(InputError, match=r"batch_size .*; expected a whole number, 1 or more"):
        recognizer.predict(list(faces[:, 0]), batch_size)


def test_crops_are_stacked_a_batch_at_a_time(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack, seen = Preprocess.stack, []

    def watch(self: Preprocess, crops: list[np.ndarray]) -> np.ndarray:
        seen.append(len(crops))
        return stack(self, crops)

    monkeypatch.setattr(Preprocess, "stack", watch)
    assert len(Recognizer.load(model).predict([np.zeros((4, 4), np.uint8)] * 150)) == 150
    assert seen == [64, 64, 22]


def test_shipped_names(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHIPPED", model.parent)
    monkeypatch.setattr(module, "DEFAULT_MODEL", "mean")
    (model.parent / "no-model").mkdir()
    assert shipped_models() == ["mean"]
    assert is_model("mean") and is_model(Path("mean")) and is_model(model)
    assert not is_model("no-model") and not is_model(model.parent / "no-model")
    assert Recognizer.load().folder == Recognizer.load("mean").folder == model
    monkeypatch.setattr(module, "_SHIPPED", model.parent / "not-there")
    assert shipped_models() == []


def test_a_shipped_name_goes_before_a_folder(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHIPPED", model.parent)
    monkeypatch.chdir(tmp_path / "mean")
    assert Recognizer.load(Path("mean")).card.name == "mean"
    write_model(Path("mean"), name="another")
    assert Recognizer.load("mean").card.name == "mean"
    assert Recognizer.load("./mean").card.name == Recognizer.load(Path("mean")).card.name == "another"
    assert Recognizer.load(Path("mean").resolve()).card.name == "another"


def test_an_unknown_model_names_those_that_ship(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHIPPED", model.parent)
    message = r"medium: no such folder\. Models that ship: mean\. Make one with `mien train` and `mien export RUN"
    with pytest.raises(ModelError, match=message):
        Recognizer.load("medium")
    with pytest.raises(ModelError, match=r"meam: no such folder; did you mean 'mean'\? Models that ship: mean\."):
        Recognizer.load("meam")
    with pytest.raises(ModelError, match=r"nnn: no such folder\. Models that ship"):
        Recognizer.load("n" * 300)
    with pytest.raises(ModelError, match=r"^an empty path to a model; is the variable that it came from set\?$"):
        Recognizer.load("")


def test_without_a_default_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHIPPED", tmp_path)
    message = r"the default model 'mien-small' is not in this installation\. Models that ship: none\. Make one"
    with pytest.raises(ModelError, match=message):
        Recognizer.load()


def test_a_file_that_onnxruntime_cannot_run(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"model\.onnx: onnxruntime .* cannot run it \(.*upgrade onnxruntime or export"
    ):
        Recognizer.load(write_folder(tmp_path / "bad", b"not a model"))


def test_a_file_that_lacks_a_part(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx: onnxruntime .* cannot run it"):
        Recognizer.load(write_folder(tmp_path / "empty", b""))
    lacking = onnx.load(write_model(tmp_path / "lacking") / MODEL_FILE)
    del lacking.graph.initializer[2]
    with pytest.raises(ModelError, match=r"model\.onnx: onnxruntime .* cannot run it \(.*factors"):
        Recognizer.load(write_folder(tmp_path / "lacking", lacking.SerializeToString()))


def test_an_operator_that_onnxruntime_lacks(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "new")
    unknown = onnx.load(folder / MODEL_FILE)
    unknown.graph.node[3].op_type = "MatMulOfTheFuture"
    with pytest.raises(ModelError, match=r"cannot run it \(.*MatMulOfTheFuture"):
        Recognizer.load(write_folder(folder, unknown.SerializeToString()))


@pytest.mark.parametrize(
    ("output", "changes", "message"),
    [
        ("scores", {}, r"takes and gives .*'scores'.*its card describes .*'logits'.*; export the model again"),
        ("logits", {"labels": LabelSet(("angry", "happy"))}, r"\[3\].*its card describes .*\[2\]"),
        ("logits", {"preprocess": Preprocess()}, r"\[1, 4, 4\].*its card describes .*\[1, 48, 48\]"),
    ],
)
def test_a_file_that_does_not_fit_its_card(
    tmp_path: Path, output: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        Recognizer.load(write_model(tmp_path / "m", output, **changes))


@pytest.mark.parametrize(("n", "found"), [((1, 1), "faces is fixed to 1"), (("N", 4), "logits is fixed to 4")])
def test_a_file_for_a_fixed_number_of_faces_is_refused(tmp_path: Path, n: tuple[str | int, ...], found: str) -> None:
    message = rf"model\.onnx: the number of {found}; export the model with a free first dimension"
    with pytest.raises(ModelError, match=message):
        Recognizer.load(write_model(tmp_path / "m", n=n))
