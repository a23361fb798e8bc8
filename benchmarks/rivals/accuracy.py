"""Accuracy of mien's networks and those of other packages on FER2013, given the faces directly.

    python benchmarks/rivals/accuracy.py DATA [--fer PYTHON] [--human FOLDER] [--facial PYTHON]

See __main__.py for the environments of fer and human; that of facial-emotion-recognition is

    python -m venv facial && facial/bin/pip install torch numpy
    facial/bin/pip install --no-deps facial-emotion-recognition==0.3.4     # its detector is not needed

All get the labelled faces of PublicTest. Rivals that are not named keep their recorded figures. Writes
benchmarks/results/rivals_accuracy.json, from which `python benchmarks/page.py` writes the page.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from processes import measured

from mien import lab
from mien.lab.data import PUBLIC, FaceDataset
from mien.lab.evaluation import predict
from mien.lab.statistics import mcnemar, paired_difference, wilson_interval
from mien.recognizer import DEFAULT_MODEL, Recognizer

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from layout import RESULTS, commit  # noqa: E402

RESULT = RESULTS / "rivals_accuracy.json"
OURS = (DEFAULT_MODEL, "mien-large", "mien-nano")
Mask = npt.NDArray[np.bool_]


def right_of_mien(model: str, faces: FaceDataset) -> Mask:
    """Which faces a model that ships predicts correctly."""
    recognizer = Recognizer.load(model)
    right: Mask = predict(recognizer, faces.faces).argmax(axis=1) == faces.relabel(recognizer.card.labels).labels
    return right


def right_of_rival(command: list[str], environment: dict[str, str], faces: FaceDataset, folder: Path) -> Mask:
    """Which faces a rival predicts correctly."""
    raw = folder / "faces"
    faces.faces.tofile(raw)
    names = measured([*command, "names", str(raw)], environment, [0])["names"]
    return np.array([faces.label_set.index(name) for name in names]) == faces.labels


def figures(right: Mask, new: Mask, default: Mask) -> dict[str, Any]:
    """Accuracies, and their differences from the default model's."""
    found = {}
    for name, part in (("full", np.ones_like(new)), ("twin_free", new)):
        low, high = wilson_interval(int(right[part].sum()), int(part.sum()))
        found[name] = {"n": int(part.sum()), "accuracy": float(right[part].mean())}
        found[name] |= {"accuracy_low": low, "accuracy_high": high}
    less = paired_difference(default, right)
    found["commit"] = commit()
    found["to_default"] = {
        "difference": less.difference,
        "low": less.low,
        "high": less.high,
        "p_value": mcnemar(default, right).p_value,
    }
    return found


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013")
    parser.add_argument("--fer", type=Path, help="Python of fer's environment")
    parser.add_argument("--human", type=Path, help="folder with human's node_modules")
    parser.add_argument("--facial", type=Path, help="Python of facial-emotion-recognition's environment")
    given = parser.parse_args()
    known = json.loads(RESULT.read_text("utf-8")) if RESULT.is_file() else {"sha256": {}, "packages": {}}
    same = known["sha256"].get(DEFAULT_MODEL) == Recognizer.load().card.sha256
    if not same and not (given.fer and given.human and given.facial):
        parser.error(
            f"{DEFAULT_MODEL} differs from the one in {RESULT.name}, with which all rivals are compared; name them all."
        )
    data = lab.read_fer2013(given.data)
    faces = data.split(PUBLIC)
    new = lab.audit(data).twin_free[data.splits == PUBLIC]
    right = {model: right_of_mien(model, faces) for model in OURS}
    with tempfile.TemporaryDirectory() as folder:
        for name, python in (("fer", given.fer), ("facial-emotion-recognition", given.facial)):
            if python:
                worker = str(HERE / f"{name.partition('-')[0]}_worker.py")
                right[name] = right_of_rival([str(python.absolute()), worker], {}, faces, Path(folder))
        if given.human:
            modules = {"NODE_PATH": str(given.human.absolute() / "node_modules")}
            right["human"] = right_of_rival(["node", str(HERE / "human_worker.cjs")], modules, faces, Path(folder))
    record = {
        "commit": commit(),
        "split": PUBLIC,
        "sha256": {model: Recognizer.load(model).card.sha256 for model in OURS},
        "packages": known["packages"]
        | {name: figures(each, new, right[DEFAULT_MODEL]) for name, each in right.items()},
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(RESULT.read_text("utf-8"))


if __name__ == "__main__":
    main()
