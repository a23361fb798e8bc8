"""Cost of training: speed, memory and time of every recipe, and their growth with the number of faces.

    python benchmarks/training_cost.py FER2013 [RECIPE...] [--rounds 2]

Each recipe trains and predicts a few batches of drawn faces in a separate process, exactly as `mien.lab.train` does on
this machine; the recipes take turns in each round. Then the smallest network trains on parts and multiples of FER2013.
Everything runs on the GPU if there is one, else on the CPU; benchmarks/results/training_cost.json keeps the figures of
both.

Without names, only what the record lacks is measured; named recipes are measured again. All other figures stay, so the
machine must be the one of the record. Remove the record, or name another one, to measure everything.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from layout import RESULTS, commit, peak_mb

from mien import lab
from mien.lab.data import FaceDataset, draw_faces
from mien.lab.nets import build, count_parameters
from mien.lab.recipe import Constant, Distillation, OwnNet, Phase, Plateau, Progressive, Recipe, Validation
from mien.lab.reproduction.jobs import forward_multiply_adds
from mien.lab.reproduction.speed import machine, short_training
from mien.lab.run import Run
from mien.lab.schedule import phases_of, side_at
from mien.lab.training import precision_of, split_for_training, train
from mien.labels import FER2013

RESULT = RESULTS / "training_cost.json"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
STEPS = {"cpu": 1, "cuda": 50}[DEVICE]
"""Batches between two readings of the clock, so that a GPU does not wait for them."""
LOOKS, BUDGET_S = 20, 4.0
"""Readings for each kind of epoch of a recipe (trained layers, size of the faces), or as many as fit the time for all
kinds, but at least two; the first is a warm-up and is left out."""
FORWARD_BATCH = 64
TEACHER = "mien-small-first"
"""Teacher of the recipes that need one. Teachers of the models that ship are larger, several or both, which takes
longer."""
SIZES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4)
"""Size of the data set, relative to FER2013."""


def recipe_cost(name: str, n_train: int, n_validation: int) -> dict[str, float]:
    """Measure a recipe in this process.

    Args:
        name: of the recipe.
        n_train: number of training faces per epoch.
        n_validation: number of validation faces.

    Returns:
        Faces per second, peak memory in MB, and minutes of the whole training without early stopping.
    """
    recipe = replace(lab.recipes[name], validation=Validation(kind="none"))
    if isinstance(recipe.schedule, Plateau):
        recipe = replace(recipe, schedule=Constant())  # which needs nothing to go by, and takes as long
    drawn = draw_faces(19).training  # a batch of each recipe
    voted = replace(drawn, votes=np.full((len(drawn), 10), 1, np.uint8))
    faces = voted.take(np.resize(np.arange(len(voted)), STEPS * recipe.batch_size))
    phases = {phase.trainable: phase for phase, _ in phases_of(recipe)}
    epochs = [(phase.trainable, side_at(recipe, epoch)) for epoch, (phase, _) in enumerate(phases_of(recipe))]
    kinds = set(epochs)
    with tempfile.TemporaryDirectory() as folder:
        teachers = [_teacher(voted, Path(folder))] if isinstance(recipe.distillation, Distillation) else []
        seconds = {
            (what, side): _training_seconds(
                _at_side(recipe, side), phases[what], faces, teachers, BUDGET_S / len(kinds)
            )
            for what, side in kinds
        }
    taken_mb = _peak_mb()
    train_s = statistics.fmean(seconds[kind] for kind in epochs)
    forward_s = _forward_seconds(recipe, voted)
    total_s = len(epochs) * (n_train * train_s + n_validation * forward_s)
    if isinstance(recipe.distillation, Distillation) and recipe.distillation.faces == "plain":
        total_s += 2 * n_train * _forward_seconds(lab.recipes[TEACHER], voted)
    return {
        "train_per_second": 1 / train_s,
        "forward_per_second": 1 / forward_s,
        "peak_mb": taken_mb,
        "minutes": total_s / 60,
    }


def _teacher(faces: FaceDataset, folder: Path) -> Run:
    """Create an untrained teacher, whose predictions take as long."""
    recipe = replace(lab.recipes[TEACHER], epochs=1, validation=Validation(kind="none"))
    return train(recipe, faces, out=folder)


def _at_side(recipe: Recipe, side: int) -> Recipe:
    """Return the recipe with one face size throughout, whatever the number of epochs."""
    return replace(recipe, sizes=Progressive(first_px=side, step_px=recipe.preprocess.input_px, until_fraction=1.0))


def _training_seconds(
    recipe: Recipe, phase: Phase, faces: FaceDataset, teachers: Sequence[Run], budget_s: float
) -> float:
    """Seconds per face of a training step."""
    rows = short_training(recipe, phase, faces, 2, teachers)
    looks = min(LOOKS, int(budget_s / rows[1]["seconds"]))
    if looks > 2:
        rows = short_training(recipe, phase, faces, looks, teachers)
    return statistics.fmean(row["seconds"] for row in rows[1:]) / len(faces)


def _forward_seconds(recipe: Recipe, faces: FaceDataset) -> float:
    """Seconds per face without gradients, as in the trainer's validation."""
    classifier = build(recipe.network, recipe.preprocess, classes=len(faces.label_set), pretrained=False).eval()
    classifier.to(DEVICE, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = torch.from_numpy(faces.faces[:FORWARD_BATCH])[:, None].to(DEVICE)
    bf16 = precision_of("auto") == "bf16-mixed"
    times: list[float] = []
    with torch.no_grad(), torch.autocast(DEVICE, torch.bfloat16, enabled=bf16):
        while len(times) < 2 or (len(times) < LOOKS and sum(times) < BUDGET_S / 2):
            began = time.perf_counter()
            for _ in range(STEPS):
                logits = classifier(batch)
            logits.sum().item()  # waits for the device
            times.append((time.perf_counter() - began) / STEPS)
    return statistics.mean(times[1:]) / len(batch)


def data_cost(folder: Path, size: float) -> dict[str, Any]:
    """Train the smallest network on a part or a multiple of FER2013, in this process."""
    parts = {file.stem: np.load(file) for file in folder.glob("*.npy")}
    data = FaceDataset(**parts, label_set=FER2013, source="FER2013")
    recipe = replace(lab.recipes["mien-small-first"], network=OwnNet(name="residual-nano"))
    phase = phases_of(recipe)[0][0]
    order = np.random.default_rng(0).permutation(len(data))
    short_training(recipe, phase, data.take(order[: len(order) // 16]), 1)  # warms up
    sized = data.take(np.resize(order, round(size * len(data))))
    rows = short_training(recipe, phase, sized, max(1, round(1 / size)))
    seconds = statistics.median(row["seconds"] for row in rows)
    return {"faces": len(sized), "epoch_seconds": seconds, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    """The peak memory so far: of the tensors on a GPU, else of the process."""
    return torch.cuda.max_memory_allocated() / 1e6 if DEVICE == "cuda" else peak_mb()


def in_a_process(*task: object) -> dict[str, Any]:
    """Measure one task in a separate process."""
    command = [sys.executable, __file__, "--measure", json.dumps(task)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = next(reversed(done.stderr.splitlines()), "")
        found = {"did_not_run": f"exit {done.returncode}: {last}"}
    else:
        found = json.loads(done.stdout)
    print(*task, found, file=sys.stderr)
    return found


def measure(subject: str, *arguments: Any) -> None:
    """Measure in this process, and print the result."""
    found = recipe_cost(subject, *arguments) if subject in lab.recipes else data_cost(Path(subject), *arguments)
    print(json.dumps({key: float(f"{value:.6g}") for key, value in found.items()}))


def in_turn(tasks: dict[str, tuple[object, ...]], rounds: int) -> dict[str, Any]:
    """Return the figures of each task, each a list over the rounds, or why it did not run; and the commit."""
    measured_at = commit()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            found[name].append(in_a_process(*task))
    figures = {}
    for name, each in found.items():
        failed = next((one for one in each if "did_not_run" in one), None)
        figures[name] = (failed or {key: [one[key] for one in each] for key in each[0]}) | {"commit": measured_at}
    return figures


def recipe_tasks(names: Sequence[str], data: FaceDataset) -> dict[str, tuple[object, ...]]:
    """Return the tasks of each recipe, and its numbers of faces."""
    tasks: dict[str, tuple[object, ...]] = {}
    for name in names:
        recipe = lab.recipes[name]
        alike = replace(recipe, validation=replace(recipe.validation, rule="keras"))  # holds out as many, but at once
        training, watched = split_for_training(alike, data, seed=0)
        tasks[name] = (name, len(training), 0 if watched is None else len(watched))
    return tasks


def size_of(recipe: Recipe) -> dict[str, int]:
    """What a recipe costs on every device."""
    with torch.device("meta"):  # shapes without numbers
        network = build(recipe.network, recipe.preprocess, classes=len(FER2013), pretrained=False)
    return {"parameters": count_parameters(network), "multiply_adds": forward_multiply_adds(recipe)}


def measure_all(given: argparse.Namespace) -> None:
    """Measure the named recipes, or else those that the record lacks, on this device, and update the record."""
    known = json.loads(given.record.read_text("utf-8")) if given.record.is_file() else {"sizes": {}, "devices": {}}
    place = {"machine": machine(), "precision": precision_of("auto")}
    here = known["devices"].setdefault(DEVICE, place | {"load_average": [], "recipes": {}, "data": {}})
    if here | place != here:
        raise SystemExit(
            f"{given.record}: measured on {here['machine']}, {here['precision']}; this is {place['machine']}, "
            f"{place['precision']}. Name another --record, or remove this one to measure everything."
        )
    names = given.recipes or [name for name in lab.recipes if name not in here["recipes"]]
    if here["data"] and not names:
        raise SystemExit(f"{given.record}: lacks nothing; name recipes to measure them again.")
    data = lab.read_fer2013(given.data)
    here["load_average"].append(round(os.getloadavg()[0], 1))
    here["recipes"] |= in_turn(recipe_tasks(names, data), given.rounds)
    if not here["data"]:
        with tempfile.TemporaryDirectory() as folder:
            for part in ("faces", "labels", "splits", "rows"):
                np.save(Path(folder) / f"{part}.npy", getattr(data, part))
            here["data"] = in_turn({f"{size:g}": (folder, size) for size in SIZES}, rounds=1)
    here["load_average"].append(round(os.getloadavg()[0], 1))
    known["sizes"] |= {name: size_of(lab.recipes[name]) for name in names}
    given.record.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, help="FER2013: archive, folder, CSV or parquet")
    parser.add_argument("recipes", nargs="*", help="default: those that the record lacks")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--record", type=Path, default=RESULT, help="where the figures go")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(*given.measure)
    elif given.data:
        measure_all(given)
    else:
        parser.error("name FER2013's file or folder")


if __name__ == "__main__":
    main()
