"""Robustness: what each change does to pixels, the figures of a model that is fully known, the command."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tiny_model import write_tiny_model
from typer.testing import CliRunner

from mien.cli import build_app
from mien.errors import DataError
from mien.lab import changes
from mien.lab.changes import CHANGES
from mien.lab.data import FaceDataset
from mien.lab.pages.robust_picture import save_picture
from mien.lab.robust import Robustness, robustness
from mien.labels import FER2013, LabelSet
from mien.recognizer import Recognizer

FACE = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
HAPPY, SAD = FER2013.index("happy"), FER2013.index("sad")


class Fixed:
    """Draws that are known: one angle, one side, one noise."""

    def __init__(self, drawn: float) -> None:
        self.drawn = drawn

    def uniform(self, low: float, high: float) -> float:
        return self.drawn

    def choice(self, of: list[int]) -> float:
        return self.drawn

    def standard_normal(self, shape: tuple[int, int]) -> np.ndarray:
        return np.full(shape, self.drawn)


def change(function, amount: float, drawn: float = 0.0, face: np.ndarray = FACE) -> np.ndarray:
    return function(face, amount, Fixed(drawn))


@pytest.mark.parametrize(
    ("function", "zero"),
    [
        (changes.unchanged, 0), (changes.shifted, 0), (changes.enlarged, 0), (changes.turned, 0),
        (changes.blurred, 0.01), (changes.reduced, 48), (changes.noisy, 0), (changes.with_gamma, 1),
        (changes.lit, 1), (changes.with_contrast, 1), (changes.offset, 0),
    ],
)  # fmt: skip
def test_zero_strength_is_the_identity(function, zero):
    assert (change(function, zero, drawn=1.0) == FACE).all()


def test_a_shifted_box_sees_the_face_so_many_pixels_further():
    right = change(changes.shifted, 0.25, drawn=0.0)  # by 12 of 48 px
    assert (right[:, :36] == FACE[:, 12:]).all()
    assert (right[:, 36:] == FACE[:, 47:]).all()  # beyond the edge, the edge again
    down = change(changes.shifted, 0.125, drawn=np.pi / 2)
    assert (down[:42] == FACE[6:]).all() and (down[42:] == FACE[47]).all()


def test_a_box_of_double_size_sees_the_face_at_half_and_turned_by_90_degrees_on_its_side():
    square = np.zeros((48, 48), np.uint8)
    square[12:36, 12:36] = 200
    assert (change(changes.enlarged, 1.0, face=square) > 100).sum() == 12 * 12
    assert (change(changes.enlarged, -0.5, face=square) > 100).all()
    assert (change(changes.turned, 90, drawn=1) == np.rot90(FACE, -1)).all()
    assert (change(changes.turned, 90, drawn=-1) == np.rot90(FACE)).all()


def test_a_box_between_pixels_blurs_little():
    inner = np.s_[4:-4, 4:-4]  # half a pixel further, a linear map would leave 0.71 of the deviation of noise
    assert change(changes.shifted, 0.5 / 48)[inner].std() > 0.8 * FACE[inner].std()


def test_faces_are_turned_to_either_side():
    bar = np.zeros((48, 48), np.uint8)
    bar[22:26] = 255
    turned = next(each for each in CHANGES if each.name == "turned").apply(np.stack([bar] * 40), 0)
    rises = turned[:, :24, 40].sum(1, dtype=int) > turned[:, 24:, 40].sum(1, dtype=int)
    assert 10 < rises.sum() < 30


def test_changes_are_as_strong_as_their_words_say():
    for each in CHANGES:
        if number := re.search(r"[-+]?[\d.]+", each.strength):
            said = float(number[0])
            assert abs(each.amount) == pytest.approx(said / 100 if "%" in each.strength else abs(said)), each.strength
            assert (each.amount < 0) == (said < 0 or each.name == "box smaller")


def test_grey_levels_are_those_computed_by_hand():
    face = np.array([[0, 100], [200, 255]], np.uint8)
    levels = {
        (changes.noisy, 10): [0 + 10, 110, 210, 255],
        (changes.offset, -120): [0, 0, 80, 135],
        (changes.with_gamma, 2): [0, 39, 157, 255],  # 255 (100 / 255)² = 39.2
        (changes.lit, 2**-2.2): [0, 50, 100, 128],  # so much light is half the grey level
        (changes.with_contrast, 0.5): [69, 119, 169, 197],  # mean 138.75
    }
    for (function, amount), expected in levels.items():
        assert change(function, amount, drawn=1.0, face=face).ravel().tolist() == expected


def test_pictures_get_poorer():
    assert (change(changes.mirrored, 1)[:, 0] == FACE[:, 47]).all()
    dot = np.zeros((96, 96), np.uint8)
    dot[48, 48] = 255
    peak = change(changes.blurred, 1, face=dot)[48, 48]
    assert peak == pytest.approx(255 / (2 * np.pi * 2**2), abs=1)  # sigma is 2 px where the face is 96 px wide
    assert np.ptp(change(changes.reduced, 1)) == 0
    stripes = np.tile(np.array([0, 255, 0], np.uint8), (48, 16))
    assert (change(changes.reduced, 16, face=stripes) == 85).all()  # by area: the mean of 3 x 3 px
    losses = [np.abs(change(changes.compressed, q) - FACE.astype(float)).mean() for q in (100, 50, 10)]
    assert losses == sorted(losses) and losses[0] < 1 < losses[1]


def test_a_bar_hides_eyes_or_mouth():
    hidden = {each.strength: each.apply(FACE[None], 0)[0] for each in CHANGES if each.name == "covered"}
    rows = {part: np.flatnonzero((face == 128).all(axis=1)).tolist() for part, face in hidden.items()}
    assert rows == {"eyes": list(range(13, 24)), "mouth": list(range(31, 42))}


@pytest.mark.parametrize("axis", [0, 1])
def test_a_face_is_shifted_in_one_direction_at_every_strength(axis):
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1)).swapaxes(1, axis)  # 5 levels a px, right or down
    inner = np.s_[:, 12:36, 12:36]
    faces = np.stack([ramp] * 20)
    moved = [
        (each.apply(faces, 3).astype(float) - faces)[inner].mean(axis=(1, 2))
        for each in CHANGES
        if each.name == "box shifted"
    ]
    assert moved[1] == pytest.approx(2 * moved[0], abs=1) and moved[2] == pytest.approx(4 * moved[0], abs=2)
    assert np.abs(moved[2]).max() == pytest.approx(0.2 * 48 * 5, rel=0.1) and moved[2].min() < 0 < moved[2].max()


class Oracle:
    """Knows its faces by heart and is sure: what is unchanged is read right, all else is happy."""

    def __init__(self, data: FaceDataset) -> None:
        stack = SimpleNamespace(stack=lambda faces: np.stack(faces))
        self.card = SimpleNamespace(name="oracle", sha256="0" * 64, labels=FER2013, preprocess=stack)
        self.known = {face.tobytes(): label for face, label in data}

    def probabilities(self, faces: np.ndarray) -> np.ndarray:
        found = [self.known.get(face.tobytes(), HAPPY) for face in faces]
        return np.eye(7)[found]


@pytest.fixture
def data() -> FaceDataset:
    """Three happy and one sad face, in PublicTest; the sad one and a happy one stand in Training, too."""
    noise = np.random.default_rng(1).integers(0, 256, (5, 12, 12), np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    return FaceDataset(
        faces=noise[[2, 3, 4, 2, 0, 1, 3]],
        labels=np.array([HAPPY, SAD, -1, HAPPY, HAPPY, HAPPY, SAD]),
        splits=np.array(["Training"] * 2 + ["PublicTest"] * 5),
        rows=np.arange(7).astype(str),
        label_set=FER2013,
        source="folder/noise.csv",
    )


class Doubting(Oracle):
    """Reads sad faces as angry ones, has doubts about all that it does not know, and keeps what it has seen."""

    def __init__(self, data: FaceDataset) -> None:
        super().__init__(data)
        self.known = {face: FER2013.index("angry") if label == SAD else label for face, label in self.known.items()}
        self.seen: list[np.ndarray] = []

    def probabilities(self, faces: np.ndarray) -> np.ndarray:
        self.seen.append(faces)
        known = np.array([[face.tobytes() in self.known] for face in faces])
        return np.where(known, super().probabilities(faces), 0.3 * super().probabilities(faces) + 0.1)


def ask(data: FaceDataset, oracle: Oracle | None = None, **more) -> Robustness:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mien.lab.evaluation.Recognizer", Oracle)  # what counts as loaded
        return robustness(oracle or Oracle(data), data, **more)


def test_figures_of_an_oracle(data):
    steps = []
    found = ask(data, on_progress=lambda *step: steps.append(step))
    assert (found.model, found.split, found.data_source, found.seed) == ("oracle", "PublicTest", "noise.csv", 0)
    assert found.data_fingerprint == data.split("PublicTest").fingerprint
    unchanged, *changed = found.effects
    assert len(found.effects) == len(CHANGES) and unchanged.words == "unchanged"
    assert (unchanged.full.n, unchanged.full.accuracy, unchanged.full.changed_labels) == (4, 1, 0)  # one has no label
    assert unchanged.full.difference == 0 and unchanged.full.ece == 0
    for effect in changed:
        full, new = effect.full, effect.twin_free
        assert (full.n, full.accuracy, full.difference, full.changed_labels) == (4, 0.75, -0.25, 0.25), effect.words
        assert full.confidence == 1 and full.ece == pytest.approx(0.25)
        # Agresti & Min: n10 = 1, n = 4: shift -1/6, half 1.96 sqrt(2/6 - 1/36) / sqrt(6)
        assert (full.difference_low, full.difference_high) == pytest.approx((-0.6089, 0.2756), abs=1e-3)
        assert new is not None and (new.n, new.accuracy, new.difference) == (2, 1, 0)
    assert steps[-1] == ("covered", 4 * len(CHANGES), 4 * len(CHANGES))
    assert Robustness.from_json(found.to_json()) == found


def test_labels_and_confidence_are_those_of_the_changed_faces(data):
    oracle = Doubting(data)
    unchanged, *changed = ask(data, oracle, seed=4).effects
    assert (unchanged.full.accuracy, unchanged.full.confidence) == (0.75, 1)
    for effect in changed:  # the sad face, read as angry, is called happy: as wrong as before
        full = effect.full
        assert (full.accuracy, full.difference, full.changed_labels) == (0.75, 0, 0.25), effect.words
        assert full.confidence == pytest.approx(0.4) and full.ece == pytest.approx(0.35)
    public = data.split("PublicTest")
    for change, seen in zip(CHANGES, oracle.seen, strict=True):
        assert (seen == change.apply(public.faces[public.labels >= 0], 4)).all(), change.name


def test_the_table_gives_differences_in_points(data):
    table = ask(data).table()
    assert table.title == "oracle on PublicTest: 4 faces, 2 of them twin-free"
    assert table.rows[0] == ("unchanged", "", "100.0 %", "–", "100.0 %", "–", "–", "100.0 %", "0.000")
    assert table.rows[2] == (
        *("box shifted", "10 % of its side", "75.0 %", "-25.0 (-60.9 to +27.6)", "100.0 %", "+0.0 (-49.0 to +49.0)"),
        *("25.0 %", "100.0 %", "0.250"),
    )


def test_without_training_there_is_no_twin_free_part(data):
    found = ask(data.split("PublicTest"))
    assert found.effects[0].twin_free is None and found.effects[0].full.n == 4
    assert found.table().title == "oracle on PublicTest: 4 faces" and found.table().rows[1][4:6] == ("–", "–")


def test_only_the_seed_decides_what_is_drawn(data):
    tiny = replace(data, faces=np.random.default_rng(2).integers(0, 256, data.faces.shape, np.uint8))
    shifted = CHANGES[1]
    assert (shifted.apply(tiny.faces, 5) == shifted.apply(tiny.faces, 5)).all()
    assert (shifted.apply(tiny.faces, 5) != shifted.apply(tiny.faces, 6)).any()


def test_labels_are_needed(data):
    with pytest.raises(DataError, match=r"folder/noise\.csv: no face of PublicTest has a label; .*with --split"):
        ask(replace(data, labels=np.full(7, -1)))


def test_a_class_that_the_model_lacks_is_refused_before_the_long_work(data):
    names = tuple("weary" if name == "sad" else name for name in FER2013)
    steps = []
    with pytest.raises(DataError, match="classes weary are not in angry"):
        ask(replace(data, label_set=LabelSet(names)), on_progress=lambda *step: steps.append(step))
    assert not steps


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A model that calls bright faces happy and dark ones sad, and faces to measure it on."""
    folder = tmp_path_factory.mktemp("robust")
    write_tiny_model(folder / "tiny")
    rows = ["emotion,pixels,Usage"]
    for number in range(16):
        level, label = (180, HAPPY) if number % 2 else (90, SAD)
        rows.append(f"{label},{' '.join(map(str, np.clip(FACE.ravel() // 8 + level, 0, 255)))},PublicTest")
    (folder / "faces.csv").write_text("\n".join(rows) + "\n")
    return folder


