"""Folders, archives and parquet files, whole and broken, and what is written comes back."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import ExifTags, Image

from mien.errors import DataError
from mien.lab.data import (
    PRIVATE,
    PUBLIC,
    TEST,
    TRAINING,
    FaceDataset,
    draw_faces,
    open_fer2013,
    read_fer2013,
    tree,
    write_edition,
)
from mien.lab.data.edition import FULL_SIZES
from mien.labels import FER2013, FERPLUS, FOLDER, LabelSet


@pytest.fixture(scope="module")
def drawn() -> FaceDataset:
    return draw_faces(per_class=2, seed=3)


def encoded(face: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(face).save(stream, kind, **options)
    return stream.getvalue()


def grey(level: int, side: int = 48) -> np.ndarray:
    return np.full((side, side), level, np.uint8)


def problem(path: Path, classes: LabelSet | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read_fer2013(path, classes)
    return str(caught.value)


def files(folder: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zipped(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


# Round trips


@pytest.mark.parametrize("name", ["faces.csv", "faces.parquet"])
def test_tables_come_back_as_they_were(tmp_path: Path, drawn: FaceDataset, name: str) -> None:
    write_edition(drawn, tmp_path / name)
    back = read_fer2013(tmp_path / name)
    assert back.fingerprint == drawn.fingerprint
    assert back.rows.tolist() == drawn.rows.tolist()


@pytest.mark.parametrize("name", ["folder", "faces.zip"])
def test_folders_come_back_sorted_by_class(tmp_path: Path, drawn: FaceDataset, name: str) -> None:
    write_edition(drawn, tmp_path / name)
    back = read_fer2013(tmp_path / name)
    assert back.label_set == FOLDER
    assert back.split_names() == [TRAINING, PUBLIC, PRIVATE]
    for split in back.split_names():
        expected = drawn.split(split).relabel(FOLDER)
        order = np.argsort(expected.labels, kind="stable")
        assert (back.split(split).labels == expected.labels[order]).all()
        assert (back.split(split).faces == expected.faces[order]).all()


def test_an_unlabelled_face_survives_a_table(tmp_path: Path, drawn: FaceDataset) -> None:
    hidden = drawn.take(np.arange(2))
    hidden.labels[1] = -1
    write_edition(hidden, tmp_path / "a.parquet")
    assert read_fer2013(tmp_path / "a.parquet").labels.tolist() == [drawn.labels[0], -1]


def test_other_classes_survive_a_parquet_file_and_a_folder_that_states_them(tmp_path: Path, drawn: FaceDataset) -> None:
    own = replace(drawn.take(drawn.labels < 2), label_set=LabelSet(("sleepy", "awake")))
    write_edition(own, tmp_path / "own.parquet")
    assert read_fer2013(tmp_path / "own.parquet").fingerprint == own.fingerprint
    write_edition(own, tmp_path / "folder")
    back = read_fer2013(tmp_path / "folder", own.label_set)
    assert np.bincount(back.labels).tolist() == np.bincount(own.labels).tolist()
    assert back.faces[back.labels == 1].sum() == own.faces[own.labels == 1].sum()
    with pytest.raises(DataError, match=r"sleepy, awake are not in angry.*, neutral\. Write .parquet, which keeps"):
        write_edition(own, tmp_path / "own.csv")
    table = pq.read_table(tmp_path / "own.parquet")
    table = table.set_column(table.column_names.index("emotion"), "emotion", [[2] * len(own)])
    pq.write_table(table, tmp_path / "own.parquet")
    assert "emotion 2; expected 0 to 1, or -1 for unlabelled" in problem(tmp_path / "own.parquet")


@pytest.mark.parametrize(("first", "kept"), [("20240101123456", "20240101123456"), ("9" * 20, "0")])
def test_large_row_ids_survive_a_parquet_file(tmp_path: Path, drawn: FaceDataset, first: str, kept: str) -> None:
    few = replace(drawn.take(np.arange(2)), rows=np.array([first, "1"]))
    write_edition(few, tmp_path / "a.parquet")
    assert read_fer2013(tmp_path / "a.parquet").rows.tolist() == [kept, "1"]


def test_other_classes_survive_pandas(tmp_path: Path, drawn: FaceDataset) -> None:
    own = replace(drawn, label_set=LabelSet(tuple(sorted(FERPLUS))))  # eight, of which the last has no face
    write_edition(own, tmp_path / "own.parquet")
    frame = pd.read_parquet(tmp_path / "own.parquet")
    frame.to_parquet(tmp_path / "back.parquet")
    assert read_fer2013(tmp_path / "back.parquet").fingerprint == own.fingerprint
    write_edition(drawn, tmp_path / "usual.parquet")
    pd.concat([frame, pd.read_parquet(tmp_path / "usual.parquet")]).to_parquet(tmp_path / "both.parquet")
    message = problem(tmp_path / "both.parquet")
    assert """column classes: '["angry", "contempt", """ in message
    assert "None; expected one list of names in all rows" in message


def test_other_classes_in_the_metadata_of_an_earlier_version(tmp_path: Path) -> None:
    path = write_own(tmp_path / "a.parquet", emotion=[0, 1])
    pq.write_table(pq.read_table(path).replace_schema_metadata({"mien.classes": '["sleepy", "awake"]'}), path)
    assert read_fer2013(path).label_set.names == ("sleepy", "awake")


@pytest.mark.parametrize("name", ["folder", "faces.csv"])
def test_what_a_killed_conversion_left_is_not_taken_over(tmp_path: Path, drawn: FaceDataset, name: str) -> None:
    left = tmp_path / f"{name}.part"
    write_edition(drawn, tmp_path / "folder-of-all")
    (tmp_path / "folder-of-all").rename(left)
    few = drawn.take(np.arange(5))
    write_edition(few, tmp_path / name)
    assert len(read_fer2013(tmp_path / name)) == 5
    assert not left.exists()


