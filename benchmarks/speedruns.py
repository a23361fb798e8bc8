"""Accuracy after minutes of training, and whether the speed recipes reach their aims.

    python benchmarks/speedruns.py FER2013 [--runs curve|records] [--seeds 0 1 2] [--recipes NAME ...] [--keep FOLDER]
        [--minutes N]

``curve`` trains networks of 0.06 to 1.35 M parameters for about 1, 3, 9, 25 and 76 minutes of one core;
``records`` trains the speed recipes as they are. Each training is timed from its first step to its last; a short
warm-up training before it loads and compiles everything and is timed separately. Accuracy is measured on PublicTest,
with one view and with a face and its mirror image. benchmarks/results/speedruns.json keeps finished trainings, so a
second call trains only what is missing; two calls may run in parallel on different seeds, each on one core. `--keep`
keeps the runs, for an ensemble, and resumes an interrupted one. No training starts after `--minutes`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from layout import RESULTS, commit

from mien import lab
from mien.lab.data import PUBLIC, FaceDataset
from mien.lab.evaluation import open_model, predict
from mien.lab.predictions import TTA
from mien.lab.recipe import Augment, OwnNet, Recipe
from mien.lab.recipe_book import SPEEDRUNS, recipes
from mien.lab.reproduction.speed import machine
from mien.lab.run import Run
from mien.lab.training import train

RESULT = RESULTS / "speedruns.json"
CURVE = {
    "residual-pico": (7, 22, 66),
    "residual-nano": (4, 12, 36, 108),
    "residual-small": (1, 4, 13, 40, 112),
}
"""Network -> epochs."""
VIEWS: tuple[TTA, ...] = ("none", "flip")
MIXUP_FROM = 30
"""Number of epochs below which mixup lowers the accuracy."""


def curve() -> list[Recipe]:
    """Return the shortest trainings of all networks first, then longer ones."""
    base = recipes["speed-70"]
    assert isinstance(base.augment, Augment)
    plain = replace(base.augment, mixup_alpha=0.0)
    rows = [(at, network, epochs) for network, each in CURVE.items() for at, epochs in enumerate(each)]
    return [
        replace(
            base,
            name=f"{network}-{epochs}",
            network=OwnNet(name=network),
            epochs=epochs,
            augment=base.augment if epochs >= MIXUP_FROM else plain,
        )
        for _, network, epochs in sorted(rows, key=lambda row: row[0])
    ]


def measure(
    recipe: Recipe, data: FaceDataset, fresh: npt.NDArray[np.bool_], seed: int, keep: Path | None
) -> dict[str, Any]:
    """Train once; `fresh` are the PublicTest faces without a twin in Training."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(recipe, data, seed=seed, out=keep or folder)
        right = {tta: recognised(run, data, data.split(PUBLIC), tta) for tta in VIEWS}
        seconds = run.environment["seconds"]
    return {
        "recipe": recipe.name,
        "network": recipe.network.name,
        "epochs": recipe.epochs,
        "seed": seed,
        "seconds": seconds,
        "accuracy": {tta: float(one.mean()) for tta, one in right.items()},
        "twin_free_accuracy": {tta: float(one[fresh].mean()) for tta, one in right.items()},
        "commit": commit(),
    }


def recognised(run: Run, data: FaceDataset, faces: FaceDataset, tta: TTA) -> npt.NDArray[np.bool_]:
    """Whether the run's exported model predicts each of `faces`, which are of `data`, correctly ``(N,)``."""
    _, recognizer = open_model(run, data)
    right: npt.NDArray[np.bool_] = predict(recognizer, faces.faces, tta).argmax(1) == faces.labels
    return right


def main() -> None:
    """Train what the record lacks, and save each result at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", choices=["curve", "records"], default="curve")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--recipes", nargs="+", help="leave out all others")
    parser.add_argument("--keep", type=Path, help="folder to keep the runs in")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no training after this time")
    options = parser.parse_args()
    rows = curve() if options.runs == "curve" else list(SPEEDRUNS)
    names = [recipe.name for recipe in rows]
    for name in options.recipes or ():
        if name not in names:
            parser.error(f"--recipes {name}: expected of {', '.join(names)}")
    began = time.monotonic()
    data = lab.read_fer2013(options.data)
    fresh = lab.audit(data).twin_free[data.splits == PUBLIC]
    warm = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        train(replace(rows[0], epochs=4), data.take(np.arange(0, len(data), 30)), out=folder)
    warm_up_s = round(time.monotonic() - warm, 1)
    for seed in options.seeds:
        for recipe in rows:
            if (options.recipes and recipe.name not in options.recipes) or (recipe.name, seed) in done():
                continue
            if time.monotonic() - began > 60 * options.minutes:
                return
            one = measure(recipe, data, fresh, seed, options.keep)
            known = read()  # again, as another call may have written meanwhile
            here = known.setdefault(machine(), {"n": len(fresh), "n_twin_free": int(fresh.sum()), "runs": []})
            here["warm_up_s"] = warm_up_s
            here["runs"].append(one)
            RESULT.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
            print(
                f"{recipe.name} seed {seed}: {one['seconds']:.0f} s, {one['accuracy']['none']:.2%}, "
                f"flip {one['accuracy']['flip']:.2%}",
                flush=True,
            )


def read() -> dict[str, Any]:
    """The record, by machine."""
    known: dict[str, Any] = json.loads(RESULT.read_text("utf-8")) if RESULT.is_file() else {}
    return known


def done() -> set[tuple[str, int]]:
    """Recipe and seed of this machine's trainings on record."""
    return {(one["recipe"], one["seed"]) for one in read().get(machine(), {"runs": []})["runs"]}


if __name__ == "__main__":
    main()
