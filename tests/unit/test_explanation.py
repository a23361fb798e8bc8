"""Explanations: heat where the model looks, by networks whose eyes are known, scikit-learn's ridge, and a photo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage import data
from sklearn.linear_model import Ridge
from tiny_model import write_tiny_model
from typer.testing import CliRunner

import mien
from mien.cli import build_app
from mien.errors import InputError
from mien.explanation import Explanation, blurred, heat_maps, picture_of
from mien.media.heat import heat_picture, overlaid
from mien.recognizer import Expression, Recognizer, softmax
from mien.records import AnalyzedFace

MOUTH = np.s_[36:44, 12:36]


class LooksAtMouth:
    """Says 0 the more, the brighter the mouth; 1 the less; the rest of the face means nothing to it."""

    def logits(self, faces: npt.NDArray[np.uint8], batch_size: int = 64) -> npt.NDArray[np.float32]:
        bright = faces[:, :, *MOUTH].mean(axis=(1, 2, 3)) / 50
        return np.stack([bright, -bright], axis=1).astype(np.float32)


def bright_mouth(planes: int = 1) -> npt.NDArray[np.uint8]:
    face = np.zeros((1, planes, 48, 48), np.uint8)
    face[:, :, *MOUTH] = 255
    return face


def heat_of(face: npt.NDArray[np.uint8], label: int = 0, masks: int = 800, seed: int = 0) -> npt.NDArray[np.float32]:
    return heat_maps(cast("Recognizer", LooksAtMouth()), face, [label], masks=masks, seed=seed)[0]


def explanation(heat: npt.NDArray[np.float32]) -> Explanation:
    expression = Expression("happy", 0.9, {"happy": 0.9, "sad": 0.1}, False)
    face = AnalyzedFace(box=(0.0, 0.0, 48.0, 48.0), expression=expression)
    return Explanation(face=face, label="happy", crop=np.zeros((48, 48), np.uint8), heat=heat)


@pytest.mark.parametrize("planes", [1, 3])
def test_heat_stands_where_the_network_looks(planes: int) -> None:
    heat = heat_of(bright_mouth(planes))
    hottest = np.unravel_index(heat.argmax(), heat.shape)
    assert 36 <= hottest[0] < 44
    assert 12 <= hottest[1] < 36
    assert heat[MOUTH].mean() > 10 * np.abs(heat[:28]).mean()
    assert explanation(heat).shares["mouth"] > 0.8


def test_what_speaks_for_one_label_speaks_against_the_other() -> None:
    assert heat_of(bright_mouth(), 1)[MOUTH].max() < 0 < heat_of(bright_mouth(), 0)[MOUTH].min()


def test_large_logits_have_a_heat_too() -> None:
    class LooksFarAway(LooksAtMouth):
        def logits(self, faces: npt.NDArray[np.uint8], batch_size: int = 64) -> npt.NDArray[np.float32]:
            return super().logits(faces) + 200  # e^200 is no float32

    face = bright_mouth()
    heat = heat_maps(cast("Recognizer", LooksFarAway()), face, [0], masks=80)[0]
    np.testing.assert_allclose(heat, heat_of(face, masks=80), atol=1e-4)


def test_a_face_that_looks_the_same_when_hidden_has_no_heat() -> None:
    heat = heat_of(np.full((1, 1, 48, 48), 90, np.uint8))
    assert np.abs(heat).max() < 1e-6
    assert explanation(np.zeros((48, 48), np.float32)).shares == {"eyes": 0, "nose": 0, "mouth": 0}


def test_cells_have_the_coefficients_of_ridge_regression() -> None:
    face, masks = bright_mouth(), 60
    cells = np.random.default_rng(3).integers(0, 2, (masks, 12, 12)).astype(np.float32)
    hidden = blurred(face[0])[0].astype(np.float32)
    tried = [
        np.rint(hidden + cv2.resize(grid, (48, 48), interpolation=cv2.INTER_LINEAR) * (face[0, 0] - hidden))
        for grid in cells
    ]
    logits = LooksAtMouth().logits(np.array(tried, np.uint8)[:, None])
    log_p = np.log(softmax(logits)[:, 0])
    expected = Ridge(alpha=0.1 * masks).fit(cells.reshape(masks, -1), log_p).coef_.reshape(12, 12)
    enlarged = cv2.resize(expected.astype(np.float32), (48, 48), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(heat_of(face, masks=masks, seed=3), enlarged, atol=1e-5)


def test_each_face_is_explained_by_itself() -> None:
    faces = np.concatenate([bright_mouth(), np.flip(bright_mouth(), 3) // 2])
    network = cast("Recognizer", LooksAtMouth())
    together = heat_maps(network, faces, [0, 1], masks=100)
    np.testing.assert_array_equal(together[1], heat_maps(network, faces[1:], [1], masks=100)[0])
    assert heat_maps(network, faces[:0], []).shape == (0, 48, 48)


def test_one_mask_is_refused() -> None:
    with pytest.raises(InputError, match="masks 1; expected a whole number, 2 or more"):
        heat_of(bright_mouth(), masks=1)


def test_shares_are_bands_of_what_speaks_for_the_label() -> None:
    heat = np.zeros((48, 48), np.float32)
    heat[10], heat[30], heat[40], heat[20] = 1, 1, 2, -5  # eyes, nose, mouth; against
    assert explanation(heat).shares == {"eyes": 0.25, "nose": 0.25, "mouth": 0.5}
    even = explanation(np.ones((100, 100), np.float32)).shares
    assert even == pytest.approx({"eyes": 0.5, "nose": 0.18, "mouth": 0.32})


def test_a_colour_crop_is_a_picture_the_same_way_up() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8)
    assert [crop[:, y, x].tolist() for y, x in ((0, 7), (7, 0))] == [
        picture_of(crop)[0, 7].tolist(),
        picture_of(crop)[7, 0].tolist(),
    ]
    assert (picture_of(crop[:1]) == crop[0]).all()


def test_the_smile_of_a_photo_is_in_the_lower_face() -> None:
    (found,) = mien.explain(data.astronaut())
    assert (found.label, found.face.expression.label) == ("happy", "happy")
    assert found.heat.shape == found.crop.shape == (48, 48)
    assert found.shares["mouth"] > found.shares["eyes"]
    assert found.plot().size[0] > 2 * 192
    (other,) = mien.explain(data.astronaut(), label="sad")
    assert other.label == "sad"
    assert other.heat[36:42, 16:32].mean() < 0 < found.heat[36:42, 16:32].mean()  # the smile


def test_crops_are_taken_whole_and_labels_known(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    (found,) = mien.explain(np.full((60, 40), 200, np.uint8), model=model, crops=True)
    assert found.face.box == (0, 0, 40, 60)
    assert found.label == "happy"
    with pytest.raises(InputError, match="tiny: label 'bored' is unknown; expected one of angry, disgust, fear, happy"):
        mien.explain(np.zeros((60, 40), np.uint8), model=model, crops=True, label="bored")
    with pytest.raises(InputError, match="tiny: label 3 is not a name; expected one of angry, disgust, fear, happy"):
        mien.explain(np.zeros((60, 40), np.uint8), model=model, crops=True, label=cast("str", 3))


def test_given_boxes_are_explained() -> None:
    photo = data.astronaut()
    (known,) = mien.analyze(photo).faces
    (found,) = mien.explain(photo, boxes=[known])
    assert found.face.expression == known.expression


@pytest.mark.parametrize("crops", [True, False])
def test_what_is_explained_is_what_was_read(crops: bool) -> None:
    photo = data.astronaut()[60:180, 160:290]  # wider than high
    (found,) = mien.explain(photo, crops=crops)
    (again,) = mien.Recognizer.load().predict([found.crop])
    assert again.probabilities == pytest.approx(found.face.expression.probabilities)
    (known,) = mien.analyze(photo, crops=crops).faces
    assert found.face == known


@pytest.mark.parametrize("name", ["", "*.png", "clip.mp4"])
def test_more_than_one_photo_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is not a photo; one photo is explained at a time"):
        mien.explain(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"crops": True, "min_face_px": 9.5}, "min_face_px is for the detector; boxes and crops say"),
        ({"boxes": [(0, 0, 9, 9)], "min_face_px": 9.5}, "min_face_px is for the detector; boxes and crops say"),
        ({"boxes": [(0, 0, 9, 9)], "crops": True}, "boxes and crops exclude each other"),
    ],
)
def test_arguments_that_contradict_each_other(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mien.explain(data.astronaut(), **arguments)


def test_an_unreadable_photo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png"):
        mien.explain(tmp_path / "a.png")


def test_overlay_keeps_what_is_neutral_and_colors_the_rest() -> None:
    crop, heat = np.full((4, 4), 100, np.uint8), np.zeros((4, 4), np.float32)
    assert (overlaid(crop, heat) == 100).all()
    heat[0, 0], heat[3, 3] = 2, -1
    picture = overlaid(np.stack([crop] * 3, axis=-1), heat)
    assert picture[0, 0, 0] > 150 > 100 > picture[0, 0, 2]  # red: for the label
    assert picture[3, 3, 2] > 100 > picture[3, 3, 0]  # blue: against it
    assert (picture[1:3] == 100).all()


def test_picture_has_a_tile_for_each_face() -> None:
    crop, heat = np.zeros((48, 48), np.uint8), np.ones((48, 48), np.float32)
    one, four = (heat_picture([crop] * n, [heat] * n, ["happy 90%"] * n) for n in (1, 4))
    assert four.shape[1] > 2 * one.shape[1]
    assert four.shape[0] > one.shape[0] > 192
    assert four.dtype == np.uint8


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(build_app(), ["explain", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


def test_command_prints_draws_and_writes_json(tmp_path: Path) -> None:
    photo, picture = tmp_path / "astronaut.png", tmp_path / "heat.png"
    Image.fromarray(data.astronaut()).save(photo)
    code, text, _ = run(photo, "--save", picture)
    assert code == 0
    assert "happy" in text
    assert "mouth" in text
    assert text.rstrip().endswith("box 178 63 268 176")
    assert Image.open(picture).size[0] > 2 * 192
    code, text, _ = run(photo, "--json", "--label", "fear")
    (face,) = json.loads(text)
    assert face["explained"] == "fear"
    assert face["expression"]["label"] == "happy"
    assert np.array(face["heat"]).shape == (48, 48)
    assert sum(face["shares"].values()) == pytest.approx(1, abs=1e-3)


def test_command_refuses_an_unknown_ending_before_the_work(tmp_path: Path) -> None:
    result = CliRunner().invoke(build_app(), ["explain", str(tmp_path / "none.jpg"), "--save", "heat.txt"])
    assert "heat.txt: unknown ending '.txt'; for one photo, expected" in str(result.exception)


def test_command_finds_faces_as_analyze_does(tmp_path: Path) -> None:
    photo = tmp_path / "small.png"
    Image.fromarray(data.astronaut()).resize((72, 72), Image.Resampling.BOX).save(photo)
    assert "no face" in run(photo)[2]
    assert "happy" in run(photo, "--min-face", "12")[1]
    (tmp_path / "faces.json").write_text(mien.analyze([photo], min_face_px=12).to_json())
    assert "happy" in run(photo, "--boxes", tmp_path / "faces.json")[1]


def test_command_reads_standard_input_as_analyze_does(tmp_path: Path) -> None:
    def piped(command: str, content: bytes, *more: str) -> subprocess.CompletedProcess[bytes]:
        words = [sys.executable, "-m", "mien", command, "-", *more]
        return subprocess.run(words, input=content, capture_output=True, check=False)

    photo, faces = tmp_path / "astronaut.png", tmp_path / "faces.json"
    Image.fromarray(data.astronaut()).save(photo)
    faces.write_bytes(piped("analyze", photo.read_bytes(), "--json").stdout)
    assert piped("explain", photo.read_bytes(), "--boxes", str(faces)).stdout.startswith(b"   0  happy")
    assert piped("explain", b"").stderr.strip() == b"InputError: <stdin>: is empty, 0 bytes."


def test_command_does_not_overwrite_the_photo(tmp_path: Path) -> None:
    photo = tmp_path / "astronaut.png"
    Image.fromarray(data.astronaut()).save(photo)
    before = photo.read_bytes()
    result = CliRunner().invoke(build_app(), ["explain", str(photo), "--save", str(photo)])
    assert "astronaut.png: is a photo and would be overwritten" in str(result.exception)
    assert photo.read_bytes() == before


def test_command_says_that_there_is_no_face(tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "white").save(tmp_path / "white.png")
    code, text, said = run(tmp_path / "white.png", "--save", tmp_path / "heat.png")
    assert (code, text) == (1, "")
    assert "white.png: no face" in said
    assert run(tmp_path / "white.png")[0] == 0  # nothing was to be saved
    assert not (tmp_path / "heat.png").exists()
