"""Temperature and threshold: known answers."""

from __future__ import annotations

import numpy as np
import pytest

from mien.lab.calibrate import fit_temperature, uncertain_threshold
from mien.recognizer import softmax


def drawn(temperature: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from ``softmax(logits / temperature)``."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 3, (n, 7)).astype(np.float32)
    shares = softmax(logits, temperature).cumsum(axis=1)
    labels = (draw.random((n, 1)) > shares[:, :-1]).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_drew_the_labels_is_found(temperature: float) -> None:
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_has_a_lower_loss() -> None:
    logits, labels = drawn(1.7, 500)
    best = fit_temperature(logits, labels)

    def log_loss(temperature: float) -> float:
        return float(-np.log(softmax(logits, temperature)[np.arange(len(labels)), labels]).mean())

    assert log_loss(best) <= min(log_loss(best * 1.001), log_loss(best / 1.001))


def test_one_face_in_two_gives_even_odds() -> None:
    # logits 2 and 0, right in 3 of 4: 1 / (1 + exp(-2 / T)) = 3 / 4, so T = 2 / ln 3
    logits = np.tile(np.array([[2, 0]], np.float32), (4, 1))
    assert fit_temperature(logits, np.array([0, 0, 0, 1])) == pytest.approx(2 / np.log(3), rel=1e-5)


def test_temperature_stays_in_bounds_where_all_are_right() -> None:
    logits = np.eye(7, dtype=np.float32)
    assert fit_temperature(logits, np.arange(7)) == pytest.approx(0.05, rel=1e-3)


def test_threshold_accepts_as_many_as_reach_the_target() -> None:
    confidence = np.array([0.5, 0.9, 0.8, 0.7, 0.6, 0.3])
    correct = np.array([True, True, True, True, False, False])
    # from the top: 1/1, 2/2, 3/3, 3/4, 4/5, 4/6
    assert uncertain_threshold(confidence, correct) == (0.5, 5 / 6)
    assert uncertain_threshold(confidence, correct, target=0.9) == (0.7, 3 / 6)


def test_threshold_keeps_faces_of_one_confidence_together() -> None:
    confidence = np.array([0.9, 0.6, 0.6, 0.6])
    correct = np.array([True, True, False, False])
    assert uncertain_threshold(confidence, correct) == (0.9, 0.25)


def test_threshold_where_all_or_none_reach_the_target() -> None:
    confidence = np.array([0.9, 0.6])
    assert uncertain_threshold(confidence, np.array([True, True])) == (0.0, 1.0)
    assert uncertain_threshold(confidence, np.array([False, False])) == (1.0, 0.0)
