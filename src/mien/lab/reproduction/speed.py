"""How long a recipe trains on this machine, from a few steps of it."""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from mien.lab.data import draw_faces
from mien.lab.recipe import Backbone, Phase, Recipe, Stopping
from mien.lab.recipe_io import to_json
from mien.lab.schedule import phases_of
from mien.lab.training import train

FACES = 35_887
"""Faces of FER2013; of drawn faces as many are for training, eight in ten."""
PER_CLASS = (8, 256)
"""Drawn faces of each class; the larger number where the smaller one is done too soon to tell."""
TOO_SOON_S = 1.0


def training_seconds(recipe: Recipe, kept: Path) -> float:
    """Return how long a recipe trains on FER2013 if nothing stops it early, without what checkpoints take.

    Two epochs on drawn faces are trained; the second, validation included, is scaled to the size of FER2013.

    Args:
        recipe: whose epochs count; it starts at random, which takes as long as from weights.
        kept: JSON file that keeps what was measured, for each machine.
    """
    known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    here = known.setdefault(machine(), {})
    epochs = [phase for phase, _ in phases_of(recipe)]
    for phase in dict.fromkeys(epochs):
        key = _key(recipe, phase)
        if key not in here:
            here[key] = round(_epoch_seconds(recipe, phase), 2)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    return float(sum(here[_key(recipe, phase)] for phase in epochs))


def machine() -> str:
    """Return what the time depends on beside the recipe: device, threads, torch."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or "cpu"
    return f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _key(recipe: Recipe, phase: Phase) -> str:
    """Names what makes epochs equally long: all but the training's length and what the recipe says about itself."""
    alike = replace(recipe, name="", source="", epochs=0, phases=(), published=(), assumed={}, remark="")
    digest = hashlib.sha256(to_json(alike).encode()).hexdigest()[:8]
    return f"{recipe.network.name}, {phase.trainable}, {digest}"


_drawn = cache(draw_faces)


def _epoch_seconds(recipe: Recipe, phase: Phase) -> float:
    network = recipe.network
    short = replace(
        recipe,
        network=replace(network, weights="none") if isinstance(network, Backbone) else network,
        epochs=2,
        phases=(replace(phase, epochs=2),),
        stopping=Stopping(monitor="none", patience=None, keep="last"),
    )
    for per_class in PER_CLASS:
        data = _drawn(per_class)
        with tempfile.TemporaryDirectory() as folder:
            seconds: float = train(short, data, out=folder).history()[-1]["seconds"]
        if seconds > TOO_SOON_S:
            break
    return seconds * FACES / len(data)
