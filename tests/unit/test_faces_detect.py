"""YuNet on scikit-image's astronaut, whose face stands at about (179, 62) to (269, 175), and on what has no face."""

from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import data

from mien.errors import InputError
from mien.faces import detect
from mien.faces.align import crop_face, roll_deg
from mien.faces.detect import Face, YuNet
from mien.faces.track import iou

Image = npt.NDArray[np.uint8]
TRUTH = (179, 62, 269, 175)


@pytest.fixture(scope="module")
def astronaut() -> Image:
    return np.asarray(data.astronaut())


@pytest.fixture(scope="module")
def yunet() -> YuNet:
    return YuNet()


def scaled(image: Image, scale: float) -> Image:
    shrinks = scale < 1
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if shrinks else None))


def test_finds_the_one_face_with_its_landmarks(yunet: YuNet, astronaut: Image) -> None:
    (face,) = yunet.detect(astronaut)
    assert iou(face.box, TRUTH) > 0.9
    assert face.score is not None
    assert 0.9 < face.score <= 1
    assert face.landmarks is not None
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert np.allclose(right_eye, (203, 101), atol=5)  # the person's right is the picture's left
    assert np.allclose(left_eye, (246, 102), atol=5)
    assert np.allclose(nose, (223, 125), atol=5)
    assert np.allclose(right_mouth, (203, 144), atol=5)
    assert np.allclose(left_mouth, (240, 143), atol=5)
    assert face.track_id is None


def test_grey_photos_are_read_too(yunet: YuNet, astronaut: Image) -> None:
    (face,) = yunet.detect(np.asarray(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)))
    assert iou(face.box, TRUTH) > 0.85


@pytest.mark.parametrize("scale", [0.3, 0.7, 2.0, 6.0])
def test_boxes_are_in_px_of_the_photo_whatever_its_size(yunet: YuNet, astronaut: Image, scale: float) -> None:
    (face,) = yunet.detect(scaled(astronaut, scale))
    assert iou(tuple(value / scale for value in face.box), TRUTH) > 0.8


def test_two_looks_find_a_small_and_a_large_face(yunet: YuNet, astronaut: Image) -> None:
    photo = np.zeros((2400, 3200, 3), np.uint8)
    large = scaled(astronaut[40:220, 140:320], 12)  # a face of 1,350 px
    photo[: len(large), : large.shape[1]] = large
    photo[1800:2312, 2600:3112] = astronaut
    first, second = sorted(yunet.detect(photo), key=lambda face: -face.side_px)
    assert iou(first.box, tuple((value - offset) * 12 for value, offset in zip(TRUTH, (140, 40, 140, 40)))) > 0.7
    assert iou(second.box, (2779, 1862, 2869, 1975)) > 0.7


def test_smaller_faces_on_request(astronaut: Image) -> None:
    small = scaled(astronaut, 0.14)  # a face of 16 px
    assert YuNet().detect(small) == []
    (face,) = YuNet(min_face_px=12).detect(small)
    assert iou(tuple(value / 0.14 for value in face.box), TRUTH) > 0.5


def test_faces_below_the_minimum_are_left_out(astronaut: Image) -> None:
    assert len(YuNet(min_face_px=100).detect(astronaut)) == 1
    assert len(YuNet(min_face_px=140).detect(astronaut)) == 1  # boxes of small faces are up to a quarter too small
    assert YuNet(min_face_px=160).detect(astronaut) == []


@pytest.mark.parametrize(("min_face_px", "face_px"), [(24, 24), (24, 48), (12, 12)])
def test_finds_all_of_fifty_faces(astronaut: Image, min_face_px: int, face_px: int) -> None:
    tile = scaled(astronaut[:240, 100:340], face_px / (TRUTH[3] - TRUTH[1]))
    assert len(YuNet(min_face_px=min_face_px).detect(np.tile(tile, (5, 10, 1)))) == 50


def test_a_face_that_the_border_cuts_keeps_its_whole_box(yunet: YuNet, astronaut: Image) -> None:
    (face,) = yunet.detect(astronaut[:, 215:])
    assert face.box[0] < 0 < face.box[2]


@pytest.mark.parametrize("side", [28, 48, 1960])
def test_a_face_may_fill_the_photo(astronaut: Image, side: int) -> None:
    (face,) = YuNet(min_face_px=20).detect(scaled(astronaut[50:190, 155:295], side / 140))
    assert iou(tuple(value * 140 / side for value in face.box), (24, 12, 114, 125)) > 0.7


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (32, 640), (33, 33), (300, 40_000)])
@pytest.mark.parametrize("grey", [0, 127, 255])
def test_no_face_where_there_is_none(yunet: YuNet, shape: tuple[int, int], grey: int) -> None:
    assert yunet.detect(np.full((*shape, 3), grey, np.uint8)) == []