def test_writing_refuses(tmp_path: Path, drawn: FaceDataset) -> None:
    def refusal(name: str, data: FaceDataset = drawn) -> str:
        with pytest.raises(DataError) as caught:
            write_edition(data, tmp_path / name)
        return str(caught.value)

    (tmp_path / "there.csv").write_text("mine")
    assert "there.csv: exists already; remove it or choose another name" in refusal("there.csv")
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert "unknown ending '.xls'; expected .csv, .parquet, .zip, or none for a folder" in refusal("a.xls")
    assert "nowhere/a.csv: cannot be written" in refusal("nowhere/a.csv")
    hidden = drawn.take(np.arange(3))
    hidden.labels[1:] = -1
    assert "2 faces have no label and so no class folder. Choose labelled splits (--split)" in refusal("a", hidden)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.csv"], "an unfinished file was left"


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.zip", "a"])
def test_no_faces_are_not_written(tmp_path: Path, drawn: FaceDataset, name: str) -> None:
    with pytest.raises(DataError, match=r"no faces are left to write to .*a"):
        write_edition(drawn.take(np.arange(0)), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_images_is_not_written_into_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = files(tmp_path / "faces", {"train/sad/a.png": encoded(grey(9))})
    monkeypatch.chdir(folder)
    with pytest.raises(DataError, match=r"^clean: lies in \., which would hold the faces twice\. Choose a folder else"):
        write_edition(read_fer2013("."), "clean")
    assert len(read_fer2013(folder)) == 1
    write_edition(read_fer2013(folder), tmp_path / "clean")
    write_edition(read_fer2013(folder), "clean.parquet")
    write_edition(read_fer2013("."), "images")  # of the parquet, which is read before images
    assert len(read_fer2013(folder)) == 1


@pytest.mark.parametrize("word", ["sad/tired", "..", "../../elsewhere", "sad\\tired", "", ".sad"])
@pytest.mark.parametrize("name", ["in/set", "in/set.zip"])
def test_a_class_that_cannot_name_a_folder(tmp_path: Path, drawn: FaceDataset, name: str, word: str) -> None:
    own = replace(drawn.take(drawn.labels < 2), label_set=LabelSet(("awake", word)))
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match=r"class '.*' cannot name a folder\. Write \.parquet\."):
        write_edition(own, tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


# Folders of images


def test_names_in_any_case_deeper_down_and_other_files(tmp_path: Path) -> None:
    folder = files(
        tmp_path,
        {
            "set/Train/Happy/b.JPG": encoded(grey(90), "JPEG"),
            "set/Train/Happy/a.png": encoded(grey(20)),
            "set/Train/SADNESS/c.jpeg": encoded(grey(50), "JPEG"),
            "set/TEST/angry/d.png": encoded(grey(70)),
            "set/README.md": b"words",
            "set/Train/Happy/Thumbs.db": b"",
            "set/Train/Happy/._a.png": b"resource fork",
            "set/cover.png": encoded(grey(1)),
        },
    )
    edition = open_fer2013(folder)
    data = edition.data
    assert data.rows.tolist() == [
        "set/Train/Happy/a.png", "set/Train/Happy/b.JPG", "set/Train/SADNESS/c.jpeg", "set/TEST/angry/d.png",
    ]  # fmt: skip
    assert [data.label_set.name(label) for label in data.labels] == ["happy", "happy", "sad", "angry"]
    assert data.splits.tolist() == [TRAINING] * 3 + [TEST]
    assert data.faces[:, 0, 0].tolist() == [20, 90, 50, 70]
    assert edition.broken == ()
    assert edition.other_files == (
        "set/README.md", "set/Train/Happy/._a.png", "set/Train/Happy/Thumbs.db", "set/cover.png",
    )  # fmt: skip


def test_folders_that_begin_with_a_dot_are_other_programs_own(tmp_path: Path) -> None:
    """Such as those of Jupyter, with copies of what was opened there, and of a desktop's bin."""
    others = [".Trash-1000/files/train/sad/c.png", "train/.ipynb_checkpoints/a-checkpoint.png"]
    edition = open_fer2013(files(tmp_path, {name: encoded(grey(9)) for name in ("train/happy/a.png", *others)}))
    assert edition.data.rows.tolist() == ["train/happy/a.png"]
    assert edition.other_files == tuple(others)


def test_colour_becomes_grey(tmp_path: Path) -> None:
    rgb = np.zeros((48, 48, 3), np.uint8)
    rgb[..., 1] = 100
    folder = files(tmp_path, {"train/fear/a.png": encoded(rgb)})
    assert read_fer2013(folder).faces[0, 0, 0] == round(0.587 * 100)


def test_sixteen_bits_and_transparency_are_read_as_they_look(tmp_path: Path) -> None:
    deep = np.full((48, 48), 100 * 257, np.uint16)
    clear = np.zeros((48, 48, 4), np.uint8)  # black, but nothing of it is seen
    clear[24:, :, 3] = 255
    folder = files(tmp_path, {"train/fear/a.png": encoded(deep), "train/fear/b.png": encoded(clear)})
    deep_face, clear_face = read_fer2013(folder).faces
    assert (deep_face == 100).all()
    assert (clear_face[:24] == 255).all()
    assert (clear_face[24:] == 0).all()


@pytest.mark.parametrize("side", [48, 96])
def test_an_image_that_lies_on_its_side_is_turned_upright(tmp_path: Path, side: int) -> None:
    lying = np.zeros((side, side), np.uint8)
    lying[: side // 2] = 255  # its upper half, which is the right one as it is shown
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    folder = files(tmp_path, {"train/fear/a.jpg": encoded(lying, "JPEG", exif=exif)})
    (face,) = open_fer2013(folder, resize=True).data.faces
    assert face[:, 24:].mean() > 250
    assert face[:, :24].mean() < 5


def test_images_of_all_usual_kinds(tmp_path: Path) -> None:
    kinds = {"a.png": "PNG", "b.webp": "WEBP", "c.bmp": "BMP", "d.tif": "TIFF", "e.gif": "GIF", "f.pgm": "PPM"}
    content = {f"train/fear/{name}": encoded(grey(90), kind) for name, kind in kinds.items()}
    assert len(read_fer2013(files(tmp_path, content))) == len(kinds)


@pytest.mark.parametrize(("name", "split"), [("train", TRAINING), ("test", TEST)])
def test_a_split_alone_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, split: str
) -> None:
    content = {"fear/a.png": encoded(grey(3))}
    (tmp_path / name).symlink_to(files(tmp_path / "mine", content))
    zipped(tmp_path / f"{name}.zip", content)
    for path in (tmp_path / name, tmp_path / f"{name}.zip"):
        assert read_fer2013(path).split_names() == [split]
    monkeypatch.chdir(files(tmp_path / "other" / name, content))
    for path in (Path(), Path("..", name), Path("..", "..", f"{name}.zip")):
        assert read_fer2013(path).split_names() == [split]


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "test"), [TRAINING, TEST]),
        (("train", "validation", "test"), [TRAINING, PUBLIC, TEST]),
        (("Training", "PublicTest", "PrivateTest"), [TRAINING, PUBLIC, PRIVATE]),
    ],
)
def test_what_split_folders_mean(tmp_path: Path, folders: tuple[str, ...], splits: list[str]) -> None:
    files(tmp_path, {f"{name}/sad/a.png": encoded(grey(3)) for name in folders})
    assert read_fer2013(tmp_path).splits.tolist() == splits


