"""Training time of a recipe on this machine, estimated from a few steps."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from mien.lab.data import FaceDataset, draw_faces
from mien.lab.data.edition import FULL_SIZES
from mien.lab.provenance import device_name
from mien.lab.recipe import Phase, Recipe, Stopping
from mien.lab.run import Run
from mien.lab.schedule import phases_of
from mien.lab.training import train
from mien.writing import replacing

FACES = sum(FULL_SIZES.values())
"""Of FER2013; eight in ten are for training, as of the drawn faces."""
PER_CLASS = (20, 256)
"""Drawn faces per class, enough to hold out 5 %; the larger number if the smaller takes less than `TOO_SOON_S`."""
TOO_SOON_S = 1.0


def training_seconds(recipe: Recipe, kept: Path, on_measuring: Callable[[], None] = lambda: None) -> float:
    """Return the training time of a recipe on FER2013 in seconds, without early stopping and without checkpoints.

    Two epochs are trained on drawn faces; the second, validation included, is scaled to the size of FER2013.

    Args:
        recipe: without teachers and votes, like all of the reports and of their future work; it starts at random, which
            takes as long as from weights.
        kept: JSON file with the measurements of each machine.
        on_measuring: called before a measurement, which takes a while.
    """
    known = _read(kept)
    here = known.setdefault(machine(), {})
    epochs = [phase for phase, _ in phases_of(recipe)]
    for phase in dict.fromkeys(epochs):
        key = _key(recipe, phase)
        if key not in here:
            on_measuring()
            here[key] = round(_epoch_seconds(recipe, phase), 2)
            with replacing(kept) as part:
                part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    return float(sum(here[_key(recipe, phase)] for phase in epochs))


def _read(kept: Path) -> dict[str, Any]:
    """Earlier measurements; none if the file is missing or damaged, because they can be repeated."""
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: times for name, times in known.items() if isinstance(times, dict)}


def machine() -> str:
    """Return what the time depends on besides the recipe: device, threads, torch."""
    return f"{device_name()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _key(recipe: Recipe, phase: Phase) -> str:
    """Return a key that recipes share if their epochs take equally long.

    It covers the network and its trained part, preprocessing, augmentation, batch size, validation faces, input sizes,
    the kind of optimizer, and whether there are averaged weights and SAM. Starting weights, rates, schedule, stopping,
    loss terms and descriptions have no notable effect on the time.
    Fields at their defaults are left out, so that a new field does not invalidate earlier measurements.
    """
    parts = (recipe.network, recipe.preprocess, recipe.augment, recipe.validation, recipe.sizes)
    switches = (recipe.ema_decay > 0, recipe.sam_rho > 0)
    alike = [*map(_stated, parts), type(recipe.optimizer).__name__, recipe.batch_size, switches]
    digest = hashlib.sha256(json.dumps(alike).encode()).hexdigest()[:8]
    return f"{recipe.network.name}, {phase.trainable}, {digest}"


def _stated(part: Any) -> list[Any]:
    """The kind of a recipe's part, and its fields that differ from their defaults, without starting weights."""
    values = ((field, getattr(part, field.name)) for field in fields(part) if field.name != "weights")
    return [type(part).__name__, {field.name: value for field, value in values if value != field.default}]


_drawn = cache(draw_faces)


def short_training(
    recipe: Recipe,
    phase: Phase,
    data: FaceDataset,
    epochs: int,
    teachers: Sequence[Run] = (),
) -> list[dict[str, Any]]:
    """Train one phase of a recipe only to time it, and return the history's row of each epoch.

    Args:
        recipe: it starts at random, which takes as long as from weights, and never stops early.
        phase: of the recipe; its length does not matter.
        data: a few faces suffice.
        epochs: how many.
        teachers: as `mien.lab.train` takes them.
    """
    short = replace(
        recipe,
        network=replace(recipe.network, weights="none"),
        epochs=epochs,
        phases=(replace(phase, epochs=epochs),),
        stopping=Stopping(monitor="none", patience=None, keep="last"),
    )
    with tempfile.TemporaryDirectory() as folder:
        return train(short, data, out=folder, teachers=teachers).history()


def _epoch_seconds(recipe: Recipe, phase: Phase) -> float:
    for per_class in PER_CLASS:
        data = _drawn(per_class)
        seconds: float = short_training(recipe, phase, data, epochs=2)[-1]["seconds"]
        if seconds > TOO_SOON_S:
            break
    return seconds * FACES / len(data)
