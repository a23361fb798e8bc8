"""Provenance: the code, the data, the starting weights and the device that a figure comes from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
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
from mien.lab.recipe.io import from_json, is_run, to_json
from mien.lab.run import WEIGHTS, Run, weights_digest


def describe_environment(
    data: FaceDataset, seed: int, weights: Path | None, teachers: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a reader of the result must know beside the recipe; `teachers` by name, with their SHA-256."""
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
    """Return how many of the faces that a training holds out its starting weights have learned, as far as is known.

    Weights without a run or a card beside them do not say what they have learned.

    Args:
        weights: to start from; None = none.
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
        origin = run.environment | {"recipe": json.loads(to_json(run.recipe))}
    if not has_learned_from(origin, data):
        return 0
    training, rule = data.training, from_json(json.dumps(origin["recipe"])).validation
    held = held_out(training, recipe.validation, seed)
    if rule.kind == "holdout" and not origin.get("n_validation_learned"):
        held &= ~held_out(training, rule, origin["seed"])
    return int(held.sum())


def device_name() -> str:
    """Return what is computed on: the GPU where there is one, else the processor."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    known = Path("/proc/cpuinfo")  # of Linux, where `platform` does not know the processor
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor()])[0] or platform.machine()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def current_commit() -> str:
    """Return the commit of the code that runs, with ``+dirty`` if it was changed since; ``unknown`` if installed.

    An installed copy may lie in a clone's environment; the commit there is not its own.
    """
    here = Path(__file__).resolve().parents[1]  # all of mien: what reads and prepares faces shapes a run too
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
