"""Confidence and threshold: known answers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_model import write_tiny_model
from typer.testing import CliRunner

from mien.card import Card
from mien.cli import build_app
from mien.errors import DataError
from mien.lab.calibrate import TARGET_ACCURACY, calibrated, fit_confidence, recalibrate, uncertain_threshold
from mien.lab.data import PUBLIC, TRAINING, draw_faces, write_edition
from mien.lab.data.edition import FULL_SIZES
from mien.labels import FOLDER
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
        "fitted to only 5 faces: where 80 % of so few are right, 37.6 to 96.4 % of other faces may be" in done.stderr
    ) == (n == 5)


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
        with pytest.raises(DataError, match="calibrate on other data, which the model has not learned from"):
            recalibrate(folder, own, TRAINING, tmp_path / "none")
    card.write(folder)
    monkeypatch.setitem(FULL_SIZES, TRAINING, len(own))
    with pytest.raises(DataError, match="the network has learned from Training, or may have"):
        recalibrate(folder, own, TRAINING, tmp_path / "none")


def test_threshold_accepts_as_many_as_reach_the_target() -> None:
    confidence = np.array([0.5, 0.9, 0.8, 0.7, 0.6, 0.3])
    correct = np.array([True, True, True, True, False, False])
    # from the top: 1/1, 2/2, 3/3, 3/4, 4/5, 4/6
    assert uncertain_threshold(confidence, correct, TARGET_ACCURACY) == (0.5, 5 / 6)
    assert uncertain_threshold(confidence, correct, target=0.9) == (0.7, 3 / 6)


def test_threshold_keeps_faces_of_one_confidence_together() -> None:
    confidence = np.array([0.9, 0.6, 0.6, 0.6])
    correct = np.array([True, True, False, False])
    assert uncertain_threshold(confidence, correct, TARGET_ACCURACY) == (0.9, 0.25)


def test_threshold_where_all_or_none_reach_the_target() -> None:
    confidence = np.array([0.9, 0.6])
    assert uncertain_threshold(confidence, np.array([True, True]), TARGET_ACCURACY) == (0.0, 1.0)
    assert uncertain_threshold(confidence, np.array([False, False]), TARGET_ACCURACY) == (1.0, 0.0)
