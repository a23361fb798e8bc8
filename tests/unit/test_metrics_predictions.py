"""predictions.csv: it round-trips, and names what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.errors import DataError
from mien.lab.predictions import Predictions
from mien.labels import LabelSet

CLASSES = LabelSet(("angry", "happy"))


def table(twin_free: np.ndarray | None = None) -> Predictions:
    return Predictions(
        rows=np.array(["7", "happy/a, b.jpg", "9"]),
        labels=np.array([1, -1, 0]),
        probabilities=np.array([[1 / 3, 2 / 3], [0.9, 0.1], [1e-17, 1.0]]),
        label_set=CLASSES,
        split="PublicTest",
        twin_free=twin_free,
    )


def test_columns_and_words(tmp_path: Path) -> None:
    file = tmp_path / "predictions-PublicTest.csv"
    table(np.array([True, False, True])).write(file)
    assert file.read_text().splitlines() == [
        "row,label,predicted,twin_free,p_angry,p_happy",
        "7,happy,happy,1,0.3333333333333333,0.6666666666666666",
        '"happy/a, b.jpg",,angry,0,0.9,0.1',
        "9,angry,happy,1,1e-17,1.0",
    ]


@pytest.mark.parametrize("twin_free", [None, np.array([True, False, True])])
def test_it_reads_what_it_writes(tmp_path: Path, twin_free: np.ndarray | None) -> None:
    file = tmp_path / "predictions-PublicTest-ten-crop.csv"
    table(twin_free).write(file)
    found = Predictions.read(file)
    assert found.rows.tolist() == table().rows.tolist()
    assert found.labels.tolist() == [1, -1, 0]
    assert np.array_equal(found.probabilities, table().probabilities)
    assert (found.label_set, found.split) == (CLASSES, "PublicTest")
    assert (found.twin_free is None) if twin_free is None else np.array_equal(found.twin_free, twin_free)


def test_derived_columns() -> None:
    assert table().predicted.tolist() == [1, 0, 1]
    assert table().confidence.tolist() == [2 / 3, 0.9, 1.0]
    assert table().correct.tolist() == [True, False, False]


def test_take_keeps_columns_together() -> None:
    part = table(np.array([True, False, True])).take(np.array([2, 0]))
    assert part.rows.tolist() == ["9", "7"]
    assert part.labels.tolist() == [0, 1]
    assert part.twin_free is not None and part.twin_free.tolist() == [True, True]


HEADER = "row,label,predicted,twin_free,p_angry,p_happy\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"columns ; expected row,label,predicted,twin_free,p_CLASS,\.\.\. as `mien evaluate` writes them"),
        ("row,label\n", r"columns row,label; expected"),
        ("row,label,predicted,twin_free,angry\n", r"columns row,label,predicted,twin_free,angry; expected"),
        ("row,label,predicted,twin_free\n", r"columns row,label,predicted,twin_free; expected"),
        (HEADER + "1,happy,happy,1,0.5\n", r"line 2: 5 columns, expected 6; the file looks cut off"),
        (
            HEADER + "1,happy,happy,1,0.5,0.5\n2,,happy,1,0.5,0.6\n",
            r"row '2': 0.5,0.6; expected 2 probabilities that sum",
        ),
        (HEADER + "1,happy,happy,1,1.5,-0.5\n", r"row '1': 1.5,-0.5; expected 2 probabilities"),
        (HEADER + "1,happy,happy,1,many,0.5\n", r"row '1': many,0.5; expected 2 probabilities"),
        (HEADER + "1,cross,happy,1,0.5,0.5\n", r"row '1': label 'cross' is unknown; expected one of angry, happy"),
        (HEADER + "1,3,happy,1,0.5,0.5\n", r"row '1': label '3' is unknown"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "predictions-Test.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        Predictions.read(file)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "predictions-Test.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"predictions-Test\.csv: cannot be read as CSV"):
        Predictions.read(file)


def labels_file(folder: Path, text: str) -> Path:
    (folder / "labels.csv").write_text(text)
    return folder / "labels.csv"


def test_labels_are_joined_by_row_whatever_their_order(tmp_path: Path) -> None:
    file = labels_file(tmp_path, 'label,more,row\nHappiness,x,9\nangry,x,"happy/a, b.jpg"\n happy,x,7\n\n')
    assert table().with_labels(file).labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,emotion\n7,happy\n", r"labels.csv: columns row,emotion; expected row,label\."),
        (
            "row,label\n7,happy\n",
            r"labels.csv: 2 rows of the predictions have no label: happy/a, b.jpg, 9\. Every face",
        ),
        ('row,label\n7,happy\n"happy/a, b.jpg",\n9,sad\n', r"labels.csv row '9': label 'sad' is unknown"),
        (
            'row,label\n7,happy\n"happy/a, b.jpg",\n9,angry\n',
            r"1 rows of the predictions have no label: happy/a, b.jpg",
        ),
        ("row,label\n7,happy\n7,happy\n9,angry\n", r"1 rows appear twice: 7\. Every face needs exactly one line"),
        (
            'row,label\n7,happy\n"happy/a, b.jpg",angry\n9,angry\n'
            + "".join(f"{row},happy\n" for row in range(10, 17)),
            r"7 rows are not among the predictions: 10, 11, 12, 13, 14 and more\.",
        ),
    ],
)
def test_rows_that_do_not_match_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        table().with_labels(labels_file(tmp_path, text))


def test_predictions_that_repeat_are_named(tmp_path: Path) -> None:
    twice = table().take(np.array([0, 0]))
    with pytest.raises(DataError, match=r"1 rows appear twice in the predictions: 7"):
        twice.with_labels(labels_file(tmp_path, "row,label\n7,happy\n"))
