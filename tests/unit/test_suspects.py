"""Doubtful labels: their order, what stands beside them, and predictions that are refused."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluated_run import predictions_of
from test_report_pages import read
from typer.testing import CliRunner

from mien import lab
from mien.cli import build_app
from mien.errors import DataError, InputError
from mien.lab.data import TRAINING, FaceDataset
from mien.lab.data.ferplus import VOTE_COLUMNS
from mien.lab.metrics import report_of
from mien.lab.predictions import Predictions
from mien.lab.suspects import find_suspects
from mien.labels import FER2013

ANGRY, HAPPY, SAD = (FER2013.index(name) for name in ("angry", "happy", "sad"))
LABELS = [SAD, HAPPY, SAD, ANGRY, -1]


def five_faces(split: str = "PublicTest", **changes: object) -> FaceDataset:
    """Faces of greys 0, 10, 20, 30, 40 with rows 0 to 4, and one of Training, if they are not."""
    data = FaceDataset(
        faces=np.broadcast_to(np.arange(0, 60, 10, np.uint8)[:, None, None], (6, 48, 48)).copy(),
        labels=np.array([*LABELS, HAPPY]),
        splits=np.array([split] * 5 + ["Training"]),
        rows=np.arange(6).astype(str),
        label_set=FER2013,
        source="some/where/faces.csv",
    )
    return replace(data if split != TRAINING else data.take(np.arange(5)), **changes)


def said(confidence: list[float], predicted: list[int], **more: object) -> Predictions:
    return predictions_of(LABELS, predicted, confidence=confidence, **more)


# row 1 is right; of the others, the label of row 3 is less probable than that of 0, and row 4 has none
SURE = said([0.64, 0.9, 0.4, 0.94, 0.9], [HAPPY, HAPPY, HAPPY, HAPPY, SAD], twins=1)


def written(folder: Path, predictions: Predictions, data: FaceDataset | None = None, **known: object) -> Path:
    """Predictions as `mien evaluate` leaves them; with a report where the data are named."""
    folder.mkdir(parents=True)
    file = folder / f"predictions-{predictions.split}.csv"
    predictions.write(file)
    if data is not None:
        of = data.split(predictions.split).fingerprint
        report = replace(report_of(predictions), model="m", data_source="faces.csv", data_fingerprint=of, **known)
        report.write(folder / f"report-{predictions.split}.json")
    return file


def test_the_least_probable_label_comes_first(tmp_path: Path) -> None:
    file = written(tmp_path / "a", SURE)
    found = find_suspects([file], five_faces())
    assert [each.row for each in found.ranked] == ["3", "0", "2"]
    assert (found.n_labelled, found.n_otherwise, found.voted) == (4, 3, False)
    first = found.ranked[0]
    assert (first.label, first.predicted, first.twin_free, first.majority) == ("angry", "happy", True, "")
    assert (first.label_probability, first.confidence) == pytest.approx((0.01, 0.94))
    assert (first.face == 30).all()
    assert found.ranked[1].twin_free is False
    fewer = find_suspects([file], five_faces(), most=1)
    assert [each.row for each in fewer.ranked] == ["3"] and fewer.n_otherwise == 3


def test_a_face_that_is_taken_for_its_label_is_no_suspect_however_unsure(tmp_path: Path) -> None:
    unsure = said([0.2, 0.16, 0.2, 0.2, 0.2], [HAPPY] * 5)  # row 1: 0.16 for the label, the others less than 0.14
    found = find_suspects([written(tmp_path / "a", unsure)], five_faces())
    assert [each.row for each in found.ranked] == ["0", "2", "3"]


def test_several_models_are_averaged(tmp_path: Path) -> None:
    other = said([0.9, 0.9, 0.9, 0.9, 0.9], [HAPPY, HAPPY, HAPPY, ANGRY, SAD])  # agrees with the label of row 3
    files = [written(tmp_path / "a", SURE), written(tmp_path / "b", other)]
    found = find_suspects(files, five_faces())
    assert [each.row for each in found.ranked] == ["0", "2", "3"]
    assert found.ranked[2].label_probability == pytest.approx((0.01 + 0.9) / 2)
    assert found.ranked[2].confidence == pytest.approx((0.94 + 0.1 / 6) / 2)


def test_faces_are_found_by_row_and_labels_by_name(tmp_path: Path) -> None:
    data = five_faces().take(np.array([4, 3, 2, 1, 0, 5]))
    turned = FER2013.names[::-1]
    data = data.relabel(type(FER2013)(turned))
    (first, *_) = find_suspects([written(tmp_path / "a", SURE)], data).ranked
    assert (first.row, first.label, int(first.face[0, 0])) == ("3", "angry", 30)


def test_votes_stand_beside_the_labels(tmp_path: Path) -> None:
    votes = np.zeros((6, 10), np.uint8)
    votes[0, VOTE_COLUMNS.index("happy")] = votes[2, VOTE_COLUMNS.index("NF")] = 10
    votes[3, :2] = 5  # no majority
    found = find_suspects([written(tmp_path / "a", SURE)], five_faces(votes=votes))
    assert [each.majority for each in found.ranked] == ["", "happy", "not a face"]
    lines = [line.split() for line in found.table().plain().splitlines()]
    assert ["row", "label", "predicted", "FER+", "majority", "confidence", "p(label)"] in lines
    assert ["3", "angry", "happy", "–", "94.0", "%", "1.0", "%"] in lines


def test_it_says_what_it_is(tmp_path: Path) -> None:
    data = five_faces()
    text = find_suspects([written(tmp_path / "a", SURE, data)], data).table().plain()
    assert "3 of 3 faces whose label differs from the prediction, among 4 labelled ones" in text
    assert "These labels are doubtful, not proven wrong" in text
    assert "Figures on a test split with changed labels cannot be compared" in text
    assert "not known" not in text


def test_what_is_not_known_of_the_learning_is_said(tmp_path: Path) -> None:
    data = five_faces()
    (remark,) = find_suspects([written(tmp_path / "a", SURE)], data).remarks[2:]
    assert "a/predictions-PublicTest.csv has no report beside it: it is not known whether" in remark
    strange = {"data_fingerprint": "e" * 64}
    (remark,) = find_suspects([written(tmp_path / "b", SURE, data, provenance=strange)], data).remarks[2:]
    assert remark.startswith("m: The model has learned from another Training split")


@pytest.mark.parametrize("known", [{}, {"provenance": {"members": [{"data_fingerprint": "e" * 64}, {}]}}])
def test_faces_that_taught_the_model_are_refused(tmp_path: Path, known: dict) -> None:
    data = five_faces(TRAINING)
    with pytest.raises(
        DataError, match=r"a/.*: m was or may have been trained on Training of some/where/faces\.csv, and a"
    ):
        find_suspects([written(tmp_path / "a", replace(SURE, split=TRAINING), data, **known)], data)


def test_training_faces_of_another_model_s_are_not(tmp_path: Path) -> None:
    data = five_faces(TRAINING)
    strange = {"data_fingerprint": "e" * 64}
    found = find_suspects([written(tmp_path / "a", replace(SURE, split=TRAINING), data, provenance=strange)], data)
    assert len(found.ranked) == 3 and "test split" not in " ".join(found.remarks)
    own = find_suspects([written(tmp_path / "b", replace(SURE, split=TRAINING))], data)  # put together by the user
    assert len(own.ranked) == 3


def test_other_faces_are_refused(tmp_path: Path) -> None:
    data = five_faces()
    file = written(tmp_path / "a", SURE, data)
    with pytest.raises(
        DataError, match=r"1 faces of PublicTest on which .*a/predictions.* are not in it.*'2'.*faces.csv"
    ):
        find_suspects([file], data.take(np.array([0, 1, 3, 4, 5])))
    with pytest.raises(DataError, match=r"1 faces of PublicTest carry another label .*FER\+'s majority \(--votes\)"):
        find_suspects([file], five_faces(labels=np.array([SAD, SAD, SAD, ANGRY, -1, HAPPY])))
    with pytest.raises(DataError, match=r"its faces differ from those of faces\.csv, on which .*a/predictions"):
        find_suspects([file], five_faces(faces=data.faces + 1))
    with pytest.raises(DataError, match="no split 'PublicTest'"):
        find_suspects([file], five_faces("Test"))


@pytest.mark.parametrize("most", [0, -1, 2.5])
def test_how_many_is_a_whole_number_from_one(tmp_path: Path, most: float) -> None:
    with pytest.raises(InputError, match=f"^most {most}; expected a whole number, 1 or more"):
        find_suspects([written(tmp_path / "a", SURE)], five_faces(), most=most)  # type: ignore[arg-type]


def test_without_labels_or_files_there_is_nothing_to_doubt(tmp_path: Path) -> None:
    unlabelled = replace(SURE, labels=np.full(5, -1))
    data = five_faces(labels=np.array([-1] * 5 + [HAPPY]))
    with pytest.raises(DataError, match="no face has a label; `mien score` adds labels"):
        find_suspects([written(tmp_path / "a", unlabelled)], data)
    with pytest.raises(DataError, match="no file of predictions; `mien evaluate` writes"):
        find_suspects([], data)


def test_the_page_shows_the_faces_in_order(tmp_path: Path) -> None:
    found = find_suspects([written(tmp_path / "a", SURE)], five_faces())
    page = read(lab.write_suspects(found, tmp_path / "deep" / "suspects.html"))
    assert [image["alt"] for image in page.images] == [
        "face labelled angry, predicted happy",
        "face labelled sad, predicted happy",
        "face labelled sad, predicted happy",
    ]
    assert page.addresses and all(address.startswith("data:image/png") for address in page.addresses)
    assert "Doubtful labels: PublicTest of faces.csv" in page.text and "some/where" not in page.text
    assert "label angry , 1.0 % predicted happy , 94.0 % row 3" in page.text
    assert "not proven wrong" in page.text and "FER+" not in page.text


def test_command(tmp_path: Path) -> None:
    data = five_faces()
    lab.write_edition(data, tmp_path / "faces.parquet")
    file = written(tmp_path / "a", SURE, lab.read_fer2013(tmp_path / "faces.parquet"))

    def call(*words: object) -> object:
        command = ["data", "suspects", file, "--data", tmp_path / "faces.parquet", *words]
        return CliRunner().invoke(build_app(), list(map(str, command)))

    done = call("--most", 2, "--save", tmp_path / "suspects.csv")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Doubtful labels: PublicTest\n") and "2 of 3 faces" in done.stdout
    assert done.stderr.strip() == f"written: {tmp_path / 'suspects.csv'}"
    with (tmp_path / "suspects.csv").open() as table:
        first, second = csv.DictReader(table)
    assert float(first.pop("label_probability")) == pytest.approx(0.01)
    assert float(first.pop("confidence")) == pytest.approx(0.94)
    assert first == {
        "row": "3", "split": "PublicTest", "label": "angry", "predicted": "happy", "ferplus_majority": "",
        "twin_free": "1",
    }  # fmt: skip
    assert (second["row"], second["twin_free"]) == ("0", "0")
    refused = call("--save", tmp_path / "suspects.txt")
    assert isinstance(refused.exception, DataError)
    assert "unknown ending '.txt'; expected .html, .csv" in str(refused.exception)