@pytest.mark.parametrize("full", [PUBLIC, PRIVATE])
def test_test_of_fer2013_beside_its_validation_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    monkeypatch.setitem(FULL_SIZES, full, 1)
    files(tmp_path, {f"{name}/sad/a.png": encoded(grey(3)) for name in ("train", "val", "test")})
    data = read_fer2013(tmp_path)
    assert data.splits.tolist() == [TRAINING, PUBLIC, PRIVATE]
    assert data.test.split_names() == [PUBLIC]


def test_own_faces_in_train_val_and_test_are_measured_on_test(tmp_path: Path) -> None:
    files(tmp_path, {f"{name}/sad/a.png": encoded(grey(3)) for name in ("train", "val", "test")})
    data = read_fer2013(tmp_path)
    assert data.test.split_names() == [TEST]
    write_edition(data, tmp_path / "own.csv")
    write_edition(data, tmp_path / "own.parquet")
    for name in ("own.csv", "own.parquet"):
        assert read_fer2013(tmp_path / name).splits.tolist() == [TRAINING, PUBLIC, TEST]


def test_private_test_is_only_measured_where_it_is_named(drawn: FaceDataset) -> None:
    data = drawn.take(drawn.splits != PUBLIC)
    with pytest.raises(DataError, match=r"neither PublicTest nor Test; it has Training, PrivateTest\. Name one of"):
        _ = data.test


def broken_content() -> dict[str, bytes]:
    noise = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    return {
        "train/sad/1good.png": encoded(grey(9)),
        "train/sad/2empty.jpg": b"",
        "train/sad/3text.jpg": b"<html>404</html>",
        "train/sad/4cut.jpg": encoded(noise, "JPEG")[:900],
        "train/sad/5large.png": encoded(grey(9, side=64)),
        "train/sad/6cut.png": encoded(noise)[:1500],
        "train/sad/7huge.jpg": b"\0" * ((1 << 20) + 1),
    }


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_every_broken_image_is_named(tmp_path: Path, kind: str) -> None:
    content = broken_content()
    path = files(tmp_path / "set", content) if kind == "folder" else zipped(tmp_path / "set.zip", content)
    edition = open_fer2013(path)
    assert edition.data.rows.tolist() == ["train/sad/1good.png"]
    assert edition.data.faces.shape == (1, 48, 48)
    reasons = dict(line.split(": ", 1) for line in edition.broken)
    assert sorted(reasons) == sorted(content)[1:]
    assert reasons["train/sad/2empty.jpg"] == "empty file"
    assert reasons["train/sad/3text.jpg"] == "not an image"
    assert reasons["train/sad/4cut.jpg"].startswith("damaged image (")
    assert reasons["train/sad/5large.png"] == "64x64 px, expected 48x48"
    assert reasons["train/sad/6cut.png"].startswith("damaged image (")
    assert reasons["train/sad/7huge.jpg"] == "1,048,577 bytes, expected at most 1,048,576"
    message = problem(path)
    assert "6 images cannot be read:" in message
    assert all(f"\n  {line}" in message for line in edition.broken)
    assert "`mien data convert --skip-broken`" in message


def test_a_long_list_of_broken_images_is_shortened(tmp_path: Path) -> None:
    message = problem(files(tmp_path, {f"train/sad/{i:02}.png": b"" for i in range(25)}))
    assert "25 images cannot be read" in message
    assert "19.png: empty file\n  and 5 more" in message


def test_a_member_with_a_wrong_checksum_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/sad/good.png", encoded(grey(9)))
        archive.writestr("train/sad/bad.png", encoded(grey(8)))
    content = bytearray(path.read_bytes())
    content[content.rindex(b"IDAT") + 6] ^= 255
    path.write_bytes(content)
    assert [line.split("(")[0] for line in open_fer2013(path).broken] == ["train/sad/bad.png: cannot be read "]


def deny(monkeypatch: pytest.MonkeyPatch, call: str, path: Path) -> None:
    """Have `os.stat` or `os.scandir` refuse `path`, also to the superuser."""
    real = getattr(os, call)

    def refusing(asked: object = ".", *args: object, **options: object) -> object:
        if str(asked) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(asked, *args, **options)

    monkeypatch.setattr(os, call, refusing)


