"""What is drawn where: colours of boxes, labels and bars are looked for in the picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mien.errors import InputError
from mien.faces.detect import Box, Face
from mien.labels import FERPLUS
from mien.media.draw import annotate, label_colors, picture_files, save_picture
from mien.recognizer import Expression

Pixels = npt.NDArray[np.uint8]
ORANGE, BLUE, PURPLE = (230, 159, 0), (86, 180, 233), (204, 121, 167)


def expression(label: str = "happy", *, uncertain: bool = False) -> Expression:
    probabilities = {"happy": 0.2, "sad": 0.2, "fear": 0.1} | {label: 0.6}
    return Expression(label, 0.6, probabilities, uncertain)


def where(picture: Pixels, color: tuple[int, int, int]) -> Box:
    """Smallest box around all pixels of a colour."""
    y, x = np.nonzero((picture == color).all(axis=2))
    return (x.min(), y.min(), x.max(), y.max())


def blank(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), 128, np.uint8)


def test_the_box_stands_where_the_face_is_and_the_photo_stays() -> None:
    photo = blank(800, 600)
    picture = annotate(photo, [Face(box=(300, 200, 400, 320))], [expression()])
    assert picture.shape == photo.shape
    assert (photo == 128).all()
    x0, y0, _, y1 = where(picture[:, :401], ORANGE)
    assert (x0, y1) == pytest.approx((300, 320), abs=1)
    assert y0 < 200 - 10  # the label's ground, above the box


def test_the_picture_may_be_drawn_on() -> None:
    picture = annotate(blank(800, 600), [], [])
    picture[:10] = 255  # as cv2.putText does, which refuses arrays that are read-only
    assert (picture[:10] == 255).all() and (picture[10:] == 128).all()


def test_bars_are_as_long_as_their_probabilities() -> None:
    picture = annotate(blank(800, 600), [Face(box=(300, 200, 400, 320))], [expression("sad")])
    beside = picture[200:, 410:]
    blue, purple = where(beside, BLUE), where(beside, PURPLE)
    assert (blue[2] - blue[0] + 1) / (purple[2] - purple[0] + 1) == pytest.approx(6, rel=0.15)
    assert blue[1] < purple[1]  # sad comes before fear


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((100, 200, 200, 320), slice(0, 199), slice(100, 240)),  # above the box
        ((0, 5, 90, 120), slice(122, 200), slice(0, 140)),  # below, as there is no room above
        ((0, 0, 800, 600), slice(2, 40), slice(2, 140)),  # inside
        ((740, 200, 840, 320), slice(0, 199), slice(650, 800)),  # moved to the left
    ],
)
def test_the_label_stays_inside_the_picture(box: Box, rows: slice, columns: slice) -> None:
    picture = annotate(blank(800, 600), [Face(box=box)], [expression()])
    x0, y0, x1, y1 = where(picture[rows, columns], ORANGE)
    assert x1 - x0 > 60
    assert y1 - y0 > 12


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((300, 200, 400, 320), slice(0, 600), slice(402, 800)),  # right
        ((690, 200, 790, 320), slice(0, 600), slice(0, 688)),  # left
        ((20, 100, 790, 220), slice(222, 600), slice(0, 800)),  # below
        ((20, 420, 790, 590), slice(0, 418), slice(0, 800)),  # above, below the label
    ],
)
def test_bars_stand_where_there_is_room(box: Box, rows: slice, columns: slice) -> None:
    picture = annotate(blank(800, 600), [Face(box=box)], [expression("sad")])
    x0, _, x1, _ = where(picture[rows, columns], PURPLE)
    assert x1 > x0 > 0


@pytest.mark.timeout(20)
def test_huge_boxes_are_drawn_at_once() -> None:
    huge, wide, far = (-1e8, -1e8, 1e8, 1e8), (-1e8, 100, 1e8, 200), (1e8, 1e8, 2e8, 2e8)
    picture = annotate(blank(800, 600), [Face(box=box) for box in (huge, wide, far)], [expression()] * 3)
    assert (picture[[100, 200], 400] == ORANGE).all()
    assert (picture[300:310, [0, -1]] == 128).all()  # no edge of a box


def test_bars_hide_no_other_face() -> None:
    crowd = [Face(box=(x, 100, x + 100, 220)) for x in range(0, 800, 110)]
    picture = annotate(blank(800, 230), crowd, [expression()] * len(crowd))
    for face in crowd:
        x0, y0, x1, y1 = (int(value) for value in face.box)
        assert (picture[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8] == 128).all()


@pytest.mark.parametrize(("width", "height", "zoom"), [(48, 48, 14), (300, 200, 3), (639, 10, 2), (640, 10, 1)])
def test_small_photos_are_enlarged(width: int, height: int, zoom: int) -> None:
    picture = annotate(blank(width, height), [], [])
    assert picture.shape == (height * zoom, width * zoom, 3)
    assert (picture == 128).all()


def test_boxes_are_enlarged_with_their_photo() -> None:
    picture = annotate(blank(320, 320), [Face(box=(100, 200, 150, 250))], [expression()])
    x0, _, _, y1 = where(picture[:, :302], ORANGE)
    assert (x0, y1) == pytest.approx((200, 500), abs=2)


@pytest.mark.parametrize("width", [640, 2500])
def test_labels_are_readable_at_any_size(width: int) -> None:
    for face_px in (30, width // 4):
        photo = blank(width, width)
        top = width // 2
        picture = annotate(photo, [Face(box=(top, top, top + face_px, top + face_px))], [expression()])
        label_height = top - where(picture[:top], ORANGE)[1]
        assert label_height >= 13
        assert label_height <= width / 15


def test_uncertain_labels_have_a_question_mark() -> None:
    face = Face(box=(300, 200, 400, 320))
    sure, unsure = (annotate(blank(800, 600), [face], [expression(uncertain=value)]) for value in (False, True))
    assert where(unsure[:200], ORANGE)[2] > where(sure[:200], ORANGE)[2] + 5


def test_other_classes_get_a_colour_that_is_left() -> None:
    odd = Expression("bored", 0.9, {"angry": 0.1, "bored": 0.9}, uncertain=False)
    picture = annotate(blank(800, 600), [Face(box=(300, 200, 400, 320))], [odd])
    assert where(picture[:, :402], label_colors(["contempt"])["contempt"])[0] == 300


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.webp", "new/folder/a.jpeg"])
def test_pictures_are_saved_by_their_ending(tmp_path: Path, name: str) -> None:
    save_picture(blank(20, 10), tmp_path / name)
    with Image.open(tmp_path / name) as saved:
        assert saved.size == (20, 10)
        assert saved.format == {"png": "PNG", "webp": "WEBP"}.get(name[-4:].strip("."), "JPEG")


def test_pictures_that_cannot_be_saved_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.pdf: unknown ending '\.pdf'; expected \.jpg, \.jpeg, \.png, \.webp"):
        save_picture(blank(2, 2), tmp_path / "a.pdf")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"a\.png: cannot be written \((Not a directory|File exists)\)"):
        save_picture(blank(2, 2), tmp_path / "file" / "a.png")


def test_a_full_disk_leaves_the_picture_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.png").write_text("old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match=r"a\.png: cannot be written \(No space left on device\)\. .*is intact"):
        save_picture(blank(2, 2), tmp_path / "a.png")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.png", "old")]


@pytest.mark.parametrize(("name", "longest"), [("a.webp", 16_383), ("a.JPG", 65_500)])
def test_pictures_too_large_for_their_format_are_refused(tmp_path: Path, name: str, longest: int) -> None:
    save_picture(blank(1, longest), tmp_path / name)
    (tmp_path / name).unlink()
    message = (
        rf"{name}: a picture of 1 x {longest + 1} px; {name[1:].lower()} takes at most {longest:,} px a side; .*\.png"
    )
    with pytest.raises(InputError, match=message):
        save_picture(blank(1, longest + 1), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_where_pictures_go(tmp_path: Path) -> None:
    out = tmp_path / "out"
    photo = tmp_path / "a" / "x.jpg"
    assert picture_files([photo], tmp_path / "new.png") == [tmp_path / "new.png"]
    assert picture_files([photo], out) == [out / "x.jpg"]
    several = [photo, tmp_path / "a" / "b" / "x.jpg", tmp_path / "a" / "y.gif"]
    assert picture_files(several, out) == [out / "x.jpg", out / "b" / "x.jpg", out / "y.gif.png"]


@pytest.mark.parametrize("name", ["out.tiff", "annotated.xyz", "timeline.html"])
def test_one_photo_makes_no_folder_with_an_ending(tmp_path: Path, name: str) -> None:
    photos, out = [tmp_path / "x.jpg", tmp_path / "y.jpg"], tmp_path / name
    with pytest.raises(
        InputError, match=rf"{name}: unknown ending .*; for one photo, expected \.jpg, .*, or a folder that"
    ):
        picture_files(photos[:1], out)
    assert picture_files(photos, out) == [out / "x.jpg", out / "y.jpg"]
    out.mkdir()
    assert picture_files(photos[:1], out) == [out / "x.jpg"]


def test_names_that_are_too_long_are_no_folders() -> None:
    assert picture_files([Path("x.jpg")], out := Path("n" * 300 + ".jpg")) == [out]
    with pytest.raises(InputError, match=r"unknown ending '\.xyz'; for one photo"):
        picture_files([Path("x.jpg")], Path("n" * 300 + ".xyz"))


def test_photos_are_not_overwritten(tmp_path: Path) -> None:
    photos = [tmp_path / "x.jpg", tmp_path / "y.jpg"]
    for out in (tmp_path, tmp_path / "sub" / ".."):
        with pytest.raises(
            InputError, match=r"x\.jpg: is a photo and would be overwritten; save the pictures elsewhere"
        ):
            picture_files(photos, out)
    with pytest.raises(InputError, match=r"z\.jpg: is one file, but there are 2 photos; name a folder"):
        picture_files(photos, tmp_path / "z.jpg")


def test_a_link_to_itself_in_a_folder_of_photos_does_not_stop_their_pictures(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    out = tmp_path / "out"
    assert picture_files([tmp_path / "loop.jpg", tmp_path / "x.jpg"], out) == [out / "loop.jpg", out / "x.jpg"]


def test_pictures_stay_in_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    out = Path("out")
    photos = [Path("../photos/x.jpg"), Path("mine/y.jpg")]
    assert picture_files(photos, out) == [out / "photos" / "x.jpg", out / "here" / "mine" / "y.jpg"]
    assert picture_files([Path("../here/x.jpg"), Path("x.jpg")], out) == [out / "x.jpg"] * 2  # one photo, named twice


def test_photos_do_not_share_a_picture(tmp_path: Path) -> None:
    photos = [tmp_path / "a" / name for name in ("s.gif", "s.gif.png")]
    message = r"a/s\.gif and .*a/s\.gif\.png: would both be drawn to .*out/s\.gif\.png; save them to two folders"
    with pytest.raises(InputError, match=message):
        picture_files(photos, tmp_path / "out")
    videos = [tmp_path / "s.mov", tmp_path / "s.mov.mp4"]
    with pytest.raises(InputError, match=r"s\.mov and .*s\.mov\.mp4: would both be drawn to .*out/s\.mov\.mp4"):
        picture_files(videos, tmp_path / "out", set(videos))
    with pytest.raises(InputError, match=r"s\.mov\.mp4: is a video and would be overwritten"):
        picture_files([tmp_path / "s.mov", tmp_path / "x.jpg", videos[1]], tmp_path, set(videos))
    mixed = [tmp_path / "s.mov", tmp_path / "s.mov.png"]
    assert picture_files(mixed, tmp_path / "out", {mixed[0]}) == [
        tmp_path / "out" / f"s.mov.{e}" for e in ("mp4", "png")
    ]


def test_colours_can_be_told_apart() -> None:
    own = ("awake", "happy", "sleepy", "yawning")
    for labels in (FERPLUS.names, own, (*own, *"abcd")):
        colors = np.array([*label_colors(labels).values(), (255, 255, 255)])  # white is the paper of timelines
        distances = np.abs(colors[:, None] - colors[None]).sum(axis=2)
        assert distances[~np.eye(len(colors), dtype=bool)].min() > 80
    assert label_colors(own)["happy"] == label_colors(FERPLUS)["happy"]
    assert set(label_colors([*FERPLUS, *own]).values()) == set(label_colors(FERPLUS).values())


def test_photos_on_two_drives_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def commonpath(paths: list[Path]) -> str:
        raise ValueError("Paths don't have the same drive")  # as Windows says

    monkeypatch.setattr("os.path.commonpath", commonpath)
    with pytest.raises(InputError, match="out: the photos lie on several drives; save those of each drive in a run"):
        picture_files([tmp_path / "a.png", tmp_path / "b.png"], Path("out"))
