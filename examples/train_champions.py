"""Train the champions in slices of a few minutes: networks of an ensemble, then small ones that learn from all of them.

    python examples/train_champions.py --data fer2013.csv --votes fer2013new.csv --minutes 9

Call it until it says that all is done; each call goes on where the last one stopped. What is finished is kept twice:
as a run, and in `--keep` as a zip of a few MB with half-precision weights, that a later machine can unpack and go on
with: `mien evaluate`, `mien export` and further teaching take the unpacked folder as any run.
"""

from __future__ import annotations

import argparse
import time
import zipfile
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save

from mien import lab
from mien.lab.data import join_votes
from mien.lab.recipe import NoDistillation, Recipe
from mien.lab.recipe_io import override
from mien.lab.run import WEIGHTS, Run

MEMBERS = [
    ("mien-wide", 0),
    ("mien-large-faces", 0),
    ("mien-wide", 1),
    ("mien-wide", 2),
    ("mien-small", 0),
    ("mien-large-faces", 1),
]
"""(recipe, seed) in order of value. All that are finished teach, whatever they reach.

Another seed holds out other faces, so that the students have to be calibrated on PublicTest: `mien calibrate`.
"""
STUDENTS = [("mien-small-full-muon", 0), ("mien-nano-full", 0), ("mien-small-distilled", 0), ("mien-nano-full", 1)]


def main() -> None:
    """Train what is missing, until time is up."""
    options = _options()
    deadline = time.monotonic() + 60 * options.minutes
    data = join_votes(lab.read_fer2013(options.data), options.votes)
    if options.rehearse:
        data = data.take(np.arange(0, len(data), 50))
    members: list[Run] = []
    for name, seed in MEMBERS + STUDENTS:
        recipe = lab.recipes[name]
        needs_file = recipe.network.weights == "file"
        weights = options.face_weights if needs_file else None
        if needs_file and weights is None:
            print(f"{name}: left out, as --face-weights is not given", flush=True)
            continue
        if options.rehearse:
            recipe = override(recipe, "epochs=1", "ema_decay=0")
        teaches = isinstance(recipe.distillation, NoDistillation)
        run = _trained(recipe, data, seed, weights, [] if teaches else members, options, deadline)
        if not run.finished:
            print(f"{run.folder.name}: {run.environment['epochs_run']} epochs so far; call again", flush=True)
            return
        if teaches:
            members.append(run)
        kept = _keep(run, options.keep)
        print(
            f"{run.folder.name}: {run.history()[-1]}, kept as {kept} ({kept.stat().st_size / 1e6:.1f} MB)", flush=True
        )
    print("all is done", flush=True)


def _trained(
    recipe: Recipe,
    data: lab.FaceDataset,
    seed: int,
    weights: Path | None,
    teachers: list[Run],
    options: argparse.Namespace,
    deadline: float,
) -> Run:
    return lab.train(
        recipe,
        data,
        seed=seed,
        out=options.runs,
        weights=weights,
        teachers=teachers,
        compile=options.compile,
        time_limit_s=max(0.0, deadline - time.monotonic()),
    )


def _keep(run: Run, folder: Path) -> Path:
    """Zip a finished run, without its checkpoint, its weights in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{run.folder.name}.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(run.folder.glob("*.json*")):
            archive.write(part, f"{run.folder.name}/{part.name}")
        weights = {
            name: value.half() if value.is_floating_point() else value
            for name, value in load_file(run.folder / WEIGHTS).items()
        }
        archive.writestr(f"{run.folder.name}/{WEIGHTS}", save(weights))
    return file


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="FER2013, an edition with the rows of the 2013 CSV")
    parser.add_argument("--votes", type=Path, required=True, help="fer2013new.csv of FER+")
    parser.add_argument("--face-weights", type=Path, help="MobileNet-v1 of VGGFace2, safetensors")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--keep", type=Path, default=Path("kept"))
    parser.add_argument("--minutes", type=float, default=9.0, help="stop in time, with a checkpoint")
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    parser.add_argument("--rehearse", action="store_true", help="one epoch each on few faces, to see that all works")
    return parser.parse_args()


if __name__ == "__main__":
    main()
