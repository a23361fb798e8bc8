"""Costs and savings of 8-bit integers: `python benchmarks/model_cost.py DATA MODEL... [--votes CSV] [--add]`.

MODEL is a float model: a run or a model folder. Each is quantised on the data that it was trained on, and both are
measured on PublicTest through `mien.Recognizer`, as users run them. Speed is CPU time with one thread; the two take
turns, so that load from other programs affects both.

Writes benchmarks/results/model_cost.json and prints the table of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from int8_section import compared
from layout import RESULTS, commit, processor_ms

from mien import lab
from mien.card import MODEL_FILE
from mien.lab.data import PUBLIC, Audit, FaceDataset, join_votes, with_majority
from mien.lab.evaluation import predict
from mien.lab.recipe.io import is_run
from mien.recognizer import Recognizer

RESULT = RESULTS / "model_cost.json"
ROUNDS = {1: 1000, 64: 50}
"""Batch size -> number of runs."""


def measure(model: str, data: FaceDataset, twins: Audit, scratch: Path) -> dict[str, Any]:
    """Quantise a float model and measure both."""
    source: str | Path = model
    if is_run(model):
        source = lab.export_run(lab.Run.open(model), scratch / "float", data=data)
    both = [Recognizer.load(each, threads=1) for each in (source, lab.quantize(source, data, scratch / "int8"))]
    faces = data.split(PUBLIC)
    if both[0].card.labels != data.label_set:
        faces = with_majority(faces)
    labels = faces.relabel(both[0].card.labels).labels
    twin_free = np.isin(faces.rows, data.rows[twins.twin_free])
    probabilities = [predict(recognizer, faces.faces) for recognizer in both]
    guesses = [each.argmax(axis=1) for each in probabilities]
    difference = np.abs(probabilities[0] - probabilities[1])
    times = speeds(both, faces)
    rows = [
        {
            "sha256": recognizer.card.sha256,
            "bytes": (recognizer.folder / MODEL_FILE).stat().st_size,
            "accuracy": float((guess == labels).mean()),
            "twin_free_accuracy": float((guess == labels)[twin_free].mean()),
            "ms_per_face": {batch: round(each[at], 4) for batch, each in times.items()},
        }
        for at, (recognizer, guess) in enumerate(zip(both, guesses, strict=True))
    ]
    return {
        "model": both[0].card.name,
        "commit": commit(),
        "n": len(faces),
        "n_twin_free": int(twin_free.sum()),
        "float": rows[0],
        "int8": rows[1],
        "same_label": float((guesses[0] == guesses[1]).mean()),
        "largest_probability_difference": round(float(difference.max()), 4),
        "mean_probability_difference": round(float(difference.mean()), 5),
        "times_faster": {batch: round(each[0] / each[1], 2) for batch, each in times.items()},
    }


def speeds(recognizers: list[Recognizer], faces: FaceDataset) -> dict[int, list[float]]:
    """Return, for each batch size, the median milliseconds per face of each recogniser."""
    found = {}
    for batch, rounds in ROUNDS.items():
        given = recognizers[0].card.preprocess.stack(list(faces.faces[:batch]))
        calls = {str(at): partial(recognizer.logits, given) for at, recognizer in enumerate(recognizers)}
        found[batch] = [time / batch for time in processor_ms(calls, rounds).values()]
    return found


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, the data that the models were trained on")
    parser.add_argument("models", nargs="+", help="runs, or folders of float models")
    parser.add_argument("--votes", type=Path, help="fer2013new.csv, for models with the classes of FER+")
    parser.add_argument("--add", action="store_true", help="keep the record's figures of other models")
    arguments = parser.parse_args()
    data = lab.read_fer2013(arguments.data)
    if arguments.votes:
        data = join_votes(data, arguments.votes)
    twins = lab.audit(data)
    add = arguments.add and RESULT.is_file()
    models = json.loads(RESULT.read_text(encoding="utf-8"))["models"] if add else []
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as scratch:
            measured = measure(model, data, twins, Path(scratch))
        models = [known for known in models if known["model"] != measured["model"]] + [measured]
    result = {
        "split": PUBLIC,
        "machine": f"{platform.machine()}, one thread",
        "onnxruntime": onnxruntime.__version__,
        "models": models,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(compared(json.loads(RESULT.read_text(encoding="utf-8"))).markdown())


if __name__ == "__main__":
    main()
