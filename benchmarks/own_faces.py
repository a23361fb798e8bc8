"""Gain from fine-tuning mien-small on a user's own faces: `python benchmarks/own_faces.py FER2013`.

FER2013's PublicTest, which no model was trained on, represents a user's faces: with the mouth covered, as by a mask, or
of 16 x 16 pixels, as from far away. One half of it, drawn so that twins stay together, is for training: 100, 400 or all
of its faces. The other half tests mien-small as it ships and after `mien-small-further`, both with the mirror image: on
faces of the same kind, and on unchanged ones, to detect forgetting. There are three draws.

Writes benchmarks/results/own_faces.json, from which `python benchmarks/page.py` writes the page.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from layout import RESULTS, commit

from mien import Recognizer, lab
from mien.lab.changes import CHANGES
from mien.lab.data import PUBLIC, TRAINING, FaceDataset, holdout
from mien.lab.evaluation import predict
from mien.lab.export import export_run
from mien.lab.recipe import Validation
from mien.lab.reproduction.speed import machine
from mien.lab.statistics import paired_difference
from mien.lab.training import train

RESULT = RESULTS / "own_faces.json"
MODEL, RECIPE = "mien-small", lab.recipes["mien-small-further"]
KINDS = {
    "mouth covered": ("covered", "mouth"),
    "16 x 16 pixels": ("fewer pixels", "16 x 16"),
}
"""Kind of faces -> name and strength of the change in `mien robust`."""
FACES = (100, 400, None)
DRAWS = range(3)
HALF = Validation(kind="holdout", fraction=0.5, rule="grouped")


def own_faces(public: FaceDataset, kind: str, draw: int) -> tuple[FaceDataset, FaceDataset, FaceDataset]:
    """Return changed training faces, in random order; changed test faces; and the same test faces, unchanged."""
    change = next(one for one in CHANGES if (one.name, one.strength) == KINDS[kind])
    learnt, tested = holdout(public, HALF, seed=draw)
    learnt = learnt.take(np.random.default_rng(draw).permutation(len(learnt)))
    learnt = replace(learnt, splits=np.full(len(learnt), TRAINING), faces=change.apply(learnt.faces, seed=0))
    return learnt, replace(tested, faces=change.apply(tested.faces, seed=1)), tested


def right(recognizer: Recognizer, faces: FaceDataset) -> npt.NDArray[np.bool_]:
    """Whether each face is predicted correctly, ``(N,)``."""
    labels = faces.relabel(recognizer.card.labels).labels
    named: npt.NDArray[np.bool_] = predict(recognizer, faces.faces).argmax(1) == labels
    return named


def measure(public: FaceDataset, kind: str, draw: int) -> list[dict[str, Any]]:
    """Fine-tune the model on increasing numbers of faces of one draw."""
    learnt, *tests = own_faces(public, kind, draw)
    shipped = Recognizer.load(MODEL)
    before = [right(shipped, faces) for faces in tests]
    rows = []
    for count in FACES:
        chosen = learnt.take(np.arange(count or len(learnt)))
        with tempfile.TemporaryDirectory() as folder:
            run = train(RECIPE, chosen, seed=draw, out=folder, weights=MODEL)
            recognizer = Recognizer.load(export_run(run, mirrored=True))
            after = [right(recognizer, faces) for faces in tests]
            seconds = run.environment["seconds"]
        of_the_kind, unchanged = (figures(*each) for each in zip(before, after, strict=True))
        row = {"kind": kind, "draw": draw, "faces": len(chosen), "all": count is None, "tested": len(tests[0])}
        rows.append(row | of_the_kind | {"unchanged": unchanged, "seconds": seconds})
        print(rows[-1], flush=True)
    return rows


def figures(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Both accuracies, and the interval of their difference."""
    change = paired_difference(before, after)
    found = {"before": before.mean(), "after": after.mean(), "low": change.low, "high": change.high}
    return {name: float(value) for name, value in found.items()}


def main() -> None:
    """Measure all draws of the kinds, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition with PublicTest")
    public = lab.read_fer2013(parser.parse_args().data).split(PUBLIC)
    measured = {
        "model_sha256": Recognizer.load(MODEL).card.sha256,
        "machine": machine(),
        "commit": commit(),
        "rows": [row for kind in KINDS for draw in DRAWS for row in measure(public, kind, draw)],
    }
    known = json.loads(RESULT.read_text("utf-8")) if RESULT.is_file() else {}
    RESULT.write_text(json.dumps(known | {MODEL: measured}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