def test_a_class_folder_that_may_not_be_read_is_no_loss_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = files(tmp_path, {f"train/{name}/a.png": encoded(grey(9)) for name in ("sad", "happy")})
    deny(monkeypatch, "scandir", folder / "train" / "happy")
    assert "train/happy: cannot be opened (Permission denied), so its files would be missing. Make" in problem(folder)


def test_an_image_in_a_folder_that_may_not_be_entered_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = files(tmp_path, {f"train/{name}/a.png": encoded(grey(9)) for name in ("sad", "happy")})
    (folder / "train/happy/a.png").unlink()
    (folder / "train/happy/a.png").symlink_to(tmp_path / "gone")  # nor can it be opened
    deny(monkeypatch, "stat", folder / "train/happy/a.png")
    edition = open_fer2013(folder)
    assert edition.data.rows.tolist() == ["train/sad/a.png"]
    assert [line.split("(")[0] for line in edition.broken] == ["train/happy/a.png: cannot be read "]


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    files(tmp_path, {"train/sad/a.png": encoded(grey(9))})
    (tmp_path / "train/sad/b.png").symlink_to(tmp_path / "gone.png")
    assert "train/sad/b.png: cannot be read ([Errno 2]" in open_fer2013(tmp_path).broken[0]


def test_linked_folders_are_read_and_loops_are_not_followed(tmp_path: Path) -> None:
    elsewhere = files(tmp_path / "elsewhere", {"sad/b.png": encoded(grey(8))})
    folder = files(tmp_path / "set", {"train/sad/a.png": encoded(grey(9))})
    (folder / "test").symlink_to(elsewhere)
    (folder / "val").symlink_to(elsewhere)
    (folder / "train" / "up").symlink_to(folder)
    (elsewhere / "back").symlink_to(folder)
    edition = open_fer2013(folder)
    assert edition.data.rows.tolist() == ["train/sad/a.png", "val/sad/b.png", "test/sad/b.png"]
    assert edition.other_files == ()


def test_an_unknown_class_folder(tmp_path: Path) -> None:
    message = problem(files(tmp_path, {"train/bored/a.png": encoded(grey(9))}))
    assert "train/bored/a.png is in a folder named 'bored'; expected one of angry, contempt, disgust" in message
    assert "Rename" not in message


@pytest.mark.parametrize("name", ["train/3/a.png", "train/5_surprise/a.png", "3/a.png", "data/05-surprise/a.png"])
def test_numbered_folders_are_to_be_renamed(tmp_path: Path, name: str) -> None:
    message = problem(files(tmp_path, {name: encoded(grey(9))}))
    renamed = "Rename numbered folders to the expressions that they hold, such as angry: the numbering differs"
    assert f"surprise. {renamed} between editions. For classes of your own: `mien data convert" in message


def test_class_folders_without_a_split_are_training(tmp_path: Path) -> None:
    names = ("cat.png", "notes.txt", "CK+48/anger/a.png", "CK+48/Happy/b.png", "CK+48/Happy/c.png", "CK+48/readme.png")
    edition = open_fer2013(files(tmp_path, {name: encoded(grey(9)) for name in names}))
    assert edition.data.rows.tolist() == ["CK+48/anger/a.png", "CK+48/Happy/b.png", "CK+48/Happy/c.png"]
    assert [edition.data.label_set.name(label) for label in edition.data.labels] == ["angry", "happy", "happy"]
    assert edition.data.split_names() == [TRAINING]
    assert edition.other_files == ("CK+48/readme.png", "cat.png", "notes.txt")


def test_class_folders_without_a_split_in_a_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "ck.zip", {"sad/a.png": encoded(grey(9)), "fear/b.png": encoded(grey(8))})
    assert read_fer2013(path).rows.tolist() == ["fear/b.png", "sad/a.png"]


def test_class_folders_beside_those_of_a_split_are_not_read(tmp_path: Path) -> None:
    edition = open_fer2013(files(tmp_path, {name: encoded(grey(9)) for name in ("sad/a.png", "train/sad/b.png")}))
    assert edition.data.rows.tolist() == ["train/sad/b.png"]
    assert edition.other_files == ("sad/a.png",)


def test_class_folders_in_several_places(tmp_path: Path) -> None:
    message = problem(files(tmp_path, {"one/sad/a.png": encoded(grey(9)), "two/sad/b.png": encoded(grey(8))}))
    assert "one/sad and " in message
    assert "two/sad are class folders outside any split. Expected train/CLASS/NAME.jpg and test/CL" in message


def test_an_unknown_class_folder_without_a_split(tmp_path: Path) -> None:
    message = problem(files(tmp_path, {name: encoded(grey(9)) for name in ("sad/a.png", "bored/b.png")}))
    assert "bored/b.png is in a folder named 'bored'; expected one of angry, contempt, disgust, fear" in message
    assert "Move that folder elsewhere to leave it out. For classes of your own: `mien data convert" in message


@pytest.mark.parametrize("split", ["", "train/"])
def test_contempt_is_an_eighth_class_where_it_has_a_folder(tmp_path: Path, split: str) -> None:
    data = read_fer2013(files(tmp_path, {f"{split}{name}/a.png": encoded(grey(9)) for name in ("sad", "Contempt")}))
    assert data.label_set.names == tuple(sorted(FERPLUS))
    assert [data.label_set.name(label) for label in data.labels] == ["contempt", "sad"]


