"""From a run to a model folder: what it holds, and when it is refused."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_run import RECIPE, TRAIN, faces, make_run, tiny_network, with_votes

from mien.card import MODEL_FILE, Card
from mien.errors import DataError, ModelError
from mien.lab import export
from mien.lab.calibrate import NOT_CALIBRATED, TARGET_ACCURACY, calibrated, recalibrate
from mien.lab.data import FaceDataset, holdout
from mien.lab.evaluation import evaluate
from mien.lab.export import ensure_exported, export_run, held_out_faces, update_card_metrics
from mien.lab.predictions import Predictions
from mien.lab.provenance import count_learned
from mien.lab.recipe import Backbone, Validation
from mien.lab.run import ENVIRONMENT, WEIGHTS, Run
from mien.labels import FER2013, FERPLUS
from mien.recognizer import Recognizer, calibrated_softmax


@pytest.fixture(scope="module")
def data() -> FaceDataset:
    return faces()


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with tiny_network():
        yield


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, data: FaceDataset) -> Run:
    run = make_run(tmp_path_factory.mktemp("exported"), data)
    assert run.export() == run.folder / "model"
    return run


def test_a_model_that_stands_there_is_not_replaced(exported: Run, data: FaceDataset, tmp_path: Path) -> None:
    run = Run(tmp_path / "run", exported.recipe)
    shutil.copytree(exported.folder, run.folder)
    folder = export_run(run, data=data, mirrored=True)
    before = Card.read(folder)
    assert run.export() == folder and Card.read(folder) == before and before.provenance["calibration"]
    assert Card.read(run.export(tmp_path / "float")).sha256 != before.sha256
    save_file({name: value + 1 for name, value in load_file(run.folder / WEIGHTS).items()}, run.folder / WEIGHTS)
    after = Card.read(run.export())  # of other weights
    assert after.sha256 != before.sha256 and after.provenance["mirrored"]


def test_card_says_where_the_model_is_from(exported: Run, data: FaceDataset) -> None:
    card = Card.read(exported.folder / "model")
    assert (card.name, card.labels, card.preprocess) == ("tiny", FER2013, RECIPE.preprocess)
    assert card.parameters == 8 * 25 + 8 + 2 * 8 + 72 * 7 + 7
    assert card.sha256 == hashlib.sha256((exported.folder / "model" / "model.onnx").read_bytes()).hexdigest()
    assert card.licence == "MIT"
    assert NOT_CALIBRATED in card.limits and len(card.limits) > 1
    provenance = card.provenance
    assert provenance["recipe"]["name"] == "tiny" and provenance["recipe"]["remark"] == "Made for tests."
    assert (provenance["seed"], provenance["commit"], provenance["data_source"]) == (0, "c0ffee", "noise.csv")
    assert provenance["data_fingerprint"] == data.fingerprint
    exporter = provenance["exported_with"]["torch"].partition("+")[0]  # of CUDA builds, the package leaves out the rest
    assert exporter == torch.__version__.partition("+")[0]
    assert provenance["calibration"] is None


def test_graph_is_small_and_tells_nothing_of_the_machine(exported: Run) -> None:
    file = exported.folder / "model" / "model.onnx"
    model = onnx.load(file)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Conv") == 1 and "BatchNormalization" not in kinds
    assert model.opset_import[0].version == export.OPSET
    assert str(Path(export.__file__).parent).encode() not in file.read_bytes()
    assert b"site-packages" not in file.read_bytes()


@pytest.mark.parametrize("n", [1, 5, 65])
def test_any_number_of_faces_gives_the_trained_logits(exported: Run, data: FaceDataset, n: int) -> None:
    batch = data.faces[:n, None]
    with torch.no_grad():
        trained = exported.load_classifier()(torch.from_numpy(batch)).numpy()
    assert np.abs(Recognizer.load(exported.folder / "model").logits(batch) - trained).max() < 1e-4


@pytest.mark.parametrize("n", [1, 5, 65])
def test_a_mirrored_model_answers_the_mean_of_both_sides(
    exported: Run, data: FaceDataset, tmp_path: Path, n: int
) -> None:
    mirrored = Recognizer.load(export_run(exported, tmp_path / "mirrored", mirrored=True))
    assert mirrored.card.provenance["mirrored"] and mirrored.card.parameters == 8 * 25 + 8 + 2 * 8 + 72 * 7 + 7
    plain = Recognizer.load(exported.folder / "model")
    assert not plain.card.provenance["mirrored"]
    faces = data.faces[:n, None]
    left, right = plain.logits(faces), plain.logits(np.ascontiguousarray(faces[..., ::-1]))
    assert np.abs(left - right).max() > 0.01
    assert mirrored.logits(faces) == pytest.approx((left + right) / 2, abs=1e-4)


@pytest.mark.parametrize("tta", ["none", "flip"])
def test_figures_of_a_mirrored_model_are_called_so(
    exported: Run, data: FaceDataset, tmp_path: Path, tta: Literal["none", "flip"]
) -> None:
    folder = export_run(exported, tmp_path / "mirrored", mirrored=True)
    report = evaluate(folder, data.test, tta=tta, out=tmp_path)
    assert report.tta == "flip"
    assert report.remarks[0] == "The model itself averages its answers to each face and to its mirror image."
    found = Predictions.read(tmp_path / "predictions-PublicTest-flip.csv").probabilities
    assert found == pytest.approx(Recognizer.load(folder).probabilities(data.test.faces[:, None]))
    assert evaluate(folder, data.test, tta="ten-crop").tta == "ten-crop"


def test_the_same_run_gives_the_same_file(exported: Run, tmp_path: Path) -> None:
    again = export_run(exported, tmp_path / "models" / "again")
    assert Card.read(again).sha256 == Card.read(exported.folder / "model").sha256
    assert sorted(file.name for file in again.parent.iterdir()) == ["again"]


def test_calibration_and_figures_of_the_same_model_are_taken_over(
    exported: Run, data: FaceDataset, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", data)
    shutil.copytree(exported.folder / "model", run.folder / "model")  # the same weights
    plain = Card.read(run.folder / "model")
    known = replace(plain, temperature=1.5, sharpening=0.2, uncertain_below=0.6)
    known = replace(known, metrics={"PublicTest": {}}, limits=("One.",))
    replace(known, provenance=plain.provenance | {"calibration": {"n": 7}}).write(run.folder / "model")
    card = Card.read(export_run(run, tmp_path / "a"))
    assert (card.temperature, card.sharpening, card.uncertain_below) == (1.5, 0.2, 0.6)
    assert (card.metrics, card.limits) == ({"PublicTest": {}}, ("One.",))
    assert card.provenance["calibration"] == {"n": 7}
    card = Card.read(export_run(run, tmp_path / "b", data=data))
    assert card.temperature != 1.5 and card.metrics == {}
    replace(card, metrics={"PublicTest": {}}).write(run.folder / "model")
    assert Card.read(export_run(run, tmp_path / "again", data=data)).metrics == {"PublicTest": {}}  # the same fit
    make_run(tmp_path / "run", data, seed=1)  # other weights
    assert Card.read(export_run(run, tmp_path / "c")).temperature == 1.0


def target_of(folder: Path) -> object:
    return Card.read(folder).provenance["calibration"]["target_accuracy"]


def test_the_accuracy_that_was_asked_for_stays(exported: Run, data: FaceDataset, tmp_path: Path) -> None:
    out = export_run(exported, tmp_path / "m", data=data)
    assert target_of(out) == TARGET_ACCURACY
    recalibrate(out, data, "PublicTest", out, target_accuracy=0.9)
    export_run(exported, out, data=data)
    assert target_of(out) == 0.9

    run = make_run(tmp_path / "run", data)
    recalibrate(out, data, "PublicTest", run.folder / "model", target_accuracy=0.0)
    card = Card.read(run.folder / "model")
    assert target_of(export_run(run, tmp_path / "new", data=data)) == 0.0
    (run.folder / "model" / "model.onnx").write_bytes(b"in 8-bit integers")  # another file of the same network
    replace(card, sha256=hashlib.sha256(b"in 8-bit integers").hexdigest()).write(run.folder / "model")
    assert target_of(export_run(run, data=data)) == 0.0


def test_a_damaged_model_is_replaced(data: FaceDataset, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", data)
    whole = Card.read(export_run(run))
    for name in ("card.json", "model.onnx"):
        (run.folder / "model" / name).write_text("cut o")
        with pytest.raises(ModelError):
            Card.read(run.folder / "model")
        assert Card.read(export_run(run)) == whole


def test_held_out_faces_calibrate(exported: Run, data: FaceDataset, tmp_path: Path) -> None:
    card = Card.read(export_run(exported, tmp_path / "m", data=data))
    assert NOT_CALIBRATED not in card.limits
    calibration = card.provenance["calibration"]
    assert calibration["n"] == TRAIN // 2
    assert calibration["faces"] == "held out of Training, without twins there"
    assert card.temperature != 1.0
    assert (card.uncertain_below, calibration["coverage"]) == (1.0, 0.0)  # noise: no threshold gives 80 %


def test_held_out_faces_with_a_twin_do_not_calibrate(exported: Run, data: FaceDataset, tmp_path: Path) -> None:
    rows = {row: index for index, row in enumerate(data.rows.tolist())}
    held = holdout(data.training, exported.recipe.validation, exported.environment["seed"])
    learnt, watched = (rows[str(part.rows[0])] for part in held)
    faces = data.faces.copy()
    faces[watched] = faces[learnt][:, ::-1]  # its mirror image
    doubled = replace(data, faces=faces)
    run = Run(tmp_path, exported.recipe)
    run.write_json(ENVIRONMENT, exported.environment | {"data_fingerprint": doubled.fingerprint})
    kept = held_out_faces(run.recipe, run.environment, doubled)
    assert kept is not None
    assert len(kept) == TRAIN // 2 - 1
    assert data.rows[watched] not in kept.rows


def test_calibration_lowers_the_loss_and_keeps_its_promise(exported: Run, data: FaceDataset) -> None:
    recognizer = Recognizer.load(exported.folder / "model")
    batch = data.take(np.arange(60))
    guesses = recognizer.logits(batch.faces[:, None]).argmax(axis=1)
    mostly = np.where(np.arange(60) % 10 < 7, guesses, (guesses + 1) % 7)  # 70 % of the labels are the guesses
    card = calibrated(recognizer, replace(batch, labels=mostly))
    logits = recognizer.logits(batch.faces[:, None])

    def log_loss(*fitted: float) -> float:
        confidence = calibrated_softmax(logits, *fitted).max(axis=1)
        return float(-np.log(np.where(guesses == mostly, confidence, 1 - confidence)).mean())

    fitted = card.temperature, card.sharpening
    assert log_loss(*fitted) < log_loss(1.0, 0.0) - 0.01
    accepted = calibrated_softmax(logits, *fitted).max(axis=1) >= card.uncertain_below
    coverage = card.provenance["calibration"]["coverage"]
    assert accepted.mean() == pytest.approx(coverage)
    assert not coverage or (guesses == mostly)[accepted].mean() >= 0.8
    assert card.provenance["calibration"]["accuracy"] == pytest.approx(0.7)


@pytest.mark.parametrize("kind", ["PublicTest", "Test", "none"])
def test_test_faces_never_calibrate(tmp_path: Path, data: FaceDataset, kind: str) -> None:
    run = make_run(tmp_path, data, replace(RECIPE, validation=Validation(kind=kind)))
    assert held_out_faces(run.recipe, run.environment, data) is None


def test_other_data_does_not_calibrate(exported: Run, data: FaceDataset) -> None:
    assert held_out_faces(exported.recipe, exported.environment, data.take(np.arange(100))) is None


def test_faces_that_the_starting_weights_had_learned_do_not_calibrate(
    exported: Run, data: FaceDataset, tmp_path: Path
) -> None:
    weights, fewer = exported.folder / WEIGHTS, replace(RECIPE, validation=replace(RECIPE.validation, fraction=0.25))
    assert count_learned(weights, RECIPE, data, seed=0) == 0
    assert count_learned(weights, fewer, data, seed=0) == 0  # some of those that it held out, too
    learned = count_learned(weights, RECIPE, data, seed=1)
    assert 0 < learned < TRAIN // 2
    assert count_learned(exported.folder / "model" / MODEL_FILE, RECIPE, data, seed=1) == learned
    assert count_learned(weights, RECIPE, data.take(np.arange(100)), seed=1) == 0  # has learned from others
    assert count_learned(weights, replace(RECIPE, validation=Validation(kind="none")), data, seed=1) == 0
    went_on = make_run(tmp_path, data, n_validation_learned=learned)
    assert held_out_faces(went_on.recipe, went_on.environment, data) is None
    card = Card.read(export_run(went_on, data=data))
    assert NOT_CALIBRATED in card.limits and card.provenance["n_validation_learned"] == learned
    assert count_learned(tmp_path / WEIGHTS, RECIPE, data, seed=0) == TRAIN // 2  # of what it held out nothing is new


def test_licence_is_unknown_where_others_trained_the_start(exported: Run, tmp_path: Path, data: FaceDataset) -> None:
    classifier = exported.load_classifier()
    imagenet = Run(exported.folder, replace(RECIPE, network=Backbone(name="resnet50", weights="imagenet")))
    started = make_run(tmp_path, data, weights="vgg.safetensors", weights_sha256="ab" * 32)
    for run in (imagenet, started):
        assert (
            export._describe(run, classifier, "tiny", FER2013, b"", None, None).licence
            == "LicenseRef-as-starting-weights"
        )
        assert export._describe(run, classifier, "tiny", FER2013, b"", "CC-BY-NC-4.0", None).licence == "CC-BY-NC-4.0"


def test_an_export_that_differs_is_refused(tmp_path: Path, data: FaceDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "run", data)
    before = (export_run(run) / "model.onnx").read_bytes()
    to_onnx = export.to_onnx

    def off_by_a_little(classifier: torch.nn.Module, *more: object) -> onnx.ModelProto:
        other = copy.deepcopy(classifier)
        other.network.classes.bias.data += 0.01
        return to_onnx(other, *more)

    monkeypatch.setattr(export, "to_onnx", off_by_a_little)
    message = (
        r"the exported model differs from that of the trained network by 0\.01, more than the 0\.0001 allowed; nothing"
    )
    with pytest.raises(ModelError, match=message):
        export_run(run)
    assert (run.folder / "model" / "model.onnx").read_bytes() == before
    assert not (run.folder / "model.part").exists()


def test_an_export_without_numbers_is_refused(tmp_path: Path, data: FaceDataset) -> None:
    run = make_run(tmp_path, data)
    weights = run.load_classifier().state_dict()
    weights["network.classes.bias"][0] = torch.nan
    run.write_weights(weights)
    with pytest.raises(
        ModelError, match=r"differs from that of the trained network by nan.*check that the training did not diverge"
    ):
        export_run(run)
    assert not (run.folder / "model").exists()


def test_an_unfinished_run_is_refused(tmp_path: Path, data: FaceDataset) -> None:
    run = make_run(tmp_path, data)
    (tmp_path / "weights.safetensors").unlink()
    run.write_json(ENVIRONMENT, run.environment | {"finished": False})
    with pytest.raises(ModelError, match="has not finished"):
        export_run(run)


def test_a_folder_that_cannot_be_written(exported: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"model cannot be written \(.*free space or choose another --out"):
        export_run(exported, tmp_path / "file" / "model")


def test_model_folder_exports_only_where_it_must(tmp_path: Path, data: FaceDataset) -> None:
    run = make_run(tmp_path, data)
    other_data = data.take(np.arange(100))
    first = Card.read(ensure_exported(run, other_data))
    file = tmp_path / "model" / "model.onnx"
    written = file.stat().st_mtime_ns
    assert ensure_exported(run, other_data) == tmp_path / "model"
    assert file.stat().st_mtime_ns == written
    assert first.provenance["calibration"] is None
    assert Card.read(ensure_exported(run, data)).provenance["calibration"] is not None  # data that can calibrate
    written = file.stat().st_mtime_ns
    ensure_exported(run, data)
    assert file.stat().st_mtime_ns == written
    make_run(tmp_path, data, seed=1)  # other weights
    assert Card.read(ensure_exported(run, data)).sha256 != first.sha256


def test_a_model_is_exported_again_as_it_was_asked_for(tmp_path: Path, data: FaceDataset) -> None:
    run = make_run(tmp_path, data)
    export_run(run, mirrored=True, name="mine", licence="CC-BY-4.0", origin="weights of others, CC-BY-4.0")
    card = Card.read(ensure_exported(run, data))  # which calibrates it
    assert card.provenance["calibration"] is not None
    assert (card.name, card.licence, card.provenance["mirrored"]) == ("mine", "CC-BY-4.0", True)
    assert card.provenance["origin"] == "weights of others, CC-BY-4.0"


def test_card_takes_the_figures_of_its_model_only(exported: Run, data: FaceDataset, tmp_path: Path) -> None:
    folder = export_run(exported, tmp_path / "m")
    report = evaluate(folder, data)
    update_card_metrics(folder, report)
    update_card_metrics(folder, replace(report, tta="flip"))
    metrics = Card.read(folder).metrics
    assert list(metrics) == ["PublicTest", "PublicTest-flip"]
    assert report.full is not None and report.twin_free is not None
    assert metrics["PublicTest"]["full"]["accuracy"] == report.full.accuracy
    assert metrics["PublicTest"]["twin_free"]["n"] == report.twin_free.n
    happy = report.full.per_class[3]
    found = metrics["PublicTest"]["full"]["per_class"]["happy"]
    assert found == {"n": happy.support, "recall": happy.recall, "precision": happy.precision}
    assert metrics["PublicTest"]["data_fingerprint"] == data.test.fingerprint
    assert json.loads((folder / "card.json").read_text())["metrics"] == metrics
    with pytest.raises(
        ModelError, match=r"the report on PublicTest measured another model \(SHA-256 0000.*evaluate this"
    ):
        update_card_metrics(folder, replace(report, model_sha256="0" * 64))
    with pytest.raises(ModelError, match=r"the report on PublicTest has no figures, because no face has a label"):
        update_card_metrics(folder, replace(report, full=None))


def test_a_run_that_learned_votes_gives_two_models(tmp_path: Path, data: FaceDataset) -> None:
    data = with_votes(data)
    run = make_run(tmp_path / "run", data, replace(RECIPE, votes_weight=0.5))
    labels, votes = export_run(run, data=data), export_run(run, data=data, votes=True)
    assert (labels, votes) == (run.folder / "model", run.folder / "model-ferplus")
    batch = data.faces[:5, None]
    with torch.no_grad():
        trained = run.load_classifier("all")(torch.from_numpy(batch)).numpy()
    both = [Recognizer.load(folder).logits(batch) for folder in (labels, votes)]
    assert np.abs(np.concatenate(both, axis=1) - trained).max() < 1e-4
    cards = [Card.read(folder) for folder in (labels, votes)]
    assert [(card.name, card.labels) for card in cards] == [("tiny", FER2013), ("tiny-ferplus", FERPLUS)]
    n_labels, n_votes = (card.provenance["calibration"]["n"] for card in cards)
    assert 0 < n_votes < n_labels  # faces without a majority do not calibrate


def test_confidence_is_fitted_anew_on_another_split(exported: Run, data: FaceDataset, tmp_path: Path) -> None:
    before = Card.read(exported.folder / "model")
    folder = recalibrate(exported.folder / "model", data, "PublicTest", tmp_path / "out")
    card, fitted = Card.read(folder), Card.read(folder).provenance["calibration"]
    assert card.sha256 == before.sha256 and card.temperature != before.temperature and not card.metrics
    assert fitted["faces"] == "PublicTest, without twins in Training" and fitted["n"] == 70 - 5
    assert NOT_CALIBRATED not in card.limits
    report = evaluate(folder, data)
    assert any("confidence was calibrated on these faces" in remark for remark in report.remarks)
    assert fitted["data_fingerprint"] == data.test.fingerprint
    others = replace(data, labels=np.where(data.splits == "PublicTest", (data.labels + 1) % 7, data.labels))
    assert not any("confidence was calibrated" in remark for remark in evaluate(folder, others).remarks)
    by_votes = recalibrate(folder, with_votes(data), "PublicTest", folder, majority=True)
    assert Card.read(by_votes).provenance["calibration"]["n"] < 65
    alone = Card.read(recalibrate(folder, data.split("PublicTest"), "PublicTest", tmp_path / "alone"))
    assert alone.provenance["calibration"]["faces"] == "PublicTest, twins in Training among them"
    assert alone.provenance["calibration"]["n"] == 70


def test_what_cannot_calibrate_is_refused(exported: Run, data: FaceDataset, tmp_path: Path) -> None:
    model = exported.folder / "model"
    with pytest.raises(
        DataError, match="the model was trained on Training, or may have been; calibrate on --split PublicTest"
    ):
        recalibrate(model, data, "Training", tmp_path)
    with pytest.raises(DataError, match="PrivateTest has no labelled face; calibrate on --split PublicTest"):
        recalibrate(model, data, "PrivateTest", tmp_path)
