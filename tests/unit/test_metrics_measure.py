"""Metrics of a table small enough to check by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluated_run import predictions_of

from mien.errors import DataError
from mien.lab.metrics import Report, measure, report_of
from mien.lab.pages.figure_tables import class_table
from mien.lab.predictions import Predictions
from mien.lab.published import compare_published
from mien.lab.recipe import Figure, Recipe
from mien.lab.recipe.io import to_json
from mien.lab.recipe_book import recipes
from mien.lab.reliability import calibration_bins, calibration_error, calibration_error_by_chance
from mien.labels import LabelSet

CLASSES = LabelSet(("angry", "happy", "sad"))
PROBABILITIES = [
    [0.75, 0.125, 0.125],  # angry, right
    [0.25, 0.5, 0.25],  # angry, predicted happy
    [0.0, 1.0, 0.0],  # happy, right
    [0.125, 0.75, 0.125],  # happy, right
    [0.5, 0.25, 0.25],  # happy, predicted angry
    [0.25, 0.25, 0.5],  # no label
]
LABELS = [0, 0, 1, 1, 1, -1]


def table(**changes: object) -> Predictions:
    fields = {
        "rows": np.array([str(row) for row in range(10, 16)]),
        "labels": np.array(LABELS),
        "probabilities": np.array(PROBABILITIES),
        "label_set": CLASSES,
        "split": "PublicTest",
        "twin_free": np.array([True, False, True, True, False, True]),
    }
    return Predictions(**(fields | changes))


def test_only_labelled_faces_are_scored() -> None:
    report = report_of(table())
    assert (report.n_total, report.n_scored) == (6, 5)
    assert report.full is not None and report.full.n == 5
    assert report.full.accuracy == pytest.approx(3 / 5)


def test_confusion_counts_labels_by_row() -> None:
    full = measure(table(labels=np.array([0, 0, 0, 1, 1, -1])))
    assert full is not None
    assert full.confusion == ((1, 2, 0), (1, 1, 0), (0, 0, 0))
    assert full.confusion_rates == (
        pytest.approx((1 / 3, 2 / 3, 0.0)),
        (0.5, 0.5, 0.0),
        (0.0, 0.0, 0.0),
    )


def test_each_class() -> None:
    full = measure(table())
    assert full is not None
    angry, happy, sad = full.per_class
    assert (angry.name, angry.support, angry.precision, angry.recall, angry.f1) == ("angry", 2, 0.5, 0.5, 0.5)
    assert (happy.support, happy.precision, happy.recall) == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (sad.support, sad.precision, sad.recall, sad.f1) == (0, 0, 0, 0)


def test_what_a_class_without_faces_or_answers_lacks_is_unknown() -> None:
    full, angry = measure(table()), measure(table(labels=np.array([0, 0, 0, 0, 0, -1])))
    assert full is not None and angry is not None
    assert class_table(full).rows[0] == ("angry", "2", "0.500", "0.500", "0.500")
    assert class_table(full).rows[2] == ("sad", "0", "–", "–", "–")
    assert class_table(angry).rows[1] == ("happy", "0", "0.000", "–", "0.000")  # some were called happy


def test_means_over_classes() -> None:
    full = measure(table())
    assert full is not None
    assert full.balanced_accuracy == pytest.approx((1 / 2 + 2 / 3) / 2)  # sad has no face
    assert full.macro_precision == full.macro_recall == full.macro_f1 == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_a_class_without_faces_counts_where_faces_are_taken_for_it() -> None:
    full = measure(table(labels=np.array([0, 0, 0, 0, 0, -1])))
    assert full is not None
    assert full.macro_recall == pytest.approx(full.accuracy / 2) and full.balanced_accuracy == full.accuracy


def test_log_loss() -> None:
    full = measure(table())
    assert full is not None
    assert full.log_loss == pytest.approx(-math.log(0.75 * 0.25 * 1 * 0.75 * 0.25) / 5)


def test_log_loss_of_a_certain_error_is_finite() -> None:
    full = measure(table(labels=np.array([0, 0, 0, 1, 1, -1])))
    assert full is not None and full.log_loss == pytest.approx(
        -(2 * math.log(0.75) + 2 * math.log(0.25) + math.log(np.finfo(float).eps)) / 5
    )


def test_top2_breaks_ties_as_the_prediction_does() -> None:
    full = measure(table())
    assert full is not None
    assert full.top2_accuracy == 1.0  # the label of each face is first or second
    worse = measure(table(labels=np.array([2, 2, 2, 2, 2, 2])))
    assert worse is not None and worse.top2_accuracy == pytest.approx(1 / 6)  # ties go to the class named first


def test_calibration_bins_are_open_below() -> None:
    full = measure(table())
    assert full is not None
    used = {round(bin.low * 15): (bin.n, bin.confidence, bin.accuracy) for bin in full.calibration if bin.n}
    # 0.5 lies in (7/15, 8/15], 0.75 in (11/15, 12/15], 1 in (14/15, 1]
    assert used == {7: (2, 0.5, 0.0), 11: (2, 0.75, 1.0), 14: (1, 1.0, 1.0)}
    assert len(full.calibration) == 15
    assert full.ece == pytest.approx(2 / 5 * 0.5 + 2 / 5 * 0.25 + 0)


def test_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    edge = np.linspace(0, 1, 16)[6]  # 6/15
    one = table(
        rows=np.array(["0"]),
        labels=np.array([0]),
        probabilities=np.array([[edge, (1 - edge) / 2, (1 - edge) / 2]]),
        twin_free=None,
    )
    full = measure(one)
    assert full is not None and [bin.high for bin in full.calibration if bin.n] == [edge]


def test_an_error_counts_with_all_its_confidence() -> None:
    bins = calibration_bins(predictions_of([0], [1], confidence=0.8))
    assert calibration_error(bins) == pytest.approx(0.8)


def test_a_confidence_that_is_above_1_by_rounding_counts_as_1() -> None:
    bins = calibration_bins(predictions_of([0], [0], confidence=float(np.nextafter(1, 2))))
    assert bins[-1].n == 1 and calibration_error_by_chance(bins) == 0


@pytest.mark.parametrize("n", [20, 200, 3589])
def test_calibration_error_by_chance_is_that_of_confidence_that_is_right(n: int) -> None:
    chance = np.random.default_rng(n)
    confidence = chance.uniform(0.2, 1, n)
    found, by_chance = [], 0.0
    for right in chance.random((200, n)) < confidence:
        bins = calibration_bins(predictions_of([0] * n, np.where(right, 0, 1).tolist(), confidence=confidence.tolist()))
        found.append(calibration_error(bins))
        by_chance = calibration_error_by_chance(bins)
    assert by_chance == pytest.approx(np.mean(found), rel=0.1)


def test_the_surest_faces() -> None:
    full = measure(table())
    assert full is not None
    # 1.0 right; 0.75 right, 0.75 right; 0.5 wrong, 0.5 wrong
    found = [(each.threshold, each.n, each.accuracy) for each in full.coverage_curve]
    assert found == [(1.0, 1, 1.0), (0.75, 3, 1.0), (0.5, 5, 3 / 5)]
    assert full.aurc == pytest.approx((0 + 0 + 0 + 2 / 5 + 2 / 5) / 5)


def test_twin_free_part_is_measured_apart() -> None:
    report = report_of(table())
    assert report.twin_free is not None
    assert (report.twin_free.n, report.twin_free.accuracy) == (3, 1.0)
    assert report_of(table(twin_free=None)).twin_free is None


def test_without_labels_there_are_no_figures() -> None:
    report = report_of(table(labels=np.full(6, -1)))
    assert (report.n_total, report.n_scored, report.full, report.twin_free) == (6, 0, None, None)


def test_a_report_prints_its_tables_and_remarks() -> None:
    text = str(replace(report_of(table()), model="tiny", remarks=("Known.", "Noted.")))
    assert text.startswith("tiny on PublicTest\n==================\n")
    figures = [line.split() for line in text.splitlines()]
    assert ["faces", "5", "3"] in figures and ["accuracy", "60.00", "%", "100.00", "%"] in figures
    assert "\n\neach class, all faces\n" in text and ["happy", "3", "0.667", "0.667", "0.667"] in figures
    assert text.endswith("\n\nKnown.\nNoted.")


def test_a_report_of_an_unknown_model_has_a_title() -> None:
    assert str(report_of(table())).startswith("predictions on PublicTest\n")
    assert str(report_of(table(labels=np.full(6, -1)))) == "predictions on PublicTest: 6 faces predicted"


def test_a_report_without_labels_prints_how_many_faces_it_has() -> None:
    report = replace(report_of(table(labels=np.full(6, -1))), model="tiny")
    assert str(report) == "tiny on PublicTest: 6 faces predicted"


def test_gap_is_train_minus_test() -> None:
    report = report_of(table())
    assert report.gap is None
    assert filled(report).gap == pytest.approx(0.9 - 0.6)


def filled(report: Report) -> Report:
    return Report(
        split=report.split,
        label_set=report.label_set,
        n_total=report.n_total,
        n_scored=report.n_scored,
        full=report.full,
        twin_free=report.twin_free,
        model="small",
        model_sha256="ab" * 32,
        tta="flip",
        train_accuracy=0.9,
        validation_accuracy=0.7,
        data_source="fer2013.csv",
        data_fingerprint="cd" * 32,
        provenance={"seed": 0, "recipe": {"name": "small"}},
        remarks=("A remark.",),
    )


def test_report_survives_its_file(tmp_path: Path) -> None:
    for report in (filled(report_of(table())), report_of(table(labels=np.full(6, -1)))):
        report.write(tmp_path / "report.json")
        assert Report.read(tmp_path / "report.json") == report
    assert json.loads(filled(report_of(table())).to_json())["gap"] == pytest.approx(0.3)


def test_a_report_from_before_the_surest_faces_were_measured_is_read(tmp_path: Path) -> None:
    report = filled(report_of(table()))
    row = json.loads(report.to_json())
    for part in ("full", "twin_free"):
        del row[part]["aurc"], row[part]["coverage_curve"]
    (tmp_path / "report.json").write_text(json.dumps(row))
    read = Report.read(tmp_path / "report.json")
    assert read.full is not None and report.full is not None
    assert read.full == replace(report.full, aurc=None, coverage_curve=())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"report.json: not a report of this version of mien \(Expecting.*run `mien evaluate` again"),
        ('{"schema": 9}', r"not a report of this version of mien \(its schema is not 1\)"),
        ('{"schema": 1, "gap": 0}', r"not a report of this version of mien \('label_set'\)"),
        ("[]", r"not a report of this version of mien"),
    ],
)
def test_other_files_are_not_reports(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(DataError, match=message):
        Report.read(tmp_path / "report.json")


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.json: not a report of this version of mien \(.*No such file"):
        Report.read(tmp_path / "none.json")


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Put a row with figures of every kind in the place of resnet50-imagenet's."""
    figures = (
        Figure(metric="accuracy", split="test", value=0.65, place="table 1"),
        Figure(metric="accuracy", split="train", value=0.8, place="table 2", exact=False),
        Figure(metric="accuracy", split="validation", value=0.71, place="table 3"),
        Figure(metric="loss", split="test", value=0.5, place="table 4"),
        Figure(metric="loss", split="train", value=0.5, place="table 5"),
        Figure(metric="gap", split="test", value=0.18, place="page 6"),
    )
    made = replace(recipes["resnet50-imagenet"], published=figures)
    monkeypatch.setitem(recipes._rows, made.name, made)
    return made