@pytest.mark.parametrize("split", ["", "train/"])
@pytest.mark.parametrize("pack", [files, zipped])
def test_folders_of_other_classes_in_the_order_that_is_stated(
    tmp_path: Path, split: str, pack: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    names = [f"{split}{name}/a.png" for name in ("Awake", "sleepy")]
    path = pack(tmp_path / "faces.zip", {name: encoded(grey(9)) for name in names})
    data = read_fer2013(path, LabelSet(("sleepy", "yawning", "awake")))
    assert data.label_set.names == ("sleepy", "yawning", "awake")
    assert (data.rows.tolist(), data.labels.tolist()) == (names, [2, 0])
    assert "--classes awake,sleepy,...`, then use OUT.parquet" in problem(path)
    assert problem(path, LabelSet(("awake", " "))).startswith("classes 'awake', '': each needs a name")


@pytest.mark.parametrize(
    ("folders", "stated", "named"),
    [
        (("joy", "calm"), ("joy", "calm"), ("joy", "calm")),  # not happy, which joy is where no classes are stated
        (("joy", "calm", "Happiness"), ("joy", "calm", "happy"), ("joy", "calm", "happy")),
        (("joy", "happy"), ("joy", "happy"), ("joy", "happy")),
        (("mu\u0308de", "wach"), ("m\u00fcde", "Wach"), ("m\u00fcde", "Wach")),  # as macOS writes folders
        (("Joy", "sadness"), ("joy", "Sad"), ("happy", "sad")),  # all are expressions that models know
    ],
)
def test_stated_classes_keep_their_names(
    tmp_path: Path, folders: tuple[str, ...], stated: tuple[str, ...], named: tuple[str, ...]
) -> None:
    content = {f"train/{name}/{level}.png": encoded(grey(level)) for level, name in enumerate(folders)}
    data = read_fer2013(files(tmp_path, content), LabelSet(stated))
    assert data.label_set.names == named
    assert sorted(zip(data.faces[:, 0, 0].tolist(), data.labels.tolist())) == [(i, i) for i in range(len(named))]


def test_a_folder_that_spells_no_stated_class_is_refused(tmp_path: Path) -> None:
    folder = files(tmp_path, {f"train/{name}/a.png": encoded(grey(1)) for name in ("joy", "calm", "happy")})
    assert "a folder named 'happy'; expected one of joy, calm. Move" in problem(folder, LabelSet(("joy", "calm")))
    assert "each needs a name of its own" in problem(folder, LabelSet(("joy", "Joy")))


def test_a_model_that_lacks_a_class_can_be_exchanged(tmp_path: Path) -> None:
    data = read_fer2013(files(tmp_path, {f"train/{name}/a.png": encoded(grey(9)) for name in ("sad", "contempt")}))
    with pytest.raises(DataError, match=r"classes contempt are not in angry, .*\. Use a model that has them"):
        data.relabel(FER2013)
    assert data.relabel(FERPLUS).labels.tolist() == [7, 3]


@pytest.mark.parametrize("content", [{}, {"notes.txt": b"", "cat.png": encoded(grey(1))}])
def test_a_folder_without_faces(tmp_path: Path, content: dict[str, bytes]) -> None:
    message = problem(files(tmp_path, content))
    found = "0 files (nothing)" if not content else "2 files (cat.png, notes.txt)"
    assert f"no face found among {found}. Expected fer2013.csv, icml_face_data.csv" in message


@pytest.mark.parametrize("name", ["data/train.parquet", "fer2013.csv.GZ", "fer2013.zip"])
def test_archives_and_parquet_files_in_an_archive_are_to_be_unpacked(tmp_path: Path, name: str) -> None:
    archive = zipped(tmp_path / "a.zip", {name: b"packed", "README.md": b"words"})
    message = f"Unpack the archives in it, such as {name}, and name the folder that then holds the data. "
    assert message in problem(archive)


def test_a_missing_path(tmp_path: Path) -> None:
    assert problem(tmp_path / "gone.csv").endswith(
        "gone.csv: no such file or folder. `mien data fetch` downloads FER2013."
    )


# Archives and whole-challenge folders


@pytest.fixture(scope="module")
def table(drawn: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("table") / "fer2013.csv"
    write_edition(drawn, path)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["fer2013.csv", "fer2013/fer2013.csv", "challenge/icml_face_data.csv"])
def test_a_table_in_a_zip(tmp_path: Path, drawn: FaceDataset, table: bytes, name: str) -> None:
    path = zipped(tmp_path / "a.zip", {"fer2013/README": b"words", name: table})
    edition = open_fer2013(path)
    assert edition.data.fingerprint == drawn.fingerprint
    assert edition.data.source == f"{path}/{name}"
    assert edition.other_files == ("fer2013/README",)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_table_in_a_tar(tmp_path: Path, drawn: FaceDataset, table: bytes, mode: str) -> None:
    files(tmp_path, {"fer2013/fer2013.csv": table})
    with tarfile.open(tmp_path / "fer2013.tar.gz", mode) as archive:
        archive.add(tmp_path / "fer2013", "fer2013")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert read_fer2013(tmp_path / "fer2013.tar.gz").fingerprint == drawn.fingerprint
    assert not any("fer2013.tar.gz" in str(one.message) for one in told)  # as of a file that is left open


def test_a_folder_that_holds_only_the_download(tmp_path: Path, drawn: FaceDataset, table: bytes) -> None:
    zipped(tmp_path / "download.zip", {"fer2013.csv": table})
    files(tmp_path, {".DS_Store": b"", "._download.zip": b"of macOS"})
    assert read_fer2013(tmp_path).fingerprint == drawn.fingerprint


def test_files_beside_a_parquet_are_named(tmp_path: Path, drawn: FaceDataset) -> None:
    files(tmp_path, {"train/sad/a.png": encoded(grey(9)), "._FACES.PARQUET": b"of macOS"})
    write_edition(drawn, tmp_path / "faces.parquet")
    (tmp_path / "faces.parquet").rename(tmp_path / "FACES.PARQUET")
    edition = open_fer2013(tmp_path)
    assert edition.data.fingerprint == drawn.fingerprint
    assert edition.other_files == ("._FACES.PARQUET", "train/sad/a.png")


def test_a_damaged_table_in_a_zip(tmp_path: Path, table: bytes) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fer2013.csv", table)
    content = bytearray(path.read_bytes())
    content[3000] = ord("9") if content[3000] != ord("9") else ord("8")
    path.write_bytes(content)
    assert "a.zip/fer2013.csv: damaged or cut off (Bad CRC-32" in problem(path)


def test_a_cut_off_tar(tmp_path: Path, table: bytes) -> None:
    files(tmp_path, {"in/fer2013.csv": table})
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "in")
    whole = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    assert "a.tar.gz: damaged or cut-off tar archive" in problem(tmp_path / "a.tar.gz")


