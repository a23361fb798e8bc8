"""Confidence and threshold: known answers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_model import write_tiny_model
from typer.testing import CliRunner, Result

from mien.card import Card
from mien.cli import build_app
from mien.errors import DataError, InputError
from mien.lab.calibrate import TARGET_ACCURACY, calibrated, fit_confidence, recalibrate, uncertain_threshold
from mien.lab.data import PUBLIC, TRAINING, FaceDataset, draw_faces, write_edition
from mien.lab.data.edition import FULL_SIZES
from mien.labels import FER2013, FOLDER
from mien.recognizer import Recognizer, calibrated_softmax


def drawn(temperature: float, sharpening: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their calibrated probabilities."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 2, (n, 7)).astype(np.float32)
    shares = calibrated_softmax(logits, temperature, sharpening).cumsum(axis=1)
    labels = (draw.random((n, 1)) > shares[:, :-1]).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize(("temperature", "sharpening"), [(0.6, 0.0), (1.0, 0.2), (2.5, -0.1)])
def test_what_drew_the_labels_is_found(temperature: float, sharpening: float) -> None:
    found = fit_confidence(*drawn(temperature, sharpening))
    assert found == pytest.approx((temperature, sharpening), rel=0.05, abs=0.03)


def test_one_temperature_alone_is_found_too() -> None:
    # logits 2 and 0, right in 3 of 4: 1 / (1 + exp(-2 / T)) = 3 / 4, so T = 2 / ln 3 of all faces
    logits = np.tile(np.array([[2, 0]], np.float32), (40_000, 1))
    found = fit_confidence(logits, np.tile([0, 0, 0, 1], 10_000))
    assert calibrated_softmax(logits[:1], *found)[0, 0] == pytest.approx(0.75, abs=1e-3)


def test_few_faces_that_are_all_right_do_not_drive_it_far() -> None:
    temperature, sharpening = fit_confidence(3 * np.eye(7, dtype=np.float32), np.arange(7))
    assert 0.2 < temperature < 1
    assert -0.5 < sharpening < 0.5


def test_few_faces_are_fitted_with_the_stated_prior() -> None:
    # five faces of logits 2 and 0, four of them right, T = t d^s with d = 1 / (1 + e^2); with u = ln T the loss is
    # ln(t)^2 / 2 + (s / 0.3)^2 / 2 - 4 ln p - ln(1 - p), p = 1 / (1 + exp(-2 exp(-u))), and both its slopes are 0
    temperature, sharpening = fit_confidence(np.tile(np.array([[2, 0]], np.float32), (5, 1)), np.array([0, 0, 0, 0, 1]))
    log_t, log_d = math.log(temperature), -math.log(1 + math.exp(2))
    u = log_t + sharpening * log_d
    p = 1 / (1 + math.exp(-2 * math.exp(-u)))
    assert log_t == pytest.approx(2 * math.exp(-u) * (5 * p - 4), abs=1e-3) and log_t > 0.05
    assert sharpening == pytest.approx(0.3**2 * log_d * log_t, abs=1e-3)


def test_without_a_face_the_card_stays_uncalibrated(tmp_path: Path) -> None:
    recognizer = Recognizer.load(write_tiny_model(tmp_path / "tiny"))
    assert calibrated(recognizer, draw_faces(1).take(np.zeros(0, int))) == recognizer.card


def test_labels_are_crossed_by_name(tmp_path: Path) -> None:
    recognizer, faces = Recognizer.load(write_tiny_model(tmp_path / "tiny")), draw_faces(20)
    faces = replace(faces, labels=recognizer.logits(faces.faces[:, None]).argmax(axis=1))  # all right
    assert calibrated(recognizer, faces).provenance["calibration"]["accuracy"] == 1
    assert calibrated(recognizer, faces.relabel(FOLDER)) == calibrated(recognizer, faces)


@pytest.mark.parametrize("n", [5, 100])
def test_few_faces_are_warned_of(tmp_path: Path, n: int) -> None:
    drawn = draw_faces(150).split(PUBLIC)
    write_edition(drawn.take(np.arange(n)), tmp_path / "faces.csv")
    words = ["calibrate", write_tiny_model(tmp_path / "tiny"), "--data", tmp_path / "faces.csv", "--split", PUBLIC]
    done = CliRunner().invoke(build_app(), [*map(str, words), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0 and f"of {n} faces" in done.stderr
    assert ("Use 100 or more." in done.stderr) == (n == 5)
    # 4 of 5: (0.8 + 1.96^2 / 10 +- 1.96 sqrt(0.8 * 0.2 / 5 + 1.96^2 / 100)) / (1 + 1.96^2 / 5)
    assert (
        "fitted to only 5 faces: if 80 % of so few are right, the 95 % interval is 37.6 to 96.4 %" in done.stderr
    ) == (n == 5)


def half_right(model: Path, n: int = 400) -> FaceDataset:
    """PublicTest faces of noise, brighter and brighter; the model is right on the surer half and on each second other.

    The tiny model says happy or sad, the surer the farther a face's mean is from 128.
    """
    draw = np.random.default_rng(0)
    faces = (np.linspace(128, 250, n)[:, None, None] + draw.normal(0, 3, (n, 48, 48))).clip(0, 255).astype(np.uint8)
    sure = Recognizer.load(model).probabilities(faces[:, None]).max(axis=1)
    right = (np.argsort(np.argsort(sure)) >= n // 2) | (np.arange(n) % 2 == 0)
    labels = np.where(right, FER2013.index("happy"), FER2013.index("sad"))
    known = {"faces": faces, "labels": labels, "splits": np.full(n, PUBLIC), "rows": np.arange(n).astype(str)}
    return FaceDataset(**known, label_set=FER2013, source="noise")


@pytest.mark.parametrize(("target", "coverage"), [(0.7, 1.0), (0.8, 0.8333), (0.9, 0.625), (0.975, 0.5263)])
def test_the_accuracy_that_is_asked_for_sets_the_threshold(tmp_path: Path, target: float, coverage: float) -> None:
    # right are a half and every second of what is beyond: (0.5 + (c - 0.5) / 2) / c = t, so c = 0.25 / (t - 0.5)
    model = write_tiny_model(tmp_path / "tiny")
    data = half_right(model)
    card = Card.read(recalibrate(model, data, PUBLIC, tmp_path / "out", target_accuracy=target))
    fitted = card.provenance["calibration"]
    assert (fitted["target_accuracy"], fitted["n"]) == (target, 400)
    assert fitted["coverage"] == pytest.approx(coverage, abs=0.01)
    recognizer = Recognizer.load(tmp_path / "out")
    accepted = recognizer.probabilities(data.faces[:, None]).max(axis=1) >= card.uncertain_below
    assert accepted.mean() == fitted["coverage"]
    assert (data.labels == FER2013.index("happy"))[accepted].mean() >= target


def test_another_accuracy_keeps_the_confidence_and_its_figures(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    data = half_right(model)
    plain = Card.read(recalibrate(model, data, PUBLIC, tmp_path / "plain"))
    assert plain.provenance["calibration"]["target_accuracy"] == TARGET_ACCURACY
    replace(plain, metrics={PUBLIC: {}}).write(tmp_path / "plain")
    strict = Card.read(recalibrate(tmp_path / "plain", data, PUBLIC, tmp_path / "strict", target_accuracy=0.9))
    assert strict.uncertain_below > plain.uncertain_below
    assert (strict.temperature, strict.sharpening) == (plain.temperature, plain.sharpening)
    assert strict.metrics == {PUBLIC: {}}
    assert recalibrate(tmp_path / "plain", data.take(np.arange(300)), PUBLIC, tmp_path / "others").is_dir()
    assert Card.read(tmp_path / "others").metrics == {}


@pytest.mark.parametrize("target", [90, 1.01, -0.1, math.nan, "0.9", True])
def test_an_accuracy_that_is_no_share_is_refused(tmp_path: Path, target: object) -> None:
    with pytest.raises(InputError, match=r"target_accuracy .*; expected a number, 0 to 1\."):
        recalibrate(tmp_path / "none", draw_faces(1), PUBLIC, tmp_path / "out", target_accuracy=target)
    assert not list(tmp_path.iterdir())


def calibrate(folder: Path, *more: str) -> Result:
    """`mien calibrate` on the faces of `half_right`."""
    model = write_tiny_model(folder / "tiny")
    write_edition(half_right(model), folder / "faces.csv")
    words = ["calibrate", model, "--data", folder / "faces.csv", "--split", PUBLIC, "--out", folder / "out", *more]
    return CliRunner().invoke(build_app(), [*map(str, words)])


def test_the_command_says_what_is_reached_for_the_accuracy(tmp_path: Path) -> None:
    done = calibrate(tmp_path, "--target-accuracy", "0.975")
    card = Card.read(tmp_path / "out")
    coverage = f"{card.provenance['calibration']['coverage']:.1%}"
    said = f"of 400 faces {coverage} are at or above it, at least 97.5% of them right"
    assert done.exit_code == 0 and said in done.stderr and "only:" not in done.stderr
    shown = CliRunner().invoke(build_app(), ["models", str(tmp_path / "out")]).stdout
    assert f"accepted    {coverage} of 400 faces (PublicTest, twins in Training among them), at least 97.5% of" in shown


def test_the_command_keeps_four_in_five_and_refuses_percent(tmp_path: Path) -> None:
    assert "at least 80% of them right" in calibrate(tmp_path / "a").stderr
    done = calibrate(tmp_path / "b", "--target-accuracy", "90")
    assert done.exit_code == 2 and "Invalid value for '--target-accuracy'" in done.stderr


def test_few_accepted_faces_are_warned_of(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    data = half_right(model)
    sad = np.arange(400) < 350
    data = replace(data, labels=np.where(sad, FER2013.index("sad"), FER2013.index("happy")))
    write_edition(data, tmp_path / "faces.csv")
    words = ["calibrate", model, "--data", tmp_path / "faces.csv", "--split", PUBLIC, "--target-accuracy", "1"]
    done = CliRunner().invoke(build_app(), [*map(str, words), "--out", str(tmp_path / "out")])
    accepted = round(400 * Card.read(tmp_path / "out").provenance["calibration"]["coverage"])
    assert 30 < accepted <= 50
    assert (
        f"The threshold accepts only {accepted} faces: if 100 % of so few are right, the 95 % interval is 9"
        in done.stderr
    )


def test_an_accuracy_that_no_threshold_reaches_leaves_no_face(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    data = replace(half_right(model), labels=np.full(400, FER2013.index("sad")))
    recalibrate(model, data, PUBLIC, tmp_path / "out", target_accuracy=0.6)
    shown = CliRunner().invoke(build_app(), ["models", str(tmp_path / "out")]).stdout
    faces = "400 faces (PublicTest, twins in Training among them)"
    assert f"accepted    none of {faces}, because no threshold reaches 60% right" in shown


def test_training_of_other_data_calibrates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, learned, own = write_tiny_model(tmp_path / "tiny"), draw_faces(8, seed=1), draw_faces(8, seed=2).training
    own = replace(own, faces=own.faces[np.arange(len(own)) // 2])  # with twins
    origin = {"data_fingerprint": learned.fingerprint, "training_fingerprint": learned.training.fingerprint}
    card = replace(Card.read(folder), provenance=origin)
    card.write(folder)
    fitted = Card.read(recalibrate(folder, own, TRAINING, tmp_path / "out")).provenance["calibration"]
    assert (fitted["faces"], fitted["n"]) == ("Training, which the model has not learned from", len(own))
    for provenance in ({}, {"members": [origin, {"data_fingerprint": own.fingerprint}]}):
        replace(card, provenance=provenance).write(folder)
        with pytest.raises(DataError, match="calibrate on other data, which the model was not trained on"):
            recalibrate(folder, own, TRAINING, tmp_path / "none")
    card.write(folder)
    monkeypatch.setitem(FULL_SIZES, TRAINING, len(own))
    with pytest.raises(DataError, match="the model was trained on Training, or may have been"):
        recalibrate(folder, own, TRAINING, tmp_path / "none")


def test_threshold_accepts_as_many_as_reach_the_target() -> None:
    confidence = np.array([0.5, 0.9, 0.8, 0.7, 0.6, 0.3])
    correct = np.array([True, True, True, True, False, False])
    # from the top: 1/1, 2/2, 3/3, 3/4, 4/5, 4/6
    assert uncertain_threshold(confidence, correct, TARGET_ACCURACY) == (0.5, 5 / 6)
    assert uncertain_threshold(confidence, correct, target=0.9) == (0.7, 3 / 6)


def test_threshold_accepts_just_as_many_as_reach_the_target() -> None:
    correct = np.arange(100) < 55
    assert 0.55 * 100 > 55  # in floating point
    assert uncertain_threshold(np.full(100, 0.9), correct, target=0.55) == (0.0, 1.0)


def test_threshold_keeps_faces_of_one_confidence_together() -> None:
    confidence = np.array([0.9, 0.6, 0.6, 0.6])
    correct = np.array([True, True, False, False])
    assert uncertain_threshold(confidence, correct, TARGET_ACCURACY) == (0.9, 0.25)


def test_threshold_where_all_or_none_reach_the_target() -> None:
    confidence = np.array([0.9, 0.6])
    assert uncertain_threshold(confidence, np.array([True, True]), TARGET_ACCURACY) == (0.0, 1.0)
    assert uncertain_threshold(confidence, np.array([False, False]), TARGET_ACCURACY) == (1.0, 0.0)
