"""Comparison of mien's training loop with common ones: same network, batch size, faces and kinds of augmentation.

    python benchmarks/rivals/training_speed.py --data FER2013

Run it with the Python of an environment with mien and its rivals; install torch first, in the build that fits:

    python -m venv env && env/bin/pip install -c constraints.txt torch      # without a GPU as in docs/guide.md
    env/bin/pip install -c constraints.txt '.[lab]'
    env/bin/pip install -r benchmarks/rivals/trainers/requirements.txt      # with a GPU also 'jax[cuda12]'

The contenders are the programs in trainers/, beside this file:

    mien            `lab.train`, in the precision that it chooses itself, and in float32
    torchvision     ImageFolder of PNG files, transforms on PIL images, DataLoader, a plain loop in float32
    Keras           arrays in memory, `fit` with augmentation layers, in float32, on torch and on jax

Each measurement is a separate process, which reads PNG files of the same faces. Measurements:

    speed       images/s of training alone, after a first epoch, on a part of the faces; repeated in turn for all
                contenders (A B C, A B C, ...), so that drifts of the machine's speed affect all. Also start, the extra
                time of the first epoch, with imports, reading and compilation; and memory, the peak of the process and
                the private memory of the DataLoader's workers.
    accuracy    seconds from the start of the process to the end of the first epoch that reaches an accuracy on held-out
                faces, with the first of the networks, the last of --cpus, and all faces of Training, a tenth held out

All train by SGD with Nesterov's momentum at the same learning rate; Keras initialises weights in its own way. If CUDA
is available, all use it; then give --cpus 0,1,2,3,4,5,6,7 --workers 0 8 --faces 28000, because small epochs are too
short to be timed.

Needs Linux (taskset, /proc). Writes benchmarks/results/training_speed.json, from which `python benchmarks/page.py`
writes the page.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from processes import DidNotRun, cpus_of, in_words, measured
from trainers.watch import BATCH

from mien import lab
from mien.lab.data import TEST, TRAINING, FaceDataset, holdout, write_edition
from mien.lab.recipe import Validation

sys.path.append(str(Path(__file__).resolve().parents[1]))
from layout import RESULTS, commit, keep, this_machine

RESULT = RESULTS / "training_speed.json"
TRAINERS = Path(__file__).resolve().parent / "trainers"
PACKAGES = ("torch", "torchvision", "keras", "jax")

Answers = dict[str, list[dict[str, Any]]]
"""By contender: its results, one per round."""


def contenders(workers: Iterable[int]) -> dict[str, list[str]]:
    """Return the program and the variant of each."""
    loaders = {f"torchvision, {number} workers": ["torchvision_trainer.py", str(number)] for number in workers}
    return {
        "mien": ["mien_trainer.py", "auto"],
        "mien, float32": ["mien_trainer.py", "32"],
        **loaders,
        "Keras on torch": ["keras_trainer.py", "torch"],
        "Keras on jax": ["keras_trainer.py", "jax"],
    }


def measure(who: dict[str, list[str]], plan: dict[str, Any], cpus: list[int], rounds: int) -> Answers:
    """Run a plan (see trainers/watch.py) `rounds` times for all contenders in turn."""
    answers: Answers = {name: [] for name in who}
    for number in range(rounds):
        for name, (program, variant) in who.items():
            print(f"{plan['network']} on cpus {cpus}, round {number + 1}: {name}", file=sys.stderr, flush=True)
            try:
                command = [sys.executable, str(TRAINERS / program), variant, json.dumps(plan)]
                answers[name].append(measured(command, {}, cpus))
            except DidNotRun as error:
                raise SystemExit(f"{name}: {error}") from error
    return answers


def speed_figures(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Images per second by the clock, the median and all rounds, and per CPU second; start; memory."""
    by_clock, by_processor, starts = [], [], []
    for answer in answers:
        first, *later = answer["epochs"]
        images = sum(epoch["images"] for epoch in later)
        by_clock.append(round(images / sum(epoch["seconds"] for epoch in later), 1))
        by_processor.append(round(images / sum(epoch["cpu_seconds"] for epoch in later), 1))
        starts.append(round(first["end_s"] - (later[-1]["end_s"] - first["end_s"]) / len(later), 2))
    return {
        "computes": answers[0]["computes"],
        "per_second": median(by_clock),
        "rounds": by_clock,
        "per_cpu_second": median(by_processor),
        "start_s": median(starts),
        "memory_mb": round(median(answer["memory_mb"] for answer in answers), 1),
    }


