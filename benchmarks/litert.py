"""Accuracy and speed of LiteRT files: `python benchmarks/litert.py DATA`, with the extra `litert`.

Each seven-class model that ships is converted to LiteRT, with 8-bit weights. It and `model.onnx` are measured on
PublicTest; then they take turns with one face at a time, on one thread, in CPU time. Writes
benchmarks/results/litert.json.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from layout import RESULTS, commit, keep, processor_ms

from mien import lab
from mien.card import MODEL_FILE
from mien.lab.data import PUBLIC, FaceDataset
from mien.lab.litert import LITERT_FILE, open_litert
from mien.recognizer import Recognizer

RESULT = RESULTS / "litert.json"
MODELS = ("mien-large", "mien-small", "mien-nano")
ROUNDS = 1000


def measure(name: str, faces: FaceDataset, scratch: Path) -> dict[str, Any]:
    """Convert a model to LiteRT and measure both files."""
    recognizer = Recognizer.load(name, threads=1)
    file = lab.write_litert(name, scratch) / LITERT_FILE
    crops = recognizer.card.preprocess.stack(list(faces.faces))
    labels = faces.relabel(recognizer.card.labels).labels
    answer, first = open_litert(file), crops[:1]
    guesses = {
        "onnx": recognizer.logits(crops).argmax(axis=1),
        "litert": np.concatenate([answer(crop[None]) for crop in crops]).argmax(axis=1),
    }
    times = processor_ms({"onnx": partial(recognizer.logits, first), "litert": partial(answer, first)}, ROUNDS)
    return {
        "model": name,
        "sha256": recognizer.card.sha256,
        "n": len(faces),
        "accuracy": {kind: float((guess == labels).mean()) for kind, guess in guesses.items()},
        "same_label": float((guesses["onnx"] == guesses["litert"]).mean()),
        "bytes": {"onnx": (recognizer.folder / MODEL_FILE).stat().st_size, "litert": file.stat().st_size},
        "ms_per_face": {kind: round(time, 3) for kind, time in times.items()},
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013")
    faces = lab.read_fer2013(parser.parse_args().data).split(PUBLIC)
    began = os.getloadavg()[0]
    models = []
    for name in MODELS:
        with tempfile.TemporaryDirectory() as scratch:
            models.append(measure(name, faces, Path(scratch)))
    versions = {name: importlib.metadata.version(name) for name in ("litert-torch", "ai-edge-litert", "onnxruntime")}
    result = {
        "split": PUBLIC,
        "commit": commit(),
        "machine": f"{platform.machine()}, one thread",
        "load_average": [round(load, 1) for load in (began, os.getloadavg()[0])],
        "versions": versions,
        "models": models,
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
