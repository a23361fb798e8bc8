"""Provenance: the code, data, starting weights and device behind a figure."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mien.card import MODEL_FILE, Card
from mien.lab.data import FaceDataset, has_learned_from
from mien.lab.data.split import held_out
from mien.lab.recipe import Recipe
from mien.lab.recipe.io import from_row, is_run, to_row
from mien.lab.run import WEIGHTS, Run, weights_digest


def describe_environment(
    data: FaceDataset, seed: int, weights: Path | None, teachers: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a result depends on besides the recipe; `teachers` maps names to SHA-256."""
    votes = data.training.votes
    packages = ("mien", "torch", "numpy", "timm", "onnxruntime", "lightning-fabric")
    return {
        "seed": seed,
        "commit": current_commit(),
        "data_fingerprint": data.fingerprint,
        "training_fingerprint": data.training.fingerprint,
        "data_source": Path(data.source).name,
        "label_set": list(data.label_set),
        "weights": _name(weights) if weights else None,
        "weights_sha256": weights_digest(weights) if weights else None,
        "foreign_weights": weights is not None and _are_foreign(weights),
        "votes_sha256": None if votes is None else hashlib.sha256(votes.tobytes()).hexdigest(),  # of Training
        "teachers": dict(teachers),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in packages},
    }


def _name(weights: Path) -> str:
    return Card.read(weights.parent).name if weights.name == MODEL_FILE else weights.name


def _are_foreign(weights: Path) -> bool:
    if weights.name == MODEL_FILE:
        return Card.read(weights.parent).licence != "MIT"
    return not is_run(weights.parent) or Run.open(weights.parent).has_foreign_weights


def count_learned(weights: Path | None, recipe: Recipe, data: FaceDataset, seed: int) -> int:
    """Return how many of a training's held-out faces its starting weights were trained on, as far as is known.

    Nothing is known of weights without a run or a card beside them; they count 0.

    Args:
        weights: the starting weights; None = none.
        recipe: of the training.
        data: the whole data set.
        seed: of the training.
    """
    if weights is None or recipe.validation.kind != "holdout":
        return 0
    origin: Mapping[str, Any] = {}
    if weights.name == MODEL_FILE:
        origin = Card.read(weights.parent).provenance
    elif weights.name == WEIGHTS and is_run(weights.parent):
        run = Run.open(weights.parent)
        origin = run.environment | {"recipe": to_row(run.recipe)}
    if not has_learned_from(origin, data):
        return 0
    training, rule = data.training, from_row(origin["recipe"]).validation
    held = held_out(training, recipe.validation, seed)
    if rule.kind == "holdout" and not origin.get("n_validation_learned"):
        held &= ~held_out(training, rule, origin["seed"])
    return int(held.sum())


def device_name() -> str:
    """Return the name of the GPU, or of the processor where there is none."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    known = Path("/proc/cpuinfo")  # on Linux, where `platform` does not name the processor
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor()])[0] or platform.machine()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def current_commit() -> str:
    """Return the commit of the running code, with ``+dirty`` if it has changed since; ``unknown`` if installed.

    An installed copy may lie inside some clone; that clone's commit is not its own.
    """
    here = Path(__file__).resolve().parents[1]  # all of mien: reading and preprocessing affect a run too
    commands = (
        ["git", "ls-files", "--error-unmatch", "card.py"],
        ["git", "rev-parse", "HEAD"],
        ["git", "status", "--porcelain", "--untracked-files=normal", "."],
    )
    try:
        _, commit, changes = (
            subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout.strip()
            for command in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + "+dirty" if changes else commit