def call(*words):
    return CliRunner().invoke(build_app(), ["robust", *map(str, words)])


def test_the_command_prints_a_table_and_draws_a_picture(files):
    done = call(files / "tiny", "--data", files / "faces.csv", "--save", files / "picture.png")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "tiny on PublicTest: 16 faces"
    row = {line[:34].split("  ")[0]: line for line in lines[3:]}
    assert "100.0 %" in row["mirrored"] and "50.0 %" in row["brighter"]  # all become bright, that is happy
    assert f"written: {files / 'picture.png'}" in done.stderr
    with Image.open(files / "picture.png") as picture:
        assert picture.format == "PNG" and picture.width == 1200


def test_the_command_prints_json(files):
    row = json.loads(call(files / "tiny", "--data", files / "faces.csv", "--json", "--seed", 4).stdout)
    assert row["seed"] == 4 and row["model_sha256"] == Recognizer.load(files / "tiny").card.sha256
    assert [each["change"] for each in row["effects"]] == [each.name for each in CHANGES]


def test_pictures_are_refused_before_the_long_work(files):
    done = call(files / "tiny", "--data", files / "missing.csv", "--save", "picture.pdf")
    message = "picture.pdf: unknown ending '.pdf'; expected .png, .svg."
    assert isinstance(done.exception, DataError) and str(done.exception) == message


def test_a_picture_shows_every_change_by_name(data, tmp_path):
    found = ask(data)
    file = save_picture(found, FACE, tmp_path / "new" / "picture.svg")
    text = file.read_text("utf-8")
    assert all(effect.words in text for effect in found.effects) and text.count("<image") == len(CHANGES)
    first = file.read_bytes()
    assert save_picture(found, FACE, file).read_bytes() == first
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/picture\.svg: cannot be written \((Not a directory|File exists)\)"):
        save_picture(found, FACE, tmp_path / "file" / "picture.svg")


def test_a_full_disk_leaves_the_picture_that_was_there(data, tmp_path, monkeypatch):
    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "picture.png"
    file.write_text("old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DataError, match=r"picture\.png: cannot be written \(No space left on device\)\. .*is intact"):
        save_picture(ask(data), FACE, file)
    assert file.read_text() == "old"