def accuracy_figures(answer: dict[str, Any], accuracy: float) -> dict[str, Any]:
    """Seconds to the target accuracy, or None, and seconds and accuracy after each epoch."""
    way = [[round(epoch["end_s"], 1), round(epoch["accuracy"], 4)] for epoch in answer["epochs"]]
    reached = answer["epochs"][-1]["accuracy"] >= accuracy
    return {"seconds": way[-1][0] if reached else None, "epochs": way}


def parameters_of(answers: Answers) -> int:
    """Return the size of the network, which must be the same for all."""
    found = {name: said[0]["parameters"] for name, said in answers.items()}
    if len(set(found.values())) > 1:
        raise SystemExit(f"The trainers did not build the same network; trainable parameters: {found}")
    return int(found["mien"])


def write_faces(faces: FaceDataset, folder: Path) -> dict[str, int]:
    """Write labelled faces as PNG files, a tenth of each class as the test split; return their numbers.

    The training faces fill whole batches, because a smaller last one would make Keras on jax compile a second step.
    """
    training, held_out = holdout(faces, Validation(kind="holdout", fraction=0.1, rule="stratified"), seed=0)
    training = training.take(np.random.default_rng(0).permutation(len(training))[: len(training) // BATCH * BATCH])
    kept = faces.take(np.isin(faces.rows, [*training.rows, *held_out.rows]))
    write_edition(replace(kept, splits=np.where(np.isin(kept.rows, held_out.rows), TEST, TRAINING)), folder)
    return {"training": len(training), "held_out": len(held_out)}


def figures_of_all(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Measure everything, and return the record."""
    training, who = lab.read_fer2013(given.data).training, contenders(given.workers)
    part = training
    if given.faces < len(training):
        share = Validation(kind="holdout", fraction=given.faces / len(training), rule="stratified")
        _, part = holdout(training, share, seed=0)
    faces = {"speed": write_faces(part, scratch / "part"), "accuracy": write_faces(training, scratch / "whole")}
    networks: dict[str, Any] = {}
    for network in given.networks:
        plan = {"folder": str(scratch / "part"), "network": network, "accuracy": 2.0, "seconds": given.seconds}
        networks[network] = {"speed": {}}
        for cpus in given.cpus:
            answers = measure(who, plan, cpus, given.rounds)
            networks[network]["parameters"] = parameters_of(answers)
            networks[network]["speed"][in_words(cpus)] = {name: speed_figures(said) for name, said in answers.items()}
    plan = {"folder": str(scratch / "whole"), "network": given.networks[0]}
    plan |= {"accuracy": given.accuracy, "seconds": 60 * given.minutes}
    answers = measure(who, plan, given.cpus[-1], rounds=1)
    to_accuracy = {name: accuracy_figures(said[0], given.accuracy) for name, said in answers.items()}
    return {"faces": faces, "networks": networks, "to_accuracy": to_accuracy}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="FER2013 in any edition")
    parser.add_argument("--networks", nargs="+", default=["residual-nano", "residual-small"])
    parser.add_argument("--cpus", type=cpus_of, nargs="+", default=[[1], [0, 1]], help="1 0,1: on cpu 1, then on both")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="of the DataLoader")
    parser.add_argument("--faces", type=int, default=1280, help="of the part on which speed is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring speed, after a first epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--accuracy", type=float, default=0.5, help="to reach on the held-out faces")
    parser.add_argument("--minutes", type=float, default=3.0, help="to reach it in, after a first epoch")
    parser.add_argument("--out", type=Path, default=RESULT, help="the record")
    given = parser.parse_args()
    load_at_start = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        figures = figures_of_all(given, Path(scratch))
    result = {
        "commit": commit(),
        "machine": this_machine(),
        "packages": {name: version(name) for name in PACKAGES},
        "load_average": [round(load_at_start, 1), round(os.getloadavg()[0], 1)],
        "rounds": given.rounds,
        "accuracy": given.accuracy,
        "minutes": given.minutes,
        **figures,
    }
    keep(result, given.out)


if __name__ == "__main__":
    main()
