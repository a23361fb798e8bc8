"""benchmarks/calibration.py: what is left at a wanted accuracy, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def calibration(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import calibration

    return calibration


def halves(confidence: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Two parts in place of five: even and odd faces."""
    even, odd = np.arange(0, len(confidence), 2), np.arange(1, len(confidence), 2)
    return [(even, odd, confidence), (odd, even, confidence)]


def test_a_part_is_accepted_by_the_threshold_of_the_others(calibration: ModuleType) -> None:
    confidence = np.array([0.9, 0.95, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55])
    right = np.array([True, True, True, False, False, True, True, True])
    # 3/4 of all even faces are right and 3/4 of all odd ones; 9/10 of the even ones from 0.8 on, of the odd from 0.95
    assert calibration.accepted(halves(confidence), right, 0.75).tolist() == [True] * 8
    assert np.flatnonzero(calibration.accepted(halves(confidence), right, 0.9)).tolist() == [1]
    times = np.array([1, 1, 1, 0, 1, 1, 1, 1])  # without the odd one that is wrong
    assert np.flatnonzero(calibration.accepted(halves(confidence), right, 0.9, times)).tolist() == [0, 1, 2, 4, 6]


def test_the_interval_of_the_share_holds_what_is_true(calibration: ModuleType) -> None:
    draw, n = np.random.default_rng(0), 3000
    confidence = draw.random(n)
    right = draw.random(n) < confidence  # above c the mean is (1 + c) / 2, which is 0.9 for c = 0.8
    found = calibration.figures_of_accepted([halves(confidence)], right, 0.9)
    assert found["coverage_low"] < 0.2 < found["coverage_high"] < found["coverage_low"] + 0.15
    assert found["accuracy_low"] < 0.9 < found["accuracy_high"]
    assert found["coverage_low"] < found["coverage"] < found["coverage_high"]