def test_a_tar_of_images(tmp_path: Path) -> None:
    files(tmp_path, {"train/sad/a.png": encoded(grey(9))})
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "train", "train")
    assert "a.tar: no icml_face_data.csv or fer2013.csv or train.csv or test.csv in it; unpack it" in problem(
        tmp_path / "a.tar"
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"<html>please log in</html>"])
def test_not_a_zip(tmp_path: Path, content: bytes) -> None:
    files(tmp_path, {"archive.zip": content})
    message = problem(tmp_path / "archive.zip")
    assert "archive.zip: not a zip archive, or cut off (" in message
    assert f"{len(content)} bytes. Get it again." in message


def test_a_zip_of_windows_and_members_without_a_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("", "train\\", "train\\sad\\", "train\\sad\\a.png"):
            member = zipfile.ZipInfo("x")
            member.filename = name  # a ZipInfo made with it would have it changed on Windows
            archive.writestr(member, encoded(grey(9)) if name.endswith("png") else b"")
    edition = open_fer2013(tmp_path / "a.zip")
    assert edition.data.rows.tolist() == ["train/sad/a.png"]
    assert (edition.data.faces == 9).all()
    assert edition.other_files == edition.broken == ()


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"train/sad/a.png": b"x"})
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "the archive is encrypted; unpack it with its password and name the folder" in problem(path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_unpacks_to_an_absurd_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(tree, "LARGEST_BYTES", 100_000)
    path = tmp_path / f"bomb.{kind}"
    if kind == "zip":
        zipped(path, {"fer2013.csv": b"0" * 200_000})
        assert path.stat().st_size < 1000
    else:
        files(tmp_path, {"fer2013.csv": b"0" * 200_000})
        with tarfile.open(path, "w:gz") as archive:
            archive.add(tmp_path / "fer2013.csv")
    message = problem(path)
    assert "unpacks to 0.0 GB, more than 0.0 GB; FER2013 is far smaller. Is it the right file?" in message


def test_a_member_that_lies_about_its_size_is_not_unpacked_further(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"train/sad/a.png": b"0" * 5_000_000})
    content = bytearray(path.read_bytes())
    stated = content.rindex(b"PK\x01\x02") + 24
    content[stated : stated + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    assert "train/sad/a.png: cannot be read (Bad CRC-32" in open_fer2013(path).broken[0]


GREY = " ".join(["7"] * 2304)


def test_the_challenge_as_published(tmp_path: Path) -> None:
    content = {"c/train.csv": f"emotion,pixels\n4,{GREY}\n", "c/test.csv": f"pixels\n{GREY}\n", "c/example.csv": "x\n"}
    edition = open_fer2013(files(tmp_path, {name: text.encode() for name, text in content.items()}))
    assert edition.data.splits.tolist() == [TRAINING, PRIVATE]
    assert edition.data.labels.tolist() == [4, -1]
    assert edition.data.rows.tolist() == ["0", "32298"]
    assert edition.other_files == ("c/example.csv",)


@pytest.mark.parametrize(("packed_as", "names"), [(".", ("train.csv", "test.csv")), ("c", ("Train.csv", "Test.csv"))])
def test_test_csv_is_found_in_any_case_and_in_a_tar_of_a_dot(
    tmp_path: Path, packed_as: str, names: tuple[str, str]
) -> None:
    content = dict(zip(names, (f"emotion,pixels\n4,{GREY}\n".encode(), f"pixels\n{GREY}\n".encode())))
    folder = files(tmp_path / "c", content)
    with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as archive:
        archive.add(folder, packed_as)  # "." names its members ./train.csv, as `tar -C c .` does
    for path in (folder, tmp_path / "c.tar.gz"):
        edition = open_fer2013(path)
        assert edition.data.splits.tolist() == [TRAINING, PRIVATE]
        assert edition.other_files == ()


def test_test_csv_is_not_added_where_its_faces_are_already(tmp_path: Path) -> None:
    whole = f"emotion,pixels,Usage\n4,{GREY},Training\n4,{GREY},PrivateTest\n"
    edition = open_fer2013(files(tmp_path, {"fer2013.csv": whole.encode(), "test.csv": f"pixels\n{GREY}\n".encode()}))
    assert edition.data.splits.tolist() == [TRAINING, PRIVATE]
    assert edition.other_files == ("test.csv",)


def test_test_csv_with_both_test_sets_is_not_added_to_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FULL_SIZES, PUBLIC, 1)
    monkeypatch.setitem(FULL_SIZES, PRIVATE, 1)
    content = {"fer2013.csv": f"emotion,pixels,Usage\n4,{GREY},Training\n4,{GREY},PublicTest\n"}
    content["test.csv"] = f"pixels\n{GREY}\n{GREY}\n"
    edition = open_fer2013(files(tmp_path, {name: text.encode() for name, text in content.items()}))
    assert edition.data.splits.tolist() == [TRAINING, PUBLIC]
    assert edition.other_files == ("test.csv",)


def test_a_labelled_test_csv_is_test(tmp_path: Path) -> None:
    content = {"train.csv": f"emotion,pixels\n4,{GREY}\n5,{GREY}\n", "test.csv": f"emotion,pixels\n3,{GREY}\n"}
    data = read_fer2013(files(tmp_path, {name: text.encode() for name, text in content.items()}))
    assert data.splits.tolist() == [TRAINING, TRAINING, TEST]
    assert data.labels.tolist() == [4, 5, 3]
    assert data.rows.tolist() == ["train.csv/0", "train.csv/1", "test.csv/0"]


