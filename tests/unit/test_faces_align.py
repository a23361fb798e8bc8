"""Crops against what slicing gives, and turns against known angles."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from mien.faces.align import MAX_CROP_PX, crop_face, roll_deg, whole
from mien.faces.detect import Face

Image = npt.NDArray[np.uint8]
UPRIGHT = np.array([(-35, -20), (35, -20), (0, 0), (-15, 25), (15, 25)], float)


@pytest.fixture
def noise() -> Image:
    return np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


def face_at(x: float, y: float, *, turned_deg: float = 0, side: float = 80, squeeze: float = 1) -> Face:
    angle = np.radians(turned_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (UPRIGHT * [squeeze, 1]) @ turn.T + (x, y)
    marks = tuple((float(a), float(b)) for a, b in points)
    return Face(box=(x - side / 2, y - side / 2, x + side / 2, y + side / 2), landmarks=marks)


def test_a_square_box_inside_is_a_slice(noise: Image) -> None:
    assert (crop_face(noise, Face(box=(30, 20, 78, 68))) == noise[20:68, 30:78]).all()


def test_the_whole_picture_is_itself(noise: Image) -> None:
    square = np.ascontiguousarray(noise[:48, :48, 0])
    assert (crop_face(square, Face(box=(0, 0, 48, 48))) == square).all()
    assert whole(noise).box == (0, 0, 160, 120)


def test_the_longer_side_counts_and_the_centre_stays(noise: Image) -> None:
    assert (crop_face(noise, Face(box=(40, 20, 60, 60))) == noise[20:60, 30:70]).all()


def test_margin_is_added_on_each_side(noise: Image) -> None:
    assert (crop_face(noise, Face(box=(40, 40, 80, 80)), margin_fraction=0.25) == noise[30:90, 30:90]).all()


def test_edges_are_repeated_beyond_the_border(noise: Image) -> None:
    crop = crop_face(noise, Face(box=(-10, -10, 30, 30)))
    assert (crop == np.pad(noise, ((10, 0), (10, 0), (0, 0)), "edge")[:40, :40]).all()
    crop = crop_face(noise, Face(box=(140, 100, 180, 140)))
    assert (crop == np.pad(noise, ((0, 20), (0, 20), (0, 0)), "edge")[100:140, 140:180]).all()


def test_beyond_the_picture_its_edge_is_all_that_is_seen(noise: Image) -> None:
    right, below = crop_face(noise, Face(box=(300, 40, 340, 80))), crop_face(noise, Face(box=(40, 300, 80, 340)))
    assert (right == noise[40:80, -1:]).all()
    assert (below == noise[-1:, 40:80]).all()
    assert (crop_face(noise, Face(box=(-340, 40, -300, 80))) == noise[40:80, :1]).all()


def test_large_faces_are_shrunk_by_area() -> None:
    stripes = np.zeros((2048, 2048), np.uint8)
    stripes[:, ::4] = 255  # one px wide: anything but a mean shows them
    crop = crop_face(stripes, Face(box=(0, 0, 2048, 2048)))
    assert crop.shape == (MAX_CROP_PX, MAX_CROP_PX)
    assert np.abs(crop[4:-4, 4:-4].astype(int) - 64).max() <= 2


def test_a_large_face_is_shrunk_where_it_is() -> None:
    blots = np.random.default_rng(0).integers(0, 256, (40, 45), np.uint8)
    picture = np.asarray(cv2.resize(blots, (1800, 1600), interpolation=cv2.INTER_CUBIC))
    wanted = cv2.resize(picture[300:1324, 500:1524], (512, 512), interpolation=cv2.INTER_AREA)
    crop = crop_face(picture, Face(box=(500, 300, 1524, 1324)))
    assert np.abs(crop.astype(int) - wanted).mean() < 1


def test_wide_photos_are_cropped_too() -> None:
    photo = np.zeros((60, 40_000), np.uint8)
    photo[:, 39_950:] = 200
    assert crop_face(photo, Face(box=(39_955, 10, 39_995, 50))).min() == 200


def test_a_box_in_fractions_of_px_gives_at_least_one() -> None:
    assert crop_face(np.full((9, 9), 7, np.uint8), Face(box=(4.1, 4.1, 4.3, 4.3))).tolist() == [[7]]


@pytest.mark.parametrize("degrees", [-135, -30, -5, 0, 10, 45, 90])
@pytest.mark.parametrize("squeeze", [1, 0.2])  # 0.2 as in a profile
def test_roll_is_measured(degrees: float, squeeze: float) -> None:
    assert roll_deg(face_at(100, 100, turned_deg=degrees, squeeze=squeeze)) == pytest.approx(degrees)


def test_the_lines_of_a_face_count_by_their_length() -> None:
    # 70 px from eye to eye turned by 10 degrees, 30 px across the mouth by 20, 45 px down from eyes to mouth by 40
    eyes, mouth, down = (length * np.exp(1j * np.radians(angle)) for length, angle in ((70, 10), (30, 20), (45, 40)))
    below = down * 1j  # x + iy, with y downwards
    marks = [-eyes / 2, eyes / 2, 0, below - mouth / 2, below + mouth / 2]
    face = Face(box=(-50, -50, 50, 50), landmarks=tuple((complex(z).real, complex(z).imag) for z in marks))
    assert roll_deg(face) == pytest.approx(np.degrees(np.angle(eyes + mouth + down)))


def test_without_landmarks_nothing_is_turned(noise: Image) -> None:
    face = Face(box=(30, 20, 78, 68))
    assert roll_deg(face) == 0
    assert (crop_face(noise, face) == noise[20:68, 30:78]).all()


@pytest.mark.parametrize("degrees", [-30, 20, 90, 180, 260])
def test_crops_are_turned_upright(degrees: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 20), np.uint8)
    picture = np.asarray(cv2.resize(noise, (200, 200), interpolation=cv2.INTER_CUBIC))
    upright = face_at(100, 100)
    turn = cv2.getRotationMatrix2D((99.5, 99.5), -degrees, 1)  # OpenCV counts against the clock
    turned = np.asarray(cv2.warpAffine(picture, turn, (200, 200)), np.uint8)
    face = face_at(100, 100, turned_deg=degrees)
    wanted = crop_face(picture, upright).astype(int)
    assert np.abs(crop_face(turned, face) - wanted).mean() < 5
    assert np.abs(crop_face(turned, replace(face, landmarks=None)) - wanted).mean() > 20