@pytest.mark.parametrize("name", ["coffee", "chelsea", "coins", "rocket"])
def test_no_face_in_cats_and_cups(yunet: YuNet, name: str) -> None:
    assert yunet.detect(np.asarray(getattr(data, name)())) == []


def test_duplicates_of_two_looks_are_one_face() -> None:
    better = [10, 10, 110, 110, *[0] * 10, 0.9]
    worse = [12, 12, 112, 112, *[0] * 10, 0.8]
    other = [300, 10, 400, 110, *[0] * 10, 0.7]
    kept = detect._without_duplicates(np.array([worse, other, better], float))
    assert kept[:, 14].tolist() == [0.9, 0.7]


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_turned_photos_give_the_same_face_turned(yunet: YuNet, astronaut: Image, quarter_turns: int) -> None:
    photo = astronaut[:400]  # not square: a swap of sides would show
    (upright,) = yunet.detect(photo)
    (face,) = yunet.detect(np.rot90(photo, quarter_turns))
    assert roll_deg(face) == pytest.approx(roll_deg(upright) - 90 * quarter_turns + 360 * (quarter_turns > 2), abs=3)
    crop = crop_face(np.ascontiguousarray(np.rot90(photo, quarter_turns)), face).astype(float)
    expected = cv2.resize(crop_face(photo, upright), crop.shape[:2]).astype(float)
    assert np.abs(crop - expected).mean() < 8


@pytest.mark.parametrize("degrees", [-150, -110, -60, -20, 20, 65, 120, 165])
def test_faces_are_found_and_levelled_at_any_angle(yunet: YuNet, astronaut: Image, degrees: int) -> None:
    turn = cv2.getRotationMatrix2D((224, 118), -degrees, 1)
    turn[:, 2] += 100
    photo = np.asarray(cv2.warpAffine(astronaut, turn, (448, 448)), np.uint8)
    (face,) = yunet.detect(photo)
    assert iou(face.box, (324 - 50, 218 - 50, 324 + 50, 218 + 50)) > 0.5
    assert abs((roll_deg(face) - degrees + 180) % 360 - 180) < 30


def test_upright_and_turned_faces_together_on_request(yunet: YuNet, astronaut: Image) -> None:
    both = np.hstack([astronaut, np.rot90(astronaut)])
    (face,) = (face for face in YuNet(any_angle=True).detect(both) if face.center[0] > 512)
    assert roll_deg(face) == pytest.approx(-90, abs=5)
    found = yunet.detect(both)
    assert found
    assert all(abs(roll_deg(face)) < 45 for face in found)  # the sure one ends the search


def test_a_sure_face_ends_the_search(yunet: YuNet, astronaut: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    rows = yunet._network.rows
    monkeypatch.setattr(yunet._network, "rows", lambda image, score: looks.append(score) or rows(image, score))
    yunet.detect(astronaut)
    assert looks == [0.7]
    yunet.detect(np.zeros_like(astronaut))
    assert looks[1:] == pytest.approx([0.7, 0.8, 0.8, 0.8])


def test_threads_share_a_detector(yunet: YuNet, astronaut: Image) -> None:
    found: list[list[Face]] = []
    images = [astronaut, scaled(astronaut, 0.5)] * 2
    threads = [threading.Thread(target=lambda image=image: found.append(yunet.detect(image))) for image in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [yunet.detect(image)[0].box for image in images[:2]] * 2
    assert sorted(faces[0].box for faces in found) == sorted(expected)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_other_arrays_are_refused(yunet: YuNet, bad: Image) -> None:
    with pytest.raises(InputError, match=r"image of shape .* expected \(H, W, 3\) RGB or \(H, W\) grey uint8"):
        yunet.detect(bad)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_face_px": 0}, "min_face_px 0; expected a number, 1 or more"),
        ({"min_face_px": "24"}, "min_face_px '24'; expected a number, 1 or more"),
        ({"threads": "2"}, "threads '2'; expected a whole number, 1 or more"),
        ({"longest_px": 100}, "longest_px 100; expected a whole number, 320 or more"),
        ({"score_threshold": 0}, "score_threshold 0; expected above 0, and 1 at most"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        YuNet(**wrong)


def test_a_path_is_no_image() -> None:
    with pytest.raises(InputError, match=r"image of type str; expected an array of pixels, see mien\.analyze"):
        YuNet().detect("photo.jpg")  # type: ignore[arg-type]