def test_the_fullest_table_is_taken(tmp_path: Path) -> None:
    part, whole = f"emotion,pixels\n4,{GREY}\n", f"emotion, Usage, pixels\n4,Training,{GREY}\n5,PublicTest,{GREY}\n"
    edition = open_fer2013(files(tmp_path, {"train.csv": part.encode(), "icml_face_data.csv": whole.encode()}))
    assert len(edition.data) == 2
    assert edition.other_files == ("train.csv",)


# Parquet


def test_a_parquet_file_without_rows(tmp_path: Path, drawn: FaceDataset) -> None:
    write_edition(drawn, tmp_path / "train.parquet")
    pq.write_table(pq.read_table(tmp_path / "train.parquet").slice(0, 0), tmp_path / "none.parquet")
    assert problem(tmp_path / "none.parquet").endswith("none.parquet: no rows. Get the data again.")
    assert read_fer2013(tmp_path).fingerprint == drawn.fingerprint


def test_a_parquet_file_that_stands_there_twice(tmp_path: Path, drawn: FaceDataset) -> None:
    write_edition(drawn, tmp_path / "train.parquet")
    shutil.copy(tmp_path / "train.parquet", tmp_path / "train (1).parquet")
    message = problem(tmp_path)
    assert "train.parquet holds the same faces as " in message
    assert "train (1).parquet. Move one of them elsewhere." in message


def write_own(path: Path, **columns: object) -> Path:
    table = {"row": [0, 1], "emotion": [3, -1], "Usage": [TRAINING, PRIVATE], "image": [encoded(grey(1))] * 2} | columns
    pq.write_table(pa.table(table), path)
    return path


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"emotion": [3, 7]}, "row 1: emotion 7; expected 0 to 6, or -1 for unlabelled"),
        ({"emotion": [None, 3]}, "row 0: emotion None; expected 0 to 6"),
        ({"Usage": [TRAINING, "Holdout"]}, "row 1: Usage 'Holdout'; expected one of Training, PublicTest"),
        ({"row": [7, None]}, "face 1: has no row. Every face needs its own row; renumber the rows"),
        ({"row": [7, 7], "Usage": [TEST, TEST]}, "row 7: appears twice in Test. Every face needs its own row"),
        ({"image": [None, encoded(grey(1))]}, "1 images cannot be read:\n  row 0: empty file"),
        ({"image": [encoded(grey(1)), encoded(grey(1, side=20))]}, "row 1: 20x20 px, expected 48x48"),
    ],
)
def test_wrong_values_in_a_parquet_file(tmp_path: Path, columns: dict[str, object], found: str) -> None:
    assert found in problem(write_own(tmp_path / "a.parquet", **columns))


def test_a_parquet_file_with_a_column_twice(tmp_path: Path) -> None:
    columns = pq.read_table(write_own(tmp_path / "a.parquet"))
    pq.write_table(columns.append_column("row", columns["row"]), tmp_path / "b.parquet")
    assert "b.parquet: columns appear twice: row. Keep one of each." in problem(tmp_path / "b.parquet")


def test_a_row_may_stand_in_two_splits(tmp_path: Path) -> None:
    assert read_fer2013(write_own(tmp_path / "a.parquet", row=[7, 7])).rows.tolist() == ["7", "7"]


def test_webp_is_read(tmp_path: Path, drawn: FaceDataset) -> None:
    images = [encoded(face, "WEBP", lossless=True) for face in drawn.faces[:2]]
    assert (read_fer2013(write_own(tmp_path / "a.parquet", image=images)).faces == drawn.faces[:2]).all()


def test_not_a_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    assert "a.parquet: not a parquet file, or damaged (" in problem(tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "b.parquet")
    assert "wrong columns: x. Expected row, emotion, Usage, image; or image, label." in problem(tmp_path / "b.parquet")


def write_hub(path: Path, levels: list[int], labels: list[int | None], names: list[str] | None = None) -> Path:
    images = [{"bytes": encoded(grey(level)), "path": f"{level}.png"} for level in levels]
    table = pa.table({"image": images, "label": labels})
    if names:
        feature = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(feature)})
    pq.write_table(table, path)
    return path


STATED = ["Anger", "disgust", "fear", "happiness", "sad", "surprise", "neutral"]


def test_hugging_face_files_of_several_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hub(tmp_path / "train-00000-of-00002.parquet", [1, 2], [0, 3], STATED)
    write_hub(tmp_path / "train-00001-of-00002.parquet", [3], [6], STATED)
    write_hub(tmp_path / "valid-00000-of-00001.parquet", [4], [5], STATED)
    write_hub(tmp_path / "test-00000-of-00001.parquet", [5], [1], STATED)
    data = read_fer2013(tmp_path)
    assert data.label_set == FER2013
    found = {level: (split, label) for level, split, label in zip(data.faces[:, 0, 0], data.splits, data.labels)}
    assert found == {1: (TRAINING, 0), 2: (TRAINING, 3), 3: (TRAINING, 6), 4: (PUBLIC, 5), 5: (TEST, 1)}
    monkeypatch.setitem(FULL_SIZES, PUBLIC, 1)
    assert read_fer2013(tmp_path).split_names() == [TRAINING, PUBLIC, PRIVATE]
    assert len(set(data.rows.tolist())) == 5