def of_recipe(recipe: Recipe, weights: str | None = None) -> Report:
    provenance = {"recipe": json.loads(to_json(recipe)), "weights": weights}
    return replace(filled(report_of(table())), tta="none", provenance=provenance)


def test_published_figures_stand_beside_ours(row: Recipe) -> None:
    lines = [line.split() for line in compare_published(of_recipe(row)).splitlines()]
    assert lines[0] == ["small", "on", "PublicTest"]
    assert lines[-2] == ["A", "remark."]
    assert " ".join(lines[-1]) == "The source may have used other test faces: see `mien compare`."
    by_place = {" ".join(line[-2:]): " ".join(line[2:-2]) for line in lines[3:-2]}
    assert by_place == {
        "table 1": "65.00 % 60.00 % 23.1 to 88.2 -5.0",
        "table 2": "about 80.00 % 90.00 % +10.0",
        "table 3": "71.00 % 70.00 % -1.0",
        "table 4": "0.500 0.670 +0.170",
        "table 5": "0.500 – –",
        "page 6": "18.00 % 30.00 % 1.8 to 66.9 +12.0",
    }


def test_what_is_not_the_row_does_not_stand_beside_its_figures(row: Recipe) -> None:
    head = "small on PublicTest is not compared with published figures: "
    another = f"{head}its recipe is not the published one."
    assert compare_published(of_recipe(replace(row, epochs=2))) == another
    assert compare_published(of_recipe(replace(row, published=row.published[:1]))) == another
    unknown = compare_published(replace(of_recipe(row), provenance={}))
    assert unknown == f"{head}its training is not known."
    joined = {"recipe": {"name": "mean of a, b"}, "members": [{}, {}]}
    assert compare_published(replace(of_recipe(row), provenance=joined)) == f"{head}it is a mean of several models."
    own = compare_published(of_recipe(recipes["mien-small-first"]))
    assert own == f"{head}mien-small-first has none."
    flipped = compare_published(replace(of_recipe(row), tta="flip"))
    assert flipped == f"{head}it was measured with test-time augmentation."
    stood_in = compare_published(of_recipe(row, weights="other.safetensors"))
    assert stood_in == f"{head}it started from other.safetensors in place of resnet50.tv_in1k."
