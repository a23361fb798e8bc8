"""Ablations of ideas that may improve a short training: `python benchmarks/speed_ideas.py FER2013`.

Each idea trains mien-small-first's network for about seven minutes on one core, on four fifths of Training, and is
validated on the rest, which is drawn with twins together; no test split is used. benchmarks/results/speed_ideas.json
keeps the results; docs/log.md has the conclusions.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import speed_trainers
from layout import RESULTS, commit
from speedruns import recognised

from mien import lab
from mien.lab import training
from mien.lab.data import FaceDataset
from mien.lab.recipe import SGD, Muon, OwnNet, Progressive, Recipe, Validation
from mien.lab.recipe_book import recipes
from mien.lab.recipe_book.speedruns import LIGHT
from mien.lab.reproduction.speed import machine
from mien.lab.training import Trainer, split_for_training, train

RESULT = RESULTS / "speed_ideas.json"
STRONG = recipes["mien-small-first"].augment
MUON = Muon(lr=0.025, other_lr=0.1, weight_decay=5e-4)
BASE = replace(
    recipes["speed-70"],
    network=OwnNet(name="residual-small"),
    augment=LIGHT,
    optimizer=MUON,
    epochs=12,
    validation=Validation(kind="holdout", fraction=0.2, rule="grouped"),
)
SGD_BASE = replace(BASE, optimizer=SGD(lr=0.1, weight_decay=5e-4), batch_size=128)
GROWING = Progressive(first_px=24)
BEST = replace(BASE, optimizer=replace(MUON, other_lr=0.03))
IDEAS: dict[str, Recipe] = {
    "SGD, lr 0.1, batch 128": SGD_BASE,
    "SGD, lr 0.1, batch 128; faces grow from 24 px": replace(SGD_BASE, epochs=18, sizes=GROWING),
    "Muon, lr 0.012": replace(BASE, optimizer=replace(MUON, lr=0.012)),
    "Muon, lr 0.025": BASE,
    "Muon, lr 0.05": replace(BASE, optimizer=replace(MUON, lr=0.05)),
    "Muon, lr 0.1": replace(BASE, optimizer=replace(MUON, lr=0.1)),
    "Muon, lr 0.025, all else 0.03": BEST,
    "Muon, lr 0.05; faces grow from 24 px": replace(BASE, epochs=18, optimizer=replace(MUON, lr=0.05), sizes=GROWING),
    "Muon, lr 0.03; mixup, erasing": replace(BASE, epochs=14, optimizer=replace(MUON, lr=0.03), augment=STRONG),
    "Muon, lr 0.03; mixup, erasing; faces grow from 24 px": replace(
        BASE, epochs=20, optimizer=replace(MUON, lr=0.03), augment=STRONG, sizes=GROWING
    ),
    "depthwise and pointwise convolutions, 29 epochs": replace(
        BEST, network=OwnNet(name=speed_trainers.DEPTHWISE), epochs=29
    ),
    "each face from one side, then the other": replace(BEST, augment=replace(LIGHT, flip=False)),
    "easy faces left out, 15 epochs": replace(BEST, epochs=15),
    "labels not smoothed": replace(BEST, label_smoothing=0.0),
    "weights not averaged": replace(BEST, ema_decay=0.0),
    "first layer whitened": BEST,
    "quicker statistics": BEST,
    "no repeated or blank faces": BEST,
    "squeeze and excitation": replace(BEST, network=OwnNet(name=speed_trainers.EXCITED)),
    "two more residual blocks, 10 epochs": replace(BEST, network=OwnNet(name=speed_trainers.DEEP), epochs=10),
    "halving before normalisation": replace(BEST, network=OwnNet(name="residual-small-pool-first")),
    "SAM, 6 epochs": replace(BEST, sam_rho=0.05, epochs=6),
    "lookahead in place of averaged weights": replace(BEST, ema_decay=0.0),
    "faces grow from 32 px, 14 epochs": replace(BEST, epochs=14, sizes=Progressive(first_px=32)),
}
"""Everything else as in speed-70, in batches of 256, without mixup unless stated. The learning rate of everything else
is 0.1 if only Muon's is given, 0.03 if none is."""
SEEDS = {
    "Muon, lr 0.025, all else 0.03": (0, 1),
    "each face from one side, then the other": (0, 1),
}
"""Of the trials that several seeds decide."""
TRAINERS: dict[str, type[Trainer]] = {
    "each face from one side, then the other": speed_trainers.AlternatingFlip,
    "easy faces left out, 15 epochs": speed_trainers.SkippingEasy,
    "first layer whitened": speed_trainers.WhitenedStem,
    "quicker statistics": speed_trainers.QuickStatistics,
    "no repeated or blank faces": speed_trainers.WithoutRepeats,
    "lookahead in place of averaged weights": speed_trainers.Lookahead,
}


def measure(name: str, recipe: Recipe, data: FaceDataset, seed: int) -> dict[str, Any]:
    """Train once."""
    training.Trainer = TRAINERS.get(name, Trainer)  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        run = train(recipe, data, seed=seed, out=folder)
        last = run.history()[-1]
        held_out = split_for_training(recipe, data, seed)[1]
        assert held_out is not None
        return {
            "epochs": recipe.epochs,
            "seconds": run.environment["seconds"],
            "accuracy": round(last["validation_accuracy"], 4),
            "accuracy_flip": round(float(recognised(run, data, held_out, "flip").mean()), 4),
            "train_accuracy": round(last["train_accuracy"], 4),
            "n": run.environment["n_validation"],
            "commit": commit(),
        }


def main() -> None:
    """Train what the record lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = lab.read_fer2013(parser.parse_args().data)
    known = json.loads(RESULT.read_text("utf-8")) if RESULT.is_file() else {"machine": machine(), "ideas": {}}
    for name, seed in [(idea, seed) for idea in IDEAS for seed in SEEDS.get(idea, (0,))]:
        key = f"{name}, seed {seed}" if seed else name
        if key not in known["ideas"]:
            known["ideas"][key] = measure(name, IDEAS[name], data, seed)
            RESULT.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
            print(key, known["ideas"][key], flush=True)


if __name__ == "__main__":
    main()