def test_hugging_face_files_in_folders_of_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for level, split in enumerate(("train", "test")):
        (tmp_path / "default" / split).mkdir(parents=True)
        write_hub(tmp_path / "default" / split / "0000.parquet", [level, level], [0, None], STATED)
    data = read_fer2013(tmp_path)
    assert data.splits.tolist() == [TEST, TEST, TRAINING, TRAINING]
    assert data.rows.tolist() == ["test/0000/0", "test/0000/1", "train/0000/0", "train/0000/1"]
    assert data.labels.tolist() == [0, -1, 0, -1]
    (tmp_path / "other" / "test").mkdir(parents=True)
    write_hub(tmp_path / "other" / "test" / "0000.parquet", [2, 2], [0, None], STATED)
    assert read_fer2013(tmp_path).rows[0] == "default/test/0000.parquet/test/0000/0"
    monkeypatch.chdir(tmp_path / "default" / "test")
    assert read_fer2013("0000.parquet").split_names() == [TEST]


def test_names_for_labels_and_foreign_metadata_in_parquet_files(tmp_path: Path) -> None:
    words = write_hub(tmp_path / "train.parquet", [1, 2], ["sad", "happy"], STATED)
    assert "train.parquet row 0: label 'sad'; expected the number of a class." in problem(words)
    image = [encoded(grey(1))]
    own = pa.table({"row": ["7"], "emotion": ["sad"], "Usage": ["Training"], "image": image})
    pq.write_table(own, tmp_path / "own.parquet")
    assert "own.parquet row 7: emotion 'sad'; expected the number of a class." in problem(tmp_path / "own.parquet")
    path = write_hub(tmp_path / "test.parquet", [1], [4])
    for metadata in ("no JSON", "[]"):
        pq.write_table(pq.read_table(path).replace_schema_metadata({"huggingface": metadata}), path)
        assert read_fer2013(path, FOLDER).labels.tolist() == [4]


@pytest.mark.parametrize("layout", ["own", "hub"])
def test_faces_of_another_size_in_a_parquet_file_are_scaled(tmp_path: Path, layout: str) -> None:
    wide = np.zeros((96, 192), np.uint8)
    wide[:, 48:144] = 200  # the middle square
    path = tmp_path / "train.parquet"
    if layout == "own":
        write_own(path, image=[encoded(wide), encoded(grey(5))])
    else:
        images = [{"bytes": encoded(face), "path": None} for face in (wide, grey(5))]
        pq.write_table(pa.table({"image": images, "label": [0, 1]}), path)
    classes = FOLDER if layout == "hub" else None
    assert "192x96 px, expected 48x48" in problem(path, classes)
    data = open_fer2013(path, classes, resize=True).data
    assert [np.unique(face).tolist() for face in data.faces] == [[200], [5]]


def test_a_class_order_can_be_stated(tmp_path: Path) -> None:
    path = write_hub(tmp_path / "test.parquet", [1], [4])
    assert "does not say what its labels mean. State the order of its classes" in problem(path)
    data = read_fer2013(path, FOLDER)
    assert (data.splits.tolist(), data.label_set.name(int(data.labels[0]))) == ([TEST], "neutral")


def test_wrong_hugging_face_files(tmp_path: Path) -> None:
    path = write_hub(tmp_path / "faces.parquet", [1], [0])
    assert "neither its name nor that of its folder states a split; rename the file" in problem(path)
    path = write_hub(tmp_path / "train-0.parquet", [1, 1], [0, 7], STATED)
    assert "train-0.parquet row 1: label 7; expected 0 to 6, or -1 for unlabelled" in problem(path)
    path = write_hub(tmp_path / "train-1.parquet", [1], [0], ["bored", "sad"])
    assert "class 'bored' is unknown; expected some of neutral, happy" in problem(path)
    assert read_fer2013(path, LabelSet(("bored", "sad"))).label_set.names == ("bored", "sad")
    path = write_hub(tmp_path / "train-2.parquet", [1], [0], ["joy", "happy", "sad"])
    assert "class 'joy' is unknown" in problem(path)
    assert read_fer2013(path, LabelSet(("joy", "happy", "sad"))).label_set.names == ("joy", "happy", "sad")
    (tmp_path / "mixed").mkdir()
    write_hub(tmp_path / "mixed" / "train.parquet", [1], [0], STATED)
    write_hub(tmp_path / "mixed" / "test.parquet", [1], [0], STATED[::-1])
    assert "files with different class orders: " in problem(tmp_path / "mixed")


def test_a_data_set_that_stands_twice_in_a_folder_is_refused(tmp_path: Path) -> None:
    faces = {f"{part}/happy/{part}.png": encoded(grey(90)) for part in ("train", "test")}
    folder = files(
        tmp_path, {f"{place}/{name}": data for place in ("images", "images/images") for name, data in faces.items()}
    )
    found = problem(folder)
    assert "holds the data set twice, as images/images/t" in found
    assert found.endswith("Name the folder of one of them.")
    assert len(read_fer2013(tmp_path / "images" / "images")) == 2


def test_other_faces_of_the_same_name_are_not_a_second_data_set(tmp_path: Path) -> None:
    names = ("train/sad/Ab.png", "train/sad/aB.png", "alice/train/sad/1.png", "bob/train/sad/1.png")
    folder = files(tmp_path, {name: encoded(grey(level)) for level, name in enumerate(names)})
    assert sorted(read_fer2013(folder).rows.tolist()) == sorted(names)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    folder = files(tmp_path, {"train/sad/a.png": encoded(grey(90)), "test/sad/a.png": encoded(grey(80))})
    (folder / "train" / "sad" / os.fsdecode(b"\xe9.png")).write_bytes(encoded(grey(70)))
    found = problem(folder)
    assert r"1 images have names that are not UTF-8, such as 'train/sad/\udce9.png'. Rename" in found
    (folder / "train" / "sad" / os.fsdecode(b"\xe9.png")).rename(folder / "train" / "sad" / "é.png")
    assert len(read_fer2013(folder)) == 3


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "folder"])
def test_faces_of_another_size_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"drawn faces.*: faces of 32 x 32 px; expected 48 x 48"):
        write_edition(draw_faces(1, size_px=32), tmp_path / name)
    assert not any(tmp_path.iterdir())
