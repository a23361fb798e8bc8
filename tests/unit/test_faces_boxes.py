"""Given boxes: files, order, and what is refused."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from mien.errors import InputError
from mien.faces.boxes import boxes_of_each, checked_boxes, given_faces, read_boxes
from mien.faces.detect import LANDMARK_NAMES, Face

IMAGE = np.zeros((50, 100, 3), np.uint8)
MARKS = ((10.5, 11.0), (20.0, 11.0), (15.0, 16.0), (11.0, 21.0), (19.0, 21.0))
HEADER = "source,x0,y0,x1,y1," + ",".join(f"{name}_{axis}" for name in LANDMARK_NAMES for axis in "xy")


def write(folder: Path, text: str) -> Path:
    file = folder / "boxes"
    file.write_text(text, encoding="utf-8")
    return file


def test_reads_csv_whatever_else_stands_there(tmp_path: Path) -> None:
    text = '\ufefflabel,source,x0,y0,x1,y1\nhappy,a.jpg,1,2,3,4.5\n,"b, c.jpg",0,0,9,9\nsad,a.jpg,5,5,7,7\n'
    assert read_boxes(write(tmp_path, text)) == {
        "a.jpg": [Face(box=(1, 2, 3, 4.5)), Face(box=(5, 5, 7, 7))],
        "b, c.jpg": [Face(box=(0, 0, 9, 9))],
    }


def test_reads_json_of_photos_with_and_without_faces(tmp_path: Path) -> None:
    text = '[{"source": "a.jpg", "faces": [{"box": [1, 2, 3, 4], "score": 1}]}, {"source": "b.jpg", "faces": []}]'
    assert read_boxes(write(tmp_path, text)) == {"a.jpg": [Face(box=(1, 2, 3, 4))], "b.jpg": []}


def test_reads_one_json_object(tmp_path: Path) -> None:
    text = '{"source": "a", "faces": [{"box": [1, 2, 3, 4]}]}'
    assert read_boxes(write(tmp_path, text)) == {"a": [Face(box=(1, 2, 3, 4))]}


def test_landmarks_are_read_where_there_are_some(tmp_path: Path) -> None:
    numbers = ",".join(str(value) for point in MARKS for value in point)
    text = f"{HEADER}\na,0,0,30,30,{numbers}\na,5,5,7,7,,,,,,,,,,\na,1,1,3,3\nb,,,,,,,,,,,,,,\n"
    expected = [Face(box=(0, 0, 30, 30), landmarks=MARKS), Face(box=(5, 5, 7, 7)), Face(box=(1, 1, 3, 3))]
    assert read_boxes(write(tmp_path, text)) == {"a": expected, "b": []}
    faces = [{"box": [0, 0, 30, 30], "landmarks": MARKS}, {"box": [5, 5, 7, 7], "landmarks": None}]
    text = json.dumps([{"source": "a", "faces": faces}])
    assert read_boxes(write(tmp_path, text)) == {"a": expected[:2]}


def test_a_path_names_the_photo_while_one_lies_there(tmp_path: Path) -> None:
    there, gone = tmp_path / "a.jpg", tmp_path / "gone.jpg"
    there.touch()
    expected = {str(there): [Face(box=(1, 2, 3, 4))], "b.jpg": [Face(box=(5, 6, 7, 8))]}
    text = f"source,x0,y0,x1,y1,path\na.jpg,1,2,3,4,{there}\nb.jpg,5,6,7,8,{gone}\n"
    assert read_boxes(write(tmp_path, text)) == expected
    photos = [
        {"source": "a.jpg", "faces": [{"box": [1, 2, 3, 4]}], "path": str(there)},
        {"source": "b.jpg", "faces": [{"box": [5, 6, 7, 8]}], "path": str(gone)},
    ]
    assert read_boxes(write(tmp_path, json.dumps(photos))) == expected


def test_photos_that_failed_have_no_boxes(tmp_path: Path) -> None:
    text = "source,x0,y0,x1,y1,failed\na,1,2,3,4,\nb,,,,,\nc,,,,,c: is empty\n"
    expected = {"a": [Face(box=(1, 2, 3, 4))], "b": []}
    assert read_boxes(write(tmp_path, text)) == expected
    faces = {"a": [{"box": [1, 2, 3, 4]}], "b": [], "c": []}
    photos = [{"source": s, "faces": f, "failed": "is empty" if s == "c" else None} for s, f in faces.items()]
    assert read_boxes(write(tmp_path, json.dumps(photos))) == expected


@pytest.mark.parametrize("name", ["a\u2028b.jpg", "a\x85b.jpg", "a\nb.jpg", "a\r\nb.jpg", "a\x0cb.jpg"])
def test_names_with_line_breaks(tmp_path: Path, name: str) -> None:
    expected = {name: [Face(box=(1, 2, 3, 4))], "c": [Face(box=(5, 6, 7, 8))]}
    text = f'source,x0,y0,x1,y1\r\n"{name}",1,2,3,4\r\nc,5,6,7,8\r\n'
    (tmp_path / "boxes.csv").write_bytes(text.encode())
    assert read_boxes(tmp_path / "boxes.csv") == expected
    photos = [{"source": source, "faces": [{"box": faces[0].box}]} for source, faces in expected.items()]
    lines = [json.dumps(photo, ensure_ascii=False) for photo in photos]
    (tmp_path / "boxes.jsonl").write_bytes("\r\n".join(lines).encode())
    assert read_boxes(tmp_path / "boxes.jsonl") == expected


def test_names_in_no_encoding(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_bytes(b"source,x0,y0,x1,y1\ns\xff.jpg,1,2,30,40\n")
    assert list(read_boxes(tmp_path / "faces.csv")) == [os.fsdecode(b"s\xff.jpg")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_what_powershell_writes(tmp_path: Path, encoding: str) -> None:
    text = "source,x0,y0,x1,y1\r\né.jpg,1,2,3,4\r\n"
    (tmp_path / "faces.csv").write_bytes(("\ufeff" * (encoding != "utf-16") + text).encode(encoding))
    assert read_boxes(tmp_path / "faces.csv") == {"é.jpg": [Face(box=(1, 2, 3, 4))]}


def test_blank_lines_between_and_behind_json_lines(tmp_path: Path) -> None:
    lines = [json.dumps({"source": name, "faces": [{"box": [1, 2, 3, 4]}]}) for name in "ab"]
    (tmp_path / "boxes.jsonl").write_text("\n \n".join(lines) + "\n\n")
    assert read_boxes(tmp_path / "boxes.jsonl") == {name: [Face(box=(1, 2, 3, 4))] for name in "ab"}


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_objects_of_one_photo_are_merged(tmp_path: Path, suffix: str) -> None:
    boxes = [[[1, 2, 3, 4]], [], [[5, 6, 7, 8], [5, 5, 9, 9]]]
    lines = [json.dumps({"source": "a", "faces": [{"box": box} for box in some]}) for some in boxes]
    file = tmp_path / f"boxes{suffix}"
    file.write_text("\n".join(lines) if suffix == ".jsonl" else f"[{','.join(lines)}]")
    assert read_boxes(file) == {"a": [Face(box=box) for box in ((1, 2, 3, 4), (5, 6, 7, 8), (5, 5, 9, 9))]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column source, x0, x1, y0, y1; expected CSV with the columns source, x0, y0, x1, y1, or JSON"),
        ("source,x0,y0,x1\n", "no column y1"),
        ("source,x0,y0,x1,y1\na,1,2,3\n", r"line 2: box 0 is \['1', '2', '3', None\]; expected four numbers"),
        ("source,x0,y0,x1,y1\na,1,2,3,x\n", "line 2: box 0 is .* expected four numbers"),
        ("source,x0,y0,x1,y1\na,1,2,1,3\n", r"line 2: box 0 is \(1.0, 2.0, 1.0, 3.0\); expected x0 < x1 and y0 < y1"),
        ("source,x0,y0,x1,y1\na,1,3,2,3\n", r"line 2: box 0 is \(1.0, 3.0, 2.0, 3.0\); expected x0 < x1 and y0 < y1"),
        ("source,x0,y0,x1,y1\na,1,2,inf,3\n", "expected x0 < x1 and y0 < y1, in px"),
        (
            f"{HEADER}\na,1,2,3,4,1,2,3,4,5,6,7,8,9,x\n",
            r"line 2: box 0 has the landmarks .*'x'.* five points x y in px: r",
        ),
        (
            f"{HEADER}\na,1,2,3,4,1,2,3,4,5,6,7,8,9\n",
            r"line 2: box 0 has the landmarks .*None.*; expected none, or five",
        ),
        (f"{HEADER}\na,1,2,3,4,1,2,3,4,5,6,7,8,9,inf\n", "line 2: box 0 has the landmarks .*; expected none, or five"),
        (
            '[{"source": "a", "faces": [{"box": [1, 2, 3, 4], "landmarks": [[1, 2]]}]}]',
            r"a: box 0 has .* \[\[1, 2\]\];",
        ),
        ("[1, 2", "not JSON: Expecting"),
        ("[" * 200_000, "not JSON: maximum recursion depth"),
        ("[1, 2]", "TypeError .* expected CSV"),
        ('[{"source": ["a"], "faces": []}]', "TypeError .* expected CSV"),
        ('[{"source": null, "faces": []}]', "TypeError source is None, expected a photo's name; expected CSV"),
        ('[{"source": "a\\u0000", "faces": []}]', "TypeError source is .*, expected a photo's name; expected CSV"),
        ("source,x0,y0,x1,y1\na\0,1,2,3,4\n", "expected a photo's name; expected CSV"),
        (f"source,x0,y0,x1,y1\n{'a' * 200_000},1,2,3,4\n", ": field larger than field limit .*; expected CSV"),
        ('[{"source": "a"}]', "KeyError 'faces'; expected CSV"),
        ('[{"source": "a", "faces": [{"box": [1, 2]}]}]', "a: box 0 is .*; expected four numbers"),
        (f'[{{"source": "a", "faces": [{{"box": [1, 2, {10**400}, 4]}}]}}]', "a: box 0 is .*; expected four numbers"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"{re.escape(str(tmp_path))}.*{message}"):
        read_boxes(write(tmp_path, text))


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv: cannot be read: .*No such file"):
        read_boxes(tmp_path / "none.csv")


def test_a_mapping_is_looked_up_by_path_in_any_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    boxes = {"./a.jpg": [(0, 0, 1, 1)], str(tmp_path / "b.jpg"): np.array([[0, 0, 2, 2]]), "other.jpg": []}
    found = boxes_of_each([str(tmp_path / "a.jpg"), "c.jpg", "b.jpg"], boxes)
    assert found == [[Face(box=(0, 0, 1, 1))], None, [Face(box=(0, 0, 2, 2))]]


@pytest.mark.parametrize("boxes", [5, None, np.array(5)])
def test_boxes_that_are_no_list_are_refused(boxes: object) -> None:
    with pytest.raises(InputError, match=r"a: boxes are .*; expected a list of x0 y0 x1 y1, \[\] for no face"):
        boxes_of_each(["a"], [boxes])


@pytest.mark.parametrize("boxes", [5, np.array(5)])
def test_boxes_of_several_photos_that_are_no_list_are_refused(boxes: object) -> None:
    with pytest.raises(InputError, match=r"^boxes are .*; expected a list of boxes for each photo"):
        boxes_of_each(["a", "b"], boxes)  # type: ignore[arg-type]


def test_two_spellings_of_one_photo_are_refused() -> None:
    boxes = {"a.jpg": [[0, 0, 1, 1]], "./a.jpg": [[1, 1, 2, 2]]}
    with pytest.raises(InputError, match=r"\./a\.jpg is named in two spellings"):
        boxes_of_each(["a.jpg"], boxes)


def test_keys_that_are_no_names_are_refused() -> None:
    with pytest.raises(InputError, match="boxes: the key 0 is no photo's name; give a list"):
        boxes_of_each(["<array 0>", "<array 1>"], {0: [[0, 0, 1, 1]]})
    assert boxes_of_each(["a.jpg"], {Path("a.jpg"): []}) == [[]]


def test_a_sequence_is_in_the_order_of_the_sources() -> None:
    assert boxes_of_each(["a", "b"], [[], [[0, 0, 1, 1]]]) == [[], [Face(box=(0, 0, 1, 1))]]
    with pytest.raises(InputError, match="boxes for 1 photos, but there are 2 photos"):
        boxes_of_each(["a", "b"], [[]])


def test_faces_stand_for_boxes_and_keep_their_landmarks() -> None:
    faces = [Face(box=(0, 0, 30, 30), score=0.9, landmarks=MARKS), Face(box=(1, 1, 3, 3))]
    assert checked_boxes(faces, "a.jpg") == [Face(box=(0, 0, 30, 30), landmarks=MARKS), Face(box=(1, 1, 3, 3))]


def test_malformed_boxes_are_counted_from_0() -> None:
    with pytest.raises(InputError, match=r"a.jpg: box 1 is \(9, 9, 1, 1\)|a.jpg: box 1 is \(9.0, 9.0, 1.0, 1.0\)"):
        checked_boxes([(0, 0, 1, 1), (9, 9, 1, 1)], "a.jpg")
    with pytest.raises(InputError, match=r"a.jpg: box 0 is 3; expected four numbers"):
        checked_boxes([3, 4], "a.jpg")


def test_boxes_farther_out_than_any_photo_are_refused() -> None:
    with pytest.raises(InputError, match=r"a.jpg: box 0 is \(-1e\+308, 0.0, 1e\+308, 5.0\); expected x0 < x1 and"):
        checked_boxes([(-1e308, 0, 1e308, 5)], "a.jpg")
    with pytest.raises(InputError, match=r"a.jpg: box 0 is \(0.0, 0.0, 1000000000.0, 5.0\); expected x0 < x1 and"):
        checked_boxes([(0, 0, 1e9, 5)], "a.jpg")


@pytest.mark.parametrize("box", [(100, 0, 110, 10), (-9, 0, 0, 10), (0, 50, 10, 60), (0, -9, 10, 0)])
def test_boxes_outside_are_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match=r"a.jpg: box 0 .* lies outside the photo of 100 x 50 px"):
        given_faces(checked_boxes([box], "a.jpg"), IMAGE, "a.jpg")


def test_given_faces_have_no_score() -> None:
    (face,) = given_faces(checked_boxes([(-5, 0, 10, 10)], "a.jpg"), IMAGE, "a.jpg")
    assert (face.box, face.score, face.landmarks) == ((-5, 0, 10, 10), None, None)
    with pytest.raises(InputError, match=r"a.jpg: no boxes are given for it"):
        given_faces(None, IMAGE, "a.jpg")
