"""Groups of faces: the file that names them, and their figures against hand-computed and published ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluated_run import predictions_of

from mien.errors import DataError
from mien.lab.data import FaceDataset
from mien.lab.groups import Groups, measure_groups, read_groups
from mien.lab.metrics import Report, report_of
from mien.lab.pages.group_tables import group_tables, largest_gap
from mien.lab.predictions import Predictions
from mien.labels import FER2013

ANGRY, DISGUST, FEAR, HAPPY = range(4)


def dataset(rows: list[str], labels: list[int]) -> FaceDataset:
    n = len(rows)
    return FaceDataset(
        faces=np.zeros((n, 48, 48), np.uint8),
        labels=np.array(labels),
        splits=np.array(["Training", *["PublicTest"] * (n - 1)]),
        rows=np.array(rows),
        label_set=FER2013,
        source="some/where/faces",
    )


DATA = dataset(["train/happy/1.png", "test/happy/a, b.png", "test/sad/3.png", "test/sad/4.png"], [3, 3, 4, -1])


def read(folder: Path, text: str, data: FaceDataset = DATA) -> list[str]:
    file = folder / "groups.csv"
    file.write_text(text, "utf-8")
    return read_groups(file, data, data.split("PublicTest")).tolist()


def test_groups_are_joined_by_row_whatever_their_order(tmp_path: Path) -> None:
    lines = 'group,more,row\n  young ,x,test/sad/3.png\nold,x,train/happy/1.png\nold,x,"test/happy/a, b.png"\n'
    assert read(tmp_path, lines) == ["old", "young", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,label\n1,a\n", r"groups\.csv: columns row,label; expected row,group\."),
        ("row,group\ntest/sad/3.png\n", r"groups\.csv line 2: 1 columns, expected 2"),
        (
            "row,group\ntest/sad/3.png,a\ntest/sad/3.png,b\n",
            r"groups\.csv: 1 rows appear twice: test/sad/3\.png\. A face belongs to one group: keep one line\.",
        ),
        (
            "row,group\ntest/sad/3.png,a\ntest/sad/4.png, \n",
            r"groups\.csv: 1 rows have no group: test/sad/4\.png\. Leave out the line of a face whose",
        ),
        (
            "row,group\ntest/sad/3.png,a\n7,b\n3.png,b\n",
            r"groups\.csv: 2 rows are not in faces: 3\.png, 7\. Name them as predictions-SPLIT\.csv does, such as "
            r"'train/happy/1\.png'\.",
        ),
        (
            'row,group\n"test/happy/a, b.png",a\ntest/sad/3.png,a\ntrain/happy/1.png,b\ntest/sad/4.png,b\n',
            r"groups\.csv: groups of labelled PublicTest faces: a; expected two or more\.",
        ),
        ("row,group\n", r"groups\.csv: groups of labelled PublicTest faces: none; expected two or more\."),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_a_row_of_two_faces_has_no_group(tmp_path: Path) -> None:
    doubled = dataset(["1", "2", "3", "3", "4", "4"], [3, 3, 3, 3, 3, 3])
    with pytest.raises(DataError, match=r"1 rows appear twice in faces: 3\. Every face needs a row of its own\."):
        read(tmp_path, "row,group\n2,a\n3,b\n", doubled)


def faces_of(
    counts: dict[str, list[tuple[int, int, int]]], confidence: float | list[float] = 0.6, **more: object
) -> tuple[Predictions, np.ndarray]:
    """Predictions and groups from group -> (label, right, faces) of each class; the wrong ones are called surprise."""
    labels, predicted, groups = [], [], []
    for group, classes in counts.items():
        for label, right, n in classes:
            labels += [label] * n
            predicted += [label] * right + [5] * (n - right)
            groups += [group] * n
    return predictions_of(labels, predicted, confidence=confidence, **more), np.array(groups)


def measured(*faces: object, below: float = 0.0) -> Groups:
    return measure_groups(*faces, "groups.csv", below)


THREE = {"a": [(HAPPY, 24, 30)], "b": [(HAPPY, 30, 50)], "c": [(HAPPY, 9, 20)]}


def test_each_group_against_all_others_as_statsmodels_has_it() -> None:
    # statsmodels 0.15.0: proportion_confint (wilson), confint_proportions_2indep (newcomb), multipletests (holm); p of
    # the exact test from SciPy
    found = measured(*faces_of(THREE))
    a, b, c = found.full
    assert (found.source, found.n_not_grouped) == ("groups.csv", 0)
    assert [(each.name, each.n, each.n_others) for each in found.full] == [("a", 30, 70), ("b", 50, 50), ("c", 20, 80)]
    assert (a.accuracy, b.accuracy, c.accuracy) == (0.8, 0.6, 0.45)
    assert (a.accuracy_low, a.accuracy_high) == pytest.approx((0.6269430, 0.9049489), abs=1e-7)
    assert (c.accuracy_low, c.accuracy_high) == pytest.approx((0.2581979, 0.6579147), abs=1e-7)
    assert (a.others_accuracy, a.difference) == pytest.approx((39 / 70, 0.8 - 39 / 70))
    assert (a.difference_low, a.difference_high) == pytest.approx((0.0376050, 0.3995150), abs=1e-7)
    assert (b.difference_low, b.difference_high) == pytest.approx((-0.2401824, 0.1258140), abs=1e-7)
    assert (c.difference_low, c.difference_high) == pytest.approx((-0.4379674, 0.0095662), abs=1e-7)
    assert [each.p_value for each in found.full] == pytest.approx([0.0246994, 0.6789884, 0.0740798], abs=1e-7)
    assert [each.p_adjusted for each in found.full] == pytest.approx([0.0740983, 0.6789884, 0.1481595], abs=1e-7)


def test_two_groups_are_one_test() -> None:
    a, b = measured(*faces_of({"a": THREE["a"], "b": THREE["b"]})).full
    assert a.difference == pytest.approx(0.2) and b.difference == pytest.approx(-0.2)
    assert (a.difference_low, a.difference_high) == pytest.approx((-b.difference_high, -b.difference_low))
    assert a.p_value == pytest.approx(b.p_value) and a.p_adjusted == a.p_value and b.p_adjusted == b.p_value


def test_groups_that_differ_only_in_their_mix_of_classes_are_alike_class_by_class() -> None:
    mixes = {"a": [(HAPPY, 81, 90), (FEAR, 4, 10)], "b": [(HAPPY, 9, 10), (FEAR, 36, 90)]}
    a, b = measured(*faces_of(mixes)).full
    assert a.difference == pytest.approx(0.85 - 0.45) and a.p_adjusted < 0.001
    assert (a.n_classes, a.recall_difference) == (2, pytest.approx(0))
    assert a.balanced_accuracy == b.balanced_accuracy == pytest.approx((0.9 + 0.4) / 2)
    # variances with one right and one wrong face more: 82 / 92, 5 / 12, 10 / 12 and 37 / 92
    variance = 82 * 10 / 92**2 / 90 + 5 * 7 / 12**2 / 10 + 10 * 2 / 12**2 / 10 + 37 * 55 / 92**2 / 90
    half = 1.959964 * variance**0.5 / 2
    assert (a.recall_difference_low, a.recall_difference_high) == pytest.approx((-half, half), abs=1e-6)


def test_classes_that_only_one_side_has_are_left_out() -> None:
    mixes = {"a": [(HAPPY, 8, 10), (FEAR, 0, 5)], "b": [(HAPPY, 5, 10), (ANGRY, 5, 5)], "c": [(DISGUST, 2, 4)]}
    a, b, c = measured(*faces_of(mixes)).full
    assert (a.n, b.n, c.n) == (15, 15, 4)
    assert (a.n_classes, a.recall_difference) == (1, pytest.approx(0.3))
    assert (b.n_classes, b.recall_difference) == (1, pytest.approx(-0.3))
    assert (c.n_classes, c.recall_difference, c.recall_difference_low, c.recall_difference_high) == (
        0,
        None,
        None,
        None,
    )
    assert (a.balanced_accuracy, c.balanced_accuracy) == (pytest.approx((0.8 + 0) / 2), 0.5)


def test_confidence_and_accepted_faces() -> None:
    # of a, 2 of 4 are right; the two surer ones are one right and one wrong. Of b, none is sure enough.
    faces = faces_of({"a": [(HAPPY, 2, 4)], "b": [(HAPPY, 2, 2)]}, [0.9, 0.5, 0.7, 0.3, 0.6, 0.6])
    a, b = measured(*faces, below=0.7).full
    assert a.confidence == pytest.approx(0.6)
    assert (a.n_accepted, a.accepted_accuracy) == (2, 0.5)
    assert (a.accepted_low, a.accepted_high) == pytest.approx((0.0945, 0.9055), abs=1e-4)  # Wilson, 1 of 2
    assert (b.n_accepted, b.accepted_accuracy, b.accepted_low, b.accepted_high) == (0, None, None, None)
    assert a.ece == pytest.approx((0.1 + 0.5 + 0.7 + 0.3) / 4) and b.ece == pytest.approx(0.4)
    everywhere = measured(*faces).full[0]
    assert (everywhere.n_accepted, everywhere.accepted_accuracy) == (4, 0.5)


def test_faces_without_a_group_or_a_label_count_nowhere() -> None:
    predictions, groups = faces_of(THREE)
    groups = groups.astype("U9")
    groups[:10], groups[-1] = "", ""
    predictions.labels[10] = -1
    predictions.labels[-1] = -1
    found = measured(predictions, groups)
    assert found.n_not_grouped == 10  # the last one has no label either
    assert [(each.n, each.n_others) for each in found.full] == [(19, 69), (50, 38), (19, 69)]
    assert "10 labelled faces belong to no group; all comparisons leave them out." in group_tables(found)[0].notes


def test_the_twin_free_part_is_measured_apart() -> None:
    found = measured(*faces_of(THREE, twins=40))  # all of a, 10 of b
    assert found.twin_free is not None
    assert [(each.name, each.n, each.n_others) for each in found.twin_free] == [("b", 40, 20), ("c", 20, 40)]
    assert found.twin_free[0].accuracy == 20 / 40
    accuracies, differences, _ = group_tables(found)
    assert [row[4:] for row in accuracies.rows] == [
        ("0", "–"),
        ("40", "50.00 % (35.2 to 64.8)"),
        ("20", "45.00 % (25.8 to 65.8)"),
    ]
    assert differences.rows[0][6] == "–" and differences.rows[1][6].startswith("+5.0 (")
    assert measured(*faces_of(THREE, twins=80)).twin_free is None  # c alone is left
    predictions, groups = faces_of(THREE)
    assert measured(replace(predictions, twin_free=None), groups).twin_free is None


def test_tables_and_the_largest_gap() -> None:
    predictions, groups = faces_of(THREE)
    found = measured(replace(predictions, twin_free=None), groups)
    accuracies, differences, confidence = group_tables(found)
    assert accuracies.rows[0] == ("a", "30", "80.00 % (62.7 to 90.5)", "80.00 %") and not accuracies.notes
    # macro recall: half width 1.959964 sqrt(25 / 32 * 7 / 32 / 30 + 40 / 72 * 32 / 72 / 70)
    first = ("a", "+24.3 (+3.8 to +40.0)", "0.025", "0.074", "+24.3 (+5.5 to +43.1)", "1")
    assert differences.rows[0] == first
    gap = (
        "Largest gap: group a, with an accuracy of 80.0 % on 30 faces, against 55.7 % on the 70 faces of other groups: "
        "+24.3 (+3.8 to +40.0) points, Holm's p 0.074. In macro recall over the classes that both have (1), it is "
        "+24.3 (+5.5 to +43.1). Because it is the largest of 3, it is probably smaller on new faces."
    )
    assert largest_gap(found) == gap and differences.notes[0] == gap
    # one bin of 30: sqrt(2 / pi * 0.6 * 0.4 / 30)
    assert confidence.rows[0] == ("a", "60.00 %", "-20.0", "0.200", "0.071")
    with_threshold = group_tables(measured(predictions, groups, below=0.5))[2]
    assert with_threshold.rows[0][5:] == ("100.0 %", "80.00 % (62.7 to 90.5)")
    none_accepted = group_tables(measured(predictions, groups, below=0.7))[2]
    assert none_accepted.rows[0][5:] == ("0.0 %", "–")


def test_the_largest_gap_may_be_one_to_the_worse_and_without_a_class_in_common() -> None:
    found = measured(*faces_of({"a": [(HAPPY, 9, 10)], "b": [(FEAR, 4, 10)]}))
    assert largest_gap(found) == (
        "Largest gap: group a, with an accuracy of 90.0 % on 10 faces, against 40.0 % on the 10 faces of other groups: "
        "+50.0 (+8.2 to +74.6) points, Holm's p 0.057."
    )
    worse = measured(*faces_of({"a": [(HAPPY, 9, 10)], "b": [(HAPPY, 9, 10)], "c": [(HAPPY, 4, 10)]}))
    assert largest_gap(worse).startswith("Largest gap: group c, with an accuracy of 40.0 % on 10 faces")
    assert group_tables(found)[1].rows[0][4:6] == ("–", "0")


def test_groups_survive_the_file_of_a_report(tmp_path: Path) -> None:
    predictions, groups = faces_of(THREE, twins=10)
    for found in (measured(predictions, groups), measured(replace(predictions, twin_free=None), groups), None):
        report = replace(report_of(predictions), groups=found)
        report.write(tmp_path / "report.json")
        assert Report.read(tmp_path / "report.json") == report


def test_a_report_of_an_earlier_version_has_no_groups(tmp_path: Path) -> None:
    report = report_of(faces_of(THREE)[0])
    row = json.loads(report.to_json())
    del row["groups"]
    (tmp_path / "report.json").write_text(json.dumps(row))
    assert Report.read(tmp_path / "report.json") == report
