"""Ensembles: the mean of predictions, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mien.cli import build_app
from mien.errors import DataError
from mien.lab.ensembles import ensemble
from mien.lab.metrics import report_of
from mien.lab.predictions import Predictions
from mien.labels import LabelSet

SURE_AND_WRONG = Predictions(
    rows=np.array(["7", "8"]),
    labels=np.array([1, 0]),
    probabilities=np.array([[0.6, 0.4], [0.4, 0.6]]),
    label_set=LabelSet(("sad", "happy")),
    split="PublicTest",
    twin_free=np.array([True, False]),
)
SURER_AND_RIGHT = replace(SURE_AND_WRONG, probabilities=np.array([[0.1, 0.9], [0.7, 0.3]]))


def written(folder: Path, *members: Predictions) -> list[Path]:
    files = [folder / f"run{number}" / "predictions-PublicTest.csv" for number in range(len(members))]
    for file, member in zip(files, members, strict=True):
        file.parent.mkdir(parents=True)
        member.write(file)
    return files


def test_the_mean_counts_every_member_alike(tmp_path: Path) -> None:
    files = written(tmp_path, SURE_AND_WRONG, SURER_AND_RIGHT, SURE_AND_WRONG)
    report = ensemble(files, out=tmp_path / "mean")
    mean = Predictions.read(tmp_path / "mean" / "predictions-PublicTest.csv")
    assert mean.probabilities.tolist() == [pytest.approx([1.3 / 3, 1.7 / 3]), pytest.approx([0.5, 0.5])]
    assert report.full is not None and report.full.accuracy == 1.0
    assert report.twin_free is not None and report.twin_free.n == 1
    assert report.model == "ensemble of 3" and report.provenance == {"members": ["run0", "run1", "run2"]}
    assert report.remarks == ("Mean of the probabilities of 3 models: run0, run1, run2.",)


def test_classes_in_another_order_are_averaged_by_name(tmp_path: Path) -> None:
    turned = SURE_AND_WRONG.in_order_of(LabelSet(("happy", "sad")))
    assert turned.labels.tolist() == [0, 1]
    assert turned.in_order_of(SURE_AND_WRONG.label_set).probabilities.tolist() == SURE_AND_WRONG.probabilities.tolist()
    unlabelled = replace(SURE_AND_WRONG, labels=np.array([-1, 0])).in_order_of(turned.label_set)
    assert unlabelled.labels.tolist() == [-1, 1]
    with pytest.raises(ValueError, match="classes sad, happy cannot be put in the order of"):
        SURE_AND_WRONG.in_order_of(LabelSet(("happy", "angry")))
    alike = ensemble(written(tmp_path / "alike", SURER_AND_RIGHT, SURE_AND_WRONG)).full
    assert ensemble(written(tmp_path / "mixed", SURER_AND_RIGHT, turned)).full == alike


def test_the_views_of_the_members_are_those_of_the_mean(tmp_path: Path) -> None:
    files = written(tmp_path, SURE_AND_WRONG, SURER_AND_RIGHT)
    flips = [file.rename(file.with_name("predictions-PublicTest-flip.csv")) for file in files]
    report = ensemble(flips, out=tmp_path / "mean")
    assert (report.split, report.tta) == ("PublicTest", "flip")
    assert (tmp_path / "mean" / "report-PublicTest-flip.json").is_file()
    (plain,) = written(tmp_path / "more", SURE_AND_WRONG)
    with pytest.raises(
        DataError, match="averaged over different views, flip and none; evaluate all members with the same --tta"
    ):
        ensemble([*flips, plain])


def test_what_must_be_known_of_a_member_is_known_of_the_mean(tmp_path: Path) -> None:
    files = written(tmp_path, SURE_AND_WRONG, SURER_AND_RIGHT, SURE_AND_WRONG)
    for file in files[:2]:
        report = replace(report_of(SURE_AND_WRONG), remarks=("The training watched these faces.",))
        report.write(file.with_name("report-PublicTest.json"))
    assert ensemble(files).remarks[1:] == ("run0, run1: The training watched these faces.",)


def test_command(tmp_path: Path) -> None:
    files = written(tmp_path, SURE_AND_WRONG, SURER_AND_RIGHT)
    result = CliRunner().invoke(build_app(), ["ensemble", *map(str, files), "--json"])
    assert result.exit_code == 0 and '"ensemble of 2"' in result.stdout


def test_one_member_is_no_ensemble(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="an ensemble needs at least two files of predictions; 1 given"):
        ensemble(written(tmp_path, SURE_AND_WRONG))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            replace(SURE_AND_WRONG, rows=np.array(["7", "9"])),
            "run1/.*: its faces or classes differ from those of .*run0",
        ),
        (
            replace(SURE_AND_WRONG, label_set=LabelSet(("sad", "angry"))),
            "2 faces with sad, angry, there 2 with sad, happy",
        ),
        (replace(SURE_AND_WRONG, labels=np.array([1, -1])), "run1/.*: its labels differ from those of .*run0"),
    ],
)
def test_members_that_do_not_belong_together(tmp_path: Path, other: Predictions, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ensemble(written(tmp_path, SURE_AND_WRONG, other))


@pytest.mark.parametrize(("sources", "strangers"), [("ab", (0, 1)), ("aab", (0, 2)), (" ab", (1, 2))])
def test_members_on_other_faces_of_the_same_rows(tmp_path: Path, sources: str, strangers: tuple[int, int]) -> None:
    files = written(tmp_path, *[SURE_AND_WRONG] * len(sources))
    for file, name in zip(files, sources, strict=True):
        if name != " ":  # the faces of a member without a report are not known
            report = replace(report_of(SURE_AND_WRONG), data_source=f"{name}.csv", data_fingerprint=name * 64)
            report.write(file.with_name("report-PublicTest.json"))
    one, other = strangers
    words = rf"run{one}/.* and .*run{other}/.* those of PublicTest in a\.csv and in b\.csv differ"
    with pytest.raises(DataError, match=words):
        ensemble(files)


def test_a_member_counts_once(tmp_path: Path) -> None:
    files = written(tmp_path, SURE_AND_WRONG, SURER_AND_RIGHT)
    with pytest.raises(DataError, match="a file of predictions is given twice"):
        ensemble([*files, files[0]])
