"""The CSV editions: every layout that was published, and every way in which a file can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from mien.errors import DataError
from mien.lab.data import PRIVATE, PUBLIC, TEST, TRAINING, read_fer2013
from mien.lab.data.edition import FULL_SIZES

GREY = " ".join(["7"] * 2304)


def written(folder: Path, text: str | bytes, name: str = "fer2013.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problem(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_fer2013(path)
    return str(caught.value)


def test_columns_in_another_order_with_spaces_in_the_header(tmp_path: Path) -> None:
    text = f"emotion, Usage, pixels\n3,Training,{GREY}\n6,PrivateTest,{GREY.replace('7', '255')}\n"
    data = read_fer2013(written(tmp_path, text, "icml_face_data.csv"))
    assert data.labels.tolist() == [3, 6]
    assert data.splits.tolist() == [TRAINING, PRIVATE]
    assert (data.faces[0] == 7).all() and (data.faces[1] == 255).all()


def test_quotes_windows_line_ends_byte_order_mark_and_blank_lines(tmp_path: Path) -> None:
    text = f'\ufeff"emotion","pixels","Usage"\r\n\r\n"3","{GREY}","PublicTest"\r\n\r\n'
    data = read_fer2013(written(tmp_path, text))
    assert (data.labels.tolist(), data.splits.tolist(), data.faces.min(), data.faces.max()) == ([3], [PUBLIC], 7, 7)


def test_train_csv_is_training(tmp_path: Path) -> None:
    data = read_fer2013(written(tmp_path, f"emotion,pixels\n0,{GREY}\n", "train.csv"))
    assert (data.splits.tolist(), data.labels.tolist(), data.rows.tolist()) == ([TRAINING], [0], ["0"])


def test_unlabelled_rows_follow_the_labelled_splits(tmp_path: Path) -> None:
    data = read_fer2013(written(tmp_path, f"pixels\n{GREY}\n{GREY}\n", "test.csv"))
    assert (data.splits.tolist(), data.labels.tolist()) == ([PRIVATE] * 2, [-1, -1])
    assert data.rows.tolist() == ["32298", "32299"]


def test_both_test_sets_together_are_the_test_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FULL_SIZES, PUBLIC, 1)
    monkeypatch.setitem(FULL_SIZES, PRIVATE, 1)
    data = read_fer2013(written(tmp_path, f"pixels\n{GREY}\n{GREY}\n", "test.csv"))
    assert (data.splits.tolist(), data.rows.tolist()) == ([TEST] * 2, ["28709", "28710"])


def test_minus_one_is_unlabelled(tmp_path: Path) -> None:
    assert read_fer2013(written(tmp_path, f"emotion,pixels\n-1,{GREY}\n")).labels.tolist() == [-1]


@pytest.mark.parametrize("first", ["", '""', "Unnamed: 0"])
def test_row_numbers_of_pandas_are_passed_over(tmp_path: Path, first: str) -> None:
    text = f"{first},emotion,pixels,Usage\n41,3,{GREY},PublicTest\n7,6,{GREY},Training\n"
    data = read_fer2013(written(tmp_path, text))
    assert (data.labels.tolist(), data.splits.tolist()) == ([3, 6], [PUBLIC, TRAINING])
    assert data.rows.tolist() == ["0", "1"]  # those of pandas may be of another table
    assert "row 0: 3 columns, expected 4 (" in problem(
        written(tmp_path, f"{first},emotion,pixels,Usage\n3,{GREY},PublicTest\n")
    )
    assert "wrong columns" in problem(written(tmp_path, f"emotion,{first},pixels,Usage\n3,41,{GREY},PublicTest\n"))
    assert "wrong columns" in problem(written(tmp_path, f"{first},Unnamed: 0,emotion,pixels\n0,41,3,{GREY}\n"))


def test_labels_as_pandas_may_write_them(tmp_path: Path) -> None:
    words = ["6.0", "-1.0", "0", "happy", "Surprise", '"anger"', " Sadness"]
    text = "emotion,pixels\n" + "".join(f"{word},{GREY}\n" for word in words)
    assert read_fer2013(written(tmp_path, text)).labels.tolist() == [6, -1, 0, 3, 5, 0, 4]


def test_numbers_may_be_written_loosely(tmp_path: Path) -> None:
    loose = "  007\t" + "  ".join(["0255"] * 2303) + " "
    face = read_fer2013(written(tmp_path, f"emotion,pixels\n1,{loose}\n")).faces[0].ravel()
    assert (face[0], set(face[1:].tolist())) == (7, {255})


def rows_with(pixels: str, at: int = 40) -> str:
    """A file whose row `at` (in the second batch) has these pixels."""
    return "emotion,pixels,Usage\n" + f"0,{GREY},Training\n" * at + f"0,{pixels},Training\n" + f"0,{GREY},Training\n"


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (GREY[:-2], "2303 pixels, expected 2304 (48 x 48)"),
        (GREY + " 7", "2305 pixels, expected 2304 (48 x 48)"),
        (GREY.replace("7 7", "7 ", 1), "2303 pixels, expected 2304 (48 x 48)"),  # two spaces
        ("", "0 pixels, expected 2304 (48 x 48)"),
        ("256" + GREY[1:], "pixel 0 is '256', expected a whole number from 0 to 255"),
        (GREY[:-1] + "299", "pixel 2303 is '299', expected"),
        ("300" + GREY[1:], "pixel 0 is '300', expected"),
        ("1000" + GREY[1:], "pixel 0 is '1000', expected"),
        ("1" * 5000 + GREY[1:], "pixel 0 is '11111111111111111111', expected"),
        ("-1" + GREY[1:], "pixel 0 is '-1', expected"),
        ("7 7.5" + GREY[3:], "pixel 1 is '7.5', expected"),
        ("x" + GREY[1:], "pixel 0 is 'x', expected"),
        ("²" + GREY[1:], "pixel 0 is '²', expected"),
    ],
)
def test_wrong_pixels_are_named_with_their_row(tmp_path: Path, pixels: str, found: str) -> None:
    message = problem(written(tmp_path, rows_with(pixels)))
    assert f"fer2013.csv row 40: {found}" in message
    assert "cut off" not in message
    assert "Get the file again and run `mien data check`." in message


def test_a_short_row_is_not_made_up_for_by_a_long_one(tmp_path: Path) -> None:
    text = f"emotion,pixels\n0,{GREY[:-2]}\n0,{GREY} 7\n"
    assert "row 0: 2303 pixels" in problem(written(tmp_path, text))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (
            f"7,{GREY},Training",
            "emotion '7', expected 0 to 6 or angry, disgust, fear, happy, sad, surprise, neutral, or -1 for unlabelled",
        ),
        (f"contempt,{GREY},Training", "emotion 'contempt', expected 0 to 6 or angry, disgust, fear, happy, sad,"),
        (f"6.5,{GREY},Training", "emotion '6.5', expected 0 to 6"),
        (f"7.0,{GREY},Training", "emotion '7.0', expected 0 to 6"),
        (f"\xff,{GREY},Training".encode("latin-1"), "emotion '\ufffd', expected 0 to 6"),
        (f",{GREY},Training", "emotion '', expected 0 to 6"),
        (f"0,{GREY},Validation", "Usage 'Validation', expected Training, PublicTest, PrivateTest, Test"),
        (f"0,{GREY}", "2 columns, expected 3 (emotion, pixels, usage)"),
        (f"0,{GREY},Training,", "Usage '', expected Training"),
        (f"0,{GREY},7,Training", "pixel 2303 is '7,7', expected"),
    ],
)
def test_wrong_fields_are_named_with_their_row(tmp_path: Path, row: str | bytes, found: str) -> None:
    good, wrong = f"0,{GREY},Training\n".encode(), row if isinstance(row, bytes) else row.encode()
    text = b"emotion,pixels,Usage\n" + good + wrong + b"\n" + good
    assert f"row 1: {found}" in problem(written(tmp_path, text))


@pytest.mark.parametrize("kept", [10, 4000, 4614])
def test_a_cut_off_file_says_so(tmp_path: Path, kept: int) -> None:
    row = f"0,{GREY},Training\n"
    message = problem(written(tmp_path, "emotion,pixels,Usage\n" + row + row[:kept]))
    assert "row 1: " in message
    assert "The file ends in this row, so it looks cut off." in message
    assert "the whole of FER2013 has 35,887" in message


def test_a_missing_last_line_end_is_no_error(tmp_path: Path) -> None:
    assert len(read_fer2013(written(tmp_path, f"emotion,pixels,Usage\n0,{GREY},Training"))) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", "the file is empty. Get it again."),
        (b"emotion,pixels,Usage\n", "a header and no rows. Get the file again."),
        (b"label,image\n", "wrong columns; the first line is 'label,image'. Expected emotion,pixels,Usage"),
        (b"pixels,pixels\n", "wrong columns"),
        (f"0,{GREY},Training\n".encode(), "wrong columns; the first line is '0,7 7"),
        (gzip.compress(b"emotion,pixels\n", mtime=0), "packed with gzip. Unpack it (gunzip) and name the"),
        ("emotion,pixels\n".encode("utf-16"), "in UTF-16. Save it in UTF-8, as pandas' to_csv does by default"),
        (b"\xfe\xff" + "emotion,pixels\n".encode("utf-16-be"), "in UTF-16. Save it in UTF-8"),
        (b"\temotion\tpixels\tUsage\n", "separated by tabs. Write it with commas, as pandas' to_csv(sep=',') does."),
        (b"emotion;pixels\n", "separated by semicolons. Write it with commas"),
        (b"\x89PNG\r\n\x1a\n\x00\x01", "not a CSV file. Expected fer2013"),
        (b"emotion,pixels\n0," + b"7 " * 40_000, "row 0: longer than 65,536 bytes, expected 2304 pixels a line"),
    ],
)
def test_what_is_no_fer2013_at_all(tmp_path: Path, text: bytes, found: str) -> None:
    message = problem(written(tmp_path, text))
    assert message.startswith(str(tmp_path / "fer2013.csv"))
    assert found in message


def test_a_file_that_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "pixels\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mien.lab.data.fer2013.tarfile.is_tarfile", lambda _: False)
    monkeypatch.setattr("mien.lab.data.fer2013.zipfile.is_zipfile", lambda _: False)
    monkeypatch.setattr(Path, "open", refuse)
    assert "fer2013.csv: cannot be read ([Errno 13] Permission denied)" in problem(path)


def test_memory_stays_that_of_the_faces(tmp_path: Path) -> None:
    path = written(tmp_path, "emotion,pixels\n" + f"0,{' '.join(['100'] * 2304)}\n" * 40)
    data = read_fer2013(path)
    base = data.faces
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert base.nbytes <= 2 * path.stat().st_size / 3
