"""Evaluation through the exported model: figures, files, remarks and refusals, in Python and on the command line."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from csv import DictReader
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from small_run import PRIVATE, PUBLIC, RECIPE, TRAIN, TWINS, faces, make_run, tiny_network, with_votes
from typer.testing import CliRunner

from mien.card import Card
from mien.cli import evaluate as commands
from mien.cli import export as export_commands
from mien.errors import DataError, ModelError
from mien.lab.calibrate import NOT_CALIBRATED
from mien.lab.data import FaceDataset, write_edition
from mien.lab.evaluation import evaluate, predict, views
from mien.lab.metrics import Report, measure
from mien.lab.predictions import Predictions
from mien.lab.recipe import Stopping, Validation
from mien.lab.run import Run
from mien.lab.scoring import score
from mien.lab.tables import number, percent, points
from mien.labels import FOLDER, LabelSet
from mien.recognizer import Recognizer


@pytest.fixture(scope="module")
def data() -> FaceDataset:
    return faces()


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with tiny_network():
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: FaceDataset) -> Run:
    return make_run(tmp_path_factory.mktemp("runs") / "tiny", data)


@pytest.fixture(scope="module", autouse=True)
def report(run: Run, data: FaceDataset) -> Report:
    """Return what the run reaches; any test finds its model exported, whichever comes first."""
    return evaluate(run, data)


def expected(run: Run, batch: np.ndarray) -> np.ndarray:
    """Probabilities by torch, ``(N, K)``."""
    card = Card.read(run.folder / "model")
    with torch.no_grad():
        logits = run.load_classifier()(torch.from_numpy(np.ascontiguousarray(batch[:, None])))
    doubt = 1 - torch.softmax(logits.double(), 1).amax(1, keepdim=True)
    return torch.softmax(logits.double() / (card.temperature * doubt**card.sharpening), 1).numpy()


def test_predictions_are_the_networks(run: Run, data: FaceDataset) -> None:
    predictions = Predictions.read(run.folder / "predictions-PublicTest.csv")
    assert predictions.rows.tolist() == data.test.rows.tolist()
    assert predictions.labels.tolist() == data.test.labels.tolist()
    assert predictions.probabilities == pytest.approx(expected(run, data.test.faces), abs=1e-5)


def test_figures_come_from_the_file_of_predictions(run: Run, report: Report) -> None:
    predictions = Predictions.read(run.folder / "predictions-PublicTest.csv")
    assert report.full == measure(predictions)
    assert predictions.twin_free is not None
    assert report.twin_free == measure(predictions.take(predictions.twin_free))
    assert Report.read(run.folder / "report-PublicTest.json") == report


def test_faces_that_stand_in_training_are_not_twin_free(run: Run, report: Report) -> None:
    twin_free = Predictions.read(run.folder / "predictions-PublicTest.csv").twin_free
    assert twin_free is not None and twin_free.tolist() == [False] * TWINS + [True] * (PUBLIC - TWINS)
    assert report.full is not None and report.twin_free is not None
    assert (report.n_total, report.full.n, report.twin_free.n) == (PUBLIC, PUBLIC, PUBLIC - TWINS)


def test_report_says_what_was_measured(run: Run, report: Report, data: FaceDataset) -> None:
    card = Card.read(run.folder / "model")
    assert (report.model, report.model_sha256, report.split, report.tta) == ("tiny", card.sha256, "PublicTest", "none")
    assert (report.data_source, report.data_fingerprint) == ("noise.csv", data.test.fingerprint)
    assert report.provenance["commit"] == "c0ffee"
    assert report.remarks == ("Its training: Made for tests.",)
    assert (report.train_accuracy, report.validation_accuracy) == (0.5, 0.4)  # of the best epoch, the first
    assert report.full is not None and report.gap == 0.5 - report.full.accuracy


def test_a_run_is_calibrated_and_its_card_gets_the_figures(run: Run, report: Report) -> None:
    card = Card.read(run.folder / "model")
    assert card.provenance["calibration"] is not None
    assert report.full is not None and card.metrics["PublicTest"]["full"]["accuracy"] == report.full.accuracy


def test_the_last_epoch_counts_where_it_was_kept(run: Run, tmp_path: Path, data: FaceDataset) -> None:
    keeps_last = replace(RECIPE, stopping=Stopping(monitor="none", patience=None, keep="last"))
    other = make_run(tmp_path, data, keeps_last)
    shutil.copytree(run.folder / "model", tmp_path / "model")  # the same weights
    found = evaluate(other, data.test)
    assert (found.train_accuracy, found.validation_accuracy) == (0.6, 0.3)


def test_a_model_folder_is_measured_alike_and_left_alone(run: Run, report: Report, data: FaceDataset) -> None:
    folder = run.folder / "model"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for model in (folder, str(folder), Recognizer.load(folder)):
        found = evaluate(model, data)
        assert (found.full, found.twin_free) == (report.full, report.twin_free)
        assert found.train_accuracy is None and found.gap is None
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_out_takes_the_files(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    evaluate(run.folder / "model", data, "PublicTest", out=tmp_path / "new" / "folder")
    found = sorted(file.name for file in (tmp_path / "new" / "folder").iterdir())
    assert found == ["predictions-PublicTest.csv", "report-PublicTest.json"]


def test_without_training_the_twin_free_part_is_unknown(run: Run, report: Report, data: FaceDataset) -> None:
    found = evaluate(run.folder / "model", data.test)
    assert found.full == report.full
    assert found.twin_free is None
    assert found.remarks[-2] == "The data set has no Training split, so that the twin-free part is not known."
    assert found.remarks[-1].startswith(
        "Without a Training split it is not known whether the model has learned from these"
    )


def test_labels_cross_by_name(run: Run, report: Report, data: FaceDataset) -> None:
    found = evaluate(run.folder / "model", data.relabel(FOLDER).test)
    assert found.full == report.full


def test_a_class_that_the_model_lacks(run: Run, data: FaceDataset) -> None:
    more = replace(data.test, label_set=LabelSet(("contempt", *data.label_set.names[1:])))
    with pytest.raises(DataError, match="classes contempt are not in angry"):
        evaluate(run.folder / "model", more)


def test_contempt_of_the_majority_asks_for_a_model_that_knows_it(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    votes = np.zeros((len(data), 10), np.uint8)
    votes[:, 7] = 10

    def unwanted(*progress: object) -> None:
        raise AssertionError(progress)

    found = "classes contempt are not in angry.*mien-small-ferplus, or export one with `mien export RUN --votes`"
    with pytest.raises(DataError, match=found):
        evaluate(run, replace(data, votes=votes), majority=True, out=tmp_path, on_progress=unwanted)


def test_an_unknown_split_is_named_before_any_work(data: FaceDataset) -> None:
    with pytest.raises(DataError, match=r"no split 'Test'; it has Training, PublicTest, PrivateTest"):
        evaluate("no model either", data, "Test")


def test_an_unknown_model(data: FaceDataset) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        evaluate("runs/none", data)


@pytest.mark.parametrize("kind", ["PublicTest", "Test"])
def test_a_split_that_steered_the_training_is_called_so(run: Run, tmp_path: Path, data: FaceDataset, kind: str) -> None:
    shutil.copytree(run.folder / "model", tmp_path / "model")
    card = Card.read(tmp_path / "model")
    unsteered = {"stopping": {"monitor": "none", "keep": "last"}, "schedule": {"kind": "Constant"}}
    stopping = {"stopping": {"monitor": "val_loss", "patience": 3, "keep": "last"}}
    for steered in (stopping, {"schedule": {"kind": "Plateau"}}, {}):
        recipe = card.provenance["recipe"] | {"validation": {"kind": kind}} | unsteered | steered
        replace(card, provenance=card.provenance | {"recipe": recipe}).write(tmp_path / "model")
        remarks = evaluate(tmp_path / "model", data).remarks
        if steered:
            assert remarks[1] == "The training watched these faces and was steered by them; on new faces expect less."
        else:
            assert remarks[1] == "The training watched these faces; nothing was chosen by them."
        joined = {"recipe": {"name": "mean"}, "members": [{"recipe": {"name": "another"}}, {"recipe": recipe}]}
        replace(card, provenance=joined).write(tmp_path / "model")
        assert remarks[1] in evaluate(tmp_path / "model", data).remarks
    training = evaluate(tmp_path / "model", data.training)
    assert training.remarks[0] == "The network was trained on these faces."


def test_a_split_without_labels_is_predicted_and_scored_later(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    report = evaluate(run, data, "PrivateTest")
    assert (report.n_total, report.n_scored, report.full, report.twin_free) == (PRIVATE, 0, None, None)
    assert "PrivateTest has no labels here: predictions only. `mien score`" in report.remarks[-1]
    assert "PrivateTest" not in Card.read(run.folder / "model").metrics

    rows = data.split("PrivateTest").rows[::-1]
    (tmp_path / "labels.csv").write_text("row,label\n" + "".join(f"{row},happy\n" for row in rows))
    scored = score(run.folder / "predictions-PrivateTest.csv", tmp_path / "labels.csv", out=tmp_path)

    labels = np.where(data.splits == "PrivateTest", data.label_set.index("happy"), data.labels)
    known = evaluate(run.folder / "model", replace(data, labels=labels), "PrivateTest")
    assert scored.full is not None and (scored.full, scored.twin_free) == (known.full, known.twin_free)
    assert (scored.n_scored, scored.model, scored.model_sha256) == (PRIVATE, "tiny", report.model_sha256)
    assert scored.train_accuracy == 0.5
    assert scored.remarks[0] == "Its training: Made for tests." and scored.data_fingerprint == ""
    assert [remark[:42] for remark in scored.remarks[1:]] == ["No face has the label angry or disgust or "]
    assert Report.read(tmp_path / "report-PrivateTest.json") == scored
    assert (Predictions.read(tmp_path / "predictions-PrivateTest.csv").labels == 3).all()


def test_scored_later_it_keeps_what_was_said_of_the_data(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    other = replace(data, labels=np.where(data.splits == "PublicTest", -1, data.labels)).test
    before = evaluate(run.folder / "model", other, out=tmp_path)
    (tmp_path / "labels.csv").write_text("row,label\n" + "".join(f"{row},happy\n" for row in other.rows))
    scored = score(tmp_path / "predictions-PublicTest.csv", tmp_path / "labels.csv")
    gone = "PublicTest has no labels here: predictions only."
    assert any(remark.startswith(gone) for remark in before.remarks)
    kept = {remark for remark in scored.remarks if not remark.startswith("No face has the label angry or disgust")}
    assert kept == {remark for remark in before.remarks if not remark.startswith(gone)}
    unknown = "Without a Training split it is not known whether the model has learned from these"
    assert any(remark.startswith(unknown) for remark in scored.remarks)


def test_predictions_alone_can_be_scored(run: Run, report: Report, tmp_path: Path) -> None:
    alone = tmp_path / "predictions-PublicTest.csv"
    alone.write_bytes((run.folder / alone.name).read_bytes())
    scored = score(alone, alone)
    assert scored.full == report.full
    assert scored.model == ""
    assert sorted(file.name for file in tmp_path.iterdir()) == [alone.name]


def test_a_partly_labelled_split_says_how_many_count(run: Run, data: FaceDataset) -> None:
    labels = data.labels.copy()
    labels[data.splits == "PublicTest"] = [-1] * 10 + [0] * (PUBLIC - 10)
    found = evaluate(run.folder / "model", replace(data, labels=labels).test)
    assert (found.n_total, found.n_scored) == (PUBLIC, PUBLIC - 10)
    assert f"10 of {PUBLIC} faces have no label and are not scored." in found.remarks


def test_flip_averages_both_sides_and_says_so(run: Run, report: Report, data: FaceDataset) -> None:
    flipped = evaluate(run, data, tta="flip")
    both = (expected(run, data.test.faces) + expected(run, data.test.faces[:, :, ::-1])) / 2
    predictions = Predictions.read(run.folder / "predictions-PublicTest-flip.csv")
    assert predictions.split == "PublicTest"
    assert predictions.probabilities == pytest.approx(both, abs=1e-5)
    assert flipped.tta == "flip" and "each face and its mirror image" in flipped.remarks[0]
    assert Report.read(run.folder / "report-PublicTest-flip.json") == flipped
    assert Report.read(run.folder / "report-PublicTest.json") == report  # stays
    assert "PublicTest-flip" in Card.read(run.folder / "model").metrics


def test_ten_crops() -> None:
    face = np.arange(48 * 48, dtype=np.uint32).reshape(1, 48, 48)
    found = list(views(face, "ten-crop"))
    assert [view.shape for view in found] == [(1, 44, 44)] * 10
    corners = [int(view[0, 0, 0]) for view in found[::2]]
    assert corners == [0, 4, 4 * 48, 4 * 48 + 4, 2 * 48 + 2]
    for view, mirrored in zip(found[::2], found[1::2], strict=True):
        assert np.array_equal(mirrored, view[:, :, ::-1])


def test_ten_crop_averages_ten_views(run: Run, data: FaceDataset) -> None:
    recognizer = Recognizer.load(run.folder / "model")
    some = data.test.faces[:3]
    one_by_one = [
        recognizer.probabilities(recognizer.card.preprocess.stack(list(view))) for view in views(some, "ten-crop")
    ]
    assert predict(recognizer, some, "ten-crop") == pytest.approx(np.mean(one_by_one, axis=0))
    found = evaluate(recognizer, data.test, tta="ten-crop")
    assert "ten views of each face" in found.remarks[0]
    with pytest.raises(DataError, match=r"tta 'twice'; expected 'none', 'flip', 'ten-crop'\."):
        evaluate(recognizer, data.test, tta="twice")  # type: ignore[arg-type]


def test_progress_names_its_stages(run: Run, data: FaceDataset) -> None:
    told: list[tuple[str, int, int]] = []
    evaluate(run.folder / "model", replace(data), on_progress=lambda *step: told.append(step))  # not yet compared
    assert told[-2:] == [("predicting", 64, PUBLIC), ("predicting", PUBLIC, PUBLIC)]
    assert {what for what, _, _ in told[:-2]} == {"looking for twins"}


def test_a_folder_that_cannot_be_made(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"file/out: cannot be created \(.*; choose another --out\."):
        evaluate(run.folder / "model", data.test, out=tmp_path / "file" / "out")


def test_results_that_cannot_be_written(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    (tmp_path / "report-PublicTest.json").mkdir()
    with pytest.raises(ModelError, match=r"report-PublicTest\.json: cannot be written .*: free space or permit"):
        evaluate(run.folder / "model", data.test, out=tmp_path)


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    app = typer.Typer()
    for command in (commands.evaluate, commands.score, export_commands.export, export_commands.calibrate):
        app.command()(command)
    return app


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory, data: FaceDataset) -> Path:
    file = tmp_path_factory.mktemp("data") / "fer2013.csv"
    labelled = data.take(data.labels >= 0)
    lines = [
        f"{label},{' '.join(map(str, face.ravel()))},{split}"
        for (face, label), split in zip(labelled, labelled.splits, strict=True)
    ]
    file.write_text("\n".join(["emotion,pixels,Usage", *lines, ""]))
    return file


def test_evaluate_command(app: typer.Typer, csv: Path, run: Run, report: Report, tmp_path: Path) -> None:
    words = ["evaluate", str(run.folder), "--data", str(csv), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert report.full is not None and report.twin_free is not None and report.gap is not None
    lines = {
        line[0]: line[1:] for text in reversed(done.stdout.splitlines()) if (line := re.split(r"\s{2,}", text.strip()))
    }
    assert lines["all faces"] == ["twin-free"]
    assert lines["faces"] == [str(PUBLIC), str(PUBLIC - TWINS)]
    assert lines["accuracy"] == [percent(report.full.accuracy), percent(report.twin_free.accuracy)]
    assert lines["train-test gap, points"] == [points(report.gap)]
    sad = report.full.per_class[report.label_set.index("sad")]
    assert lines["sad"] == [str(sad.support), number(sad.precision), number(sad.recall), number(sad.f1)]
    assert "\nIts training: Made for tests.\nThe model has learned from another Training split," in done.stdout
    assert (tmp_path / "predictions-PublicTest.csv").is_file() and "Nothing was written" not in done.stderr
    done = CliRunner().invoke(app, [*words, "--json", "--tta", "flip"], catch_exceptions=False)
    assert json.loads(done.stdout)["tta"] == "flip"
    model = run.folder / "model"
    done = CliRunner().invoke(app, ["evaluate", str(model), "--data", str(csv)], catch_exceptions=False)
    assert "Its training:" not in done.stdout
    assert f"\nFaces held out of Training steered its training; `mien models {model}` says how" in done.stdout


def test_several_models_are_evaluated_one_after_the_other(
    app: typer.Typer, csv: Path, run: Run, report: Report, tmp_path: Path
) -> None:
    again = shutil.copytree(run.folder, tmp_path / "again")
    (again / "report-PublicTest.json").unlink()
    models = [str(run.folder), str(run.folder / "model"), str(again)]
    done = CliRunner().invoke(app, ["evaluate", *models, "--data", str(csv)], catch_exceptions=False)
    assert report.full is not None
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("accuracy ")] == [
        percent(report.full.accuracy).split()[0]
    ] * len(models)
    assert done.stdout.count("on PublicTest\n=====") == done.stdout.count("\n\neach class, all faces\n") == len(models)
    assert done.stderr.count("Nothing was written") == 1, "of the model folder"
    assert Report.read(again / "report-PublicTest.json").full == report.full


@pytest.mark.parametrize("option", [["--out", "together"], ["--json"]])
def test_what_holds_one_report_is_refused_for_several(app: typer.Typer, option: list[str]) -> None:
    refused = CliRunner().invoke(app, ["evaluate", "mien-nano", "mien-small", "--data", "none", *option])
    assert refused.exit_code == 2 and f"Invalid value for {option[0]}: is for one model" in refused.stderr


def test_a_folder_that_is_a_file_is_refused_before_data_are_read(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    data_and_out = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "file")]
    for words in (
        ["evaluate", "mien-nano"],
        ["export", "runs/none"],
        ["calibrate", "mien-nano", "--split", "Training"],
    ):
        refused = CliRunner().invoke(app, [*words, *data_and_out])
        assert refused.exit_code == 2 and "Invalid value for --out" in refused.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data: FaceDataset) -> Path:
    """The labelled faces as the folder edition."""
    place = tmp_path_factory.mktemp("edition") / "faces"
    write_edition(data.take(data.labels >= 0), place)
    return place


def groups_file(place: Path, groups: dict[str, str]) -> Path:
    place.write_text("row,group\n" + "".join(f"{row},{group}\n" for row, group in groups.items()))
    return place


def test_groups_of_the_folder_edition(app: typer.Typer, run: Run, folder: Path, tmp_path: Path) -> None:
    rows = sorted(str(file.relative_to(folder).as_posix()) for file in folder.rglob("*.png"))
    cameras = {row: ("left", "right", "other")[position % 3] for position, row in enumerate(rows)}
    named = {row: camera for row, camera in cameras.items() if camera != "other"}
    file = groups_file(tmp_path / "cameras.csv", named)
    words = ["evaluate", str(run.folder / "model"), "--data", str(folder), "--split", "PublicTest"]
    done = CliRunner().invoke(
        app, [*words, "--groups", str(file), "--out", str(tmp_path / "out")], catch_exceptions=False
    )

    of_camera: dict[str, list[bool]] = {"left": [], "right": [], "other": []}
    with (tmp_path / "out" / "predictions-PublicTest.csv").open() as lines:
        for line in DictReader(lines):
            of_camera[cameras[line["row"]]].append(line["label"] == line["predicted"])
    groups = json.loads((tmp_path / "out" / "report-PublicTest.json").read_text())["groups"]
    found = {each["name"]: (each["n"], each["accuracy"]) for each in groups["full"]}
    right = {name: (len(each), sum(each) / len(each)) for name, each in of_camera.items()}
    assert found == {name: pytest.approx(right[name]) for name in ("left", "right")}
    assert groups["n_not_grouped"] == right["other"][0] and groups["source"] == "cameras.csv"
    assert groups["uncertain_below"] == Card.read(run.folder / "model").uncertain_below
    assert [each["n"] for each in groups["twin_free"]] < [each["n"] for each in groups["full"]]

    assert "\neach group of cameras.csv, all faces\n" in done.stdout and "\nLargest gap: group " in done.stdout
    assert f"{right['other'][0]} labelled faces belong to no group" in done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("left"))
    assert re.split(r"\s{2,}", line)[1] == str(right["left"][0])


def test_wrong_groups_are_refused_before_the_long_work(run: Run, tmp_path: Path) -> None:
    def unwanted(*progress: object) -> None:
        raise AssertionError(progress)

    with pytest.raises(DataError, match=r"1 rows are not in noise\.csv: 999\."):
        evaluate(run, faces(), groups=groups_file(tmp_path / "a.csv", {"999": "a"}), on_progress=unwanted)
    unlabelled = groups_file(tmp_path / "b.csv", {str(TRAIN + PUBLIC): "a", str(TRAIN + PUBLIC + 1): "b"})
    with pytest.raises(DataError, match=r"b\.csv: groups of labelled PrivateTest faces: none; expected two or more"):
        evaluate(run, faces(), "PrivateTest", groups=unlabelled, out=tmp_path, on_progress=unwanted)


def test_groups_are_of_the_faces_with_a_majority(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    rows = data.split("PublicTest").rows.tolist()
    file = groups_file(tmp_path / "groups.csv", {row: "ab"[int(row) % 2] for row in rows})
    found = evaluate(run.folder / "model", with_votes(data), majority=True, groups=file).groups
    kept = [int(row) for row in rows if int(row) % 3]  # which have a majority
    assert found is not None and found.n_not_grouped == 0
    assert [each.n for each in found.full] == [sum(row % 2 == of for row in kept) for of in (0, 1)]


def test_other_labels_have_no_groups(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    rows = data.split("PublicTest").rows.tolist()
    file = groups_file(tmp_path / "groups.csv", {row: "ab"[int(row) % 2] for row in rows})
    assert evaluate(run.folder / "model", data, groups=file, out=tmp_path).groups is not None
    (tmp_path / "labels.csv").write_text("row,label\n" + "".join(f"{row},sad\n" for row in rows))
    assert score(tmp_path / "predictions-PublicTest.csv", tmp_path / "labels.csv").groups is None


def test_score_command(app: typer.Typer, run: Run, data: FaceDataset, tmp_path: Path) -> None:
    evaluate(run, data, "PrivateTest")
    rows = data.split("PrivateTest").rows
    (tmp_path / "labels.csv").write_text("row,label\n" + "".join(f"{row},sad\n" for row in rows))
    file = run.folder / "predictions-PrivateTest.csv"
    words = ["score", str(file), "--labels", str(tmp_path / "labels.csv"), "--json"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    found = json.loads(done.stdout)
    assert (found["n_scored"], found["split"], found["model"]) == (PRIVATE, "PrivateTest", "tiny")


def test_a_split_without_labels_on_the_command_line(app: typer.Typer, run: Run, csv: Path, tmp_path: Path) -> None:
    test_csv = tmp_path / "test.csv"
    test_csv.write_text("\n".join(["pixels", *(line.split(",")[1] for line in csv.read_text().splitlines()[1:6]), ""]))
    done = CliRunner().invoke(
        app, ["evaluate", str(run.folder / "model"), "--data", str(test_csv)], catch_exceptions=False
    )
    assert done.stderr.endswith("Nothing was written: --out FOLDER keeps the predictions and the report.\n")
    assert "5 faces predicted" in done.stdout and "has no labels here: predictions only" in done.stdout


def test_export_command(app: typer.Typer, run: Run, tmp_path: Path) -> None:
    words = ["export", str(run.folder), "--out", str(tmp_path / "mine"), "--licence", "CC0-1.0"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.stdout.strip() == str(tmp_path / "mine")
    assert Card.read(tmp_path / "mine").licence == "CC0-1.0"
    assert done.stderr == ""
    card = Card.read(tmp_path / "mine")
    replace(card, limits=(NOT_CALIBRATED,)).write(run.folder / "model")
    words[-1] = "MIT"
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.stderr == "The confidence is not calibrated: give --data, the run's training data.\n"
    card.write(run.folder / "model")


def test_export_of_a_run_that_held_out_no_faces(app: typer.Typer, csv: Path, data: FaceDataset, tmp_path: Path) -> None:
    watching = make_run(tmp_path / "run", data, replace(RECIPE, validation=Validation(kind="PublicTest")))
    for more in ([], ["--data", str(csv)]):
        done = CliRunner().invoke(app, ["export", str(watching.folder), *more], catch_exceptions=False)
        assert "the run held out no faces of Training; mien calibrate can use others." in done.stderr
    words = ["calibrate", str(watching.folder / "model"), "--data", str(csv), "--split", "PublicTest"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "fitted")], catch_exceptions=False)
    assert NOT_CALIBRATED not in Card.read(tmp_path / "fitted").limits


def test_export_of_a_run_whose_held_out_faces_are_no_use(app: typer.Typer, data: FaceDataset, tmp_path: Path) -> None:
    alike = replace(data, faces=np.where((data.splits == "Training")[:, None, None], data.faces[0], data.faces))
    write_edition(alike, tmp_path / "alike.csv")
    reasons = {
        "all labelled faces that it held out have a twin": {},
        "its starting weights were trained on faces that it held out": {"n_validation_learned": 3},
    }
    for reason, known in reasons.items():
        run = make_run(tmp_path / "run", alike, **known)
        words = ["export", str(run.folder), "--data", str(tmp_path / "alike.csv")]
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert f"not calibrated: {reason}; mien calibrate can use others." in done.stderr


def test_a_report_on_other_labels_stays(run: Run, data: FaceDataset, tmp_path: Path) -> None:
    file = run.folder / "report-PublicTest.json"
    before = file.read_bytes()
    with pytest.raises(
        DataError,
        match=r"report-PublicTest.json: was measured on other faces or labels.*to keep both, use --out FOLDER",
    ):
        evaluate(run, with_votes(data), majority=True)
    assert file.read_bytes() == before
    by_votes = evaluate(run, with_votes(data), majority=True, out=tmp_path)
    assert Report.read(tmp_path / file.name) == by_votes and file.read_bytes() == before
    evaluate(run, data)  # the same faces may
    file.write_bytes(before[:100])
    assert evaluate(run, data) == Report.read(file)  # which its message asks for


def test_majority_of_votes_replaces_the_labels(run: Run, data: FaceDataset) -> None:
    recognizer = Recognizer.load(run.folder / "model")
    report = evaluate(recognizer, with_votes(data), majority=True)
    kept = [index for index in range(140, 140 + PUBLIC) if index % 3]
    assert report.n_total == report.n_scored == len(kept)
    classes = recognizer.probabilities(data.faces[kept, None]).argmax(1)
    names = [recognizer.card.labels.name(int(label)) for label in classes]
    right = np.mean([name == {1: "happy", 2: "sad"}[index % 3] for name, index in zip(names, kept, strict=True)])
    assert report.full is not None and report.full.accuracy == pytest.approx(right)
    assert report.twin_free is not None and report.twin_free.n == sum(index >= 140 + TWINS for index in kept)
    assert report.remarks[0].startswith(
        f"Labels are the majority of the FER+ votes, single votes dropped: {len(kept)} of"
    )
    assert report.confidence_fit["temperature"] == recognizer.card.temperature
    with pytest.raises(DataError, match="no face of PrivateTest has FER\\+ votes with a majority"):
        evaluate(recognizer, with_votes(data), "PrivateTest", majority=True)
    with pytest.raises(DataError, match="no FER\\+ votes; join them"):
        evaluate(recognizer, data, majority=True)
