"""The trainers behind benchmarks/speed_ideas.py, of which mien's own tests know nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from mien.lab import training
from mien.lab.data import draw_faces
from mien.lab.nets import NETWORKS
from mien.lab.recipe import OwnNet

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def speed_ideas(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(training, "Trainer", training.Trainer)  # which the script replaces
    known = dict(NETWORKS)
    import speed_ideas

    yield speed_ideas
    NETWORKS.clear()
    NETWORKS.update(known)


@pytest.mark.parametrize("idea", ["easy faces left out, 15 epochs", "no repeated or blank faces"])
def test_trainers_learn_from_the_faces_that_they_choose(
    speed_ideas: ModuleType, monkeypatch: pytest.MonkeyPatch, idea: str
) -> None:
    monkeypatch.setattr(speed_ideas.speed_trainers.SkippingEasy, "FIRST", 1)
    monkeypatch.setattr(speed_ideas, "recognised", lambda run, data, faces, tta: faces.labels == 0)  # no export
    recipe = replace(speed_ideas.BEST, epochs=2, batch_size=16, network=OwnNet(name="residual-pico"))
    assert speed_ideas.measure(idea, recipe, draw_faces(4), seed=0)["epochs"] == 2
