"""Accuracy on the detector's crops: `python benchmarks/detector_crops.py DATA [--faces N]`.

Each face of FER2013's PublicTest is enlarged to 160 px and placed in a picture. The picture is degraded like a photo,
and the face is detected, cropped and classified as in `mien.analyze`. The result is compared with the model's
prediction for FER2013's own crop of the same face. Only faces that were found count; their number is recorded.

The area outside FER2013's frame has to be synthesised: a plain ground shows in crops larger than the frame, and
repeating the frame's edge misleads the detector more often. Both are measured.

Writes benchmarks/results/detector_crops.json, from which `benchmarks/robustness.py` writes a section. Measures only
models that the record lacks. With `--models FOLDER...` it measures candidates for shipping and adds them to
detector_crops_of_candidates.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from layout import RESULTS, change_in_words, commit
from rich.progress import track
from turned_faces import FER2013_PX, SIDE_PX, in_the_middle, labels, turned

from mien import Recognizer, YuNet
from mien.faces.align import crop_face
from mien.lab.changes import blurred, compressed, lit, noisy
from mien.lab.data import PUBLIC, FaceDataset, read_fer2013
from mien.lab.statistics import paired_difference
from mien.lab.tables import Table
from mien.recognizer import DEFAULT_MODEL

RESULT, CANDIDATES = RESULTS / "detector_crops.json", RESULTS / "detector_crops_of_candidates.json"
MODELS = (DEFAULT_MODEL, "mien-nano", "mien-large")
"""The models for seven classes that ship, the default first."""
Image = npt.NDArray[np.uint8]
Draws = np.random.Generator


def on_plain_ground(face: Image, face_px: int = FER2013_PX) -> Image:
    """A uniformly grey picture ``(SIDE_PX, SIDE_PX)`` with the face in the middle."""
    return turned(face, (face.shape[1] / 2, face.shape[0] / 2), face_px / face.shape[1], 0)


def on_its_edge_drawn_out(face: Image) -> Image:
    """A picture in which the pixels at the frame's edge are repeated up to its border, as in `crop_face`."""
    large = cv2.resize(face, (FER2013_PX, FER2013_PX), interpolation=cv2.INTER_LINEAR)
    around = [(SIDE_PX - FER2013_PX) // 2] * 4
    return np.asarray(cv2.copyMakeBorder(large, *around, cv2.BORDER_REPLICATE), np.uint8)


# The picture is ten times as wide as a face of 48 px, the unit of `blurred`: 4 px are 1.2 px of such a face.
PICTURES: dict[str, Callable[[Image, Draws], Image]] = {
    "plain ground": lambda face, draws: on_plain_ground(face),
    "edge drawn out": lambda face, draws: on_its_edge_drawn_out(face),
    "out of focus": lambda face, draws: blurred(on_plain_ground(face), 0.4, draws),
    "JPEG, quality 15": lambda face, draws: compressed(on_plain_ground(face), 15, draws),
    "a quarter of the light, noise": lambda face, draws: noisy(lit(on_plain_ground(face), 0.25, draws), 5, draws),
    "face of 40 px": lambda face, draws: on_plain_ground(face, 40),
}


def cut_out(faces: npt.NDArray[np.uint8], name: str) -> dict[int, Image]:
    """The detector's crops by the index of the face, without faces that were not found."""
    detector, draws, crops = YuNet(), np.random.default_rng(0), {}
    for at, face in enumerate(track(faces, name)):
        picture = PICTURES[name](face, draws)
        found = in_the_middle(detector, picture)
        if found is not None:
            crops[at] = crop_face(picture, found)
    return crops


def measure(recognizer: Recognizer, split: FaceDataset, cut: dict[str, dict[int, Image]]) -> dict[str, Any]:
    """Accuracy on FER2013's own crops and on the detector's, of the same faces."""
    rows = {}
    for name, crops in cut.items():
        at = np.array(list(crops))
        own, theirs = (labels(recognizer, list(each)) == split.labels[at] for each in (split.faces[at], crops.values()))
        change = paired_difference(own, theirs)
        rows[name] = {
            "found": len(at),
            "accuracy": float(theirs.mean()),
            "own_cut": float(own.mean()),
            "difference": change.difference,
            "difference_low": change.low,
            "difference_high": change.high,
        }
    return {
        "model": recognizer.card.name,
        "model_sha256": recognizer.card.sha256,
        "commit": commit(),
        "faces": len(split.faces),
        "pictures": rows,
    }


def section(record: dict[str, Any]) -> str:
    """Return the section of docs/robustness.md, its heading included."""
    models = record["models"]
    rows = []
    for name in PICTURES:
        cells = [model["pictures"][name] for model in models]
        words = (f"{100 * cell['accuracy']:.1f} %, {change_in_words(cell)}" for cell in cells)
        rows.append((name, f"{100 * cells[0]['found'] / models[0]['faces']:.0f} %", *words))
    table = Table("", ("picture", "found", *(f"{model['model']} (95 %)" for model in models)), tuple(rows), ())
    return f"""## As the detector cuts them out

Each of PublicTest's {models[0]["faces"]:,} faces was enlarged to {FER2013_PX} px, unless the table says otherwise, put
into a picture of {SIDE_PX} px, and detected, cropped and read as in `mien.analyze`. Cells show the accuracy on the
crops of the faces that were found and, in points, the difference from FER2013's own crops of the same faces; **bold**
means worse by more than 1 point.

{table.markdown()}

FER2013's frame shows hardly more than the face. A larger crop also shows the plain ground, which no photo has. With
the edge of the frame drawn out (repeated), the detector finds fewer faces, and its boxes differ. These grounds are
artificial: results on photos may be better or worse. Enlarging a face of 48 px also blurs it. From
[detector_crops.json](../benchmarks/results/detector_crops.json).
"""


def main() -> None:
    """Measure what the record lacks, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition")
    parser.add_argument("--faces", type=int, help="faces of PublicTest, drawn at random, for a rehearsal")
    parser.add_argument("--models", nargs="+", help="folders of other models")
    options = parser.parse_args()
    result = CANDIDATES if options.models else RESULT
    recognizers = [Recognizer.load(name) for name in options.models or MODELS]
    split = read_fer2013(options.data).split(PUBLIC).relabel(recognizers[0].card.labels)
    if options.faces is not None:
        split = split.take(np.random.default_rng(0).choice(len(split.faces), options.faces, replace=False))
    kept = json.loads(result.read_text("utf-8"))["models"] if result.exists() and options.faces is None else []
    known = {one["model_sha256"]: one for one in kept}
    missing = [recognizer for recognizer in recognizers if recognizer.card.sha256 not in known]
    cut = {name: cut_out(split.faces, name) for name in PICTURES} if missing else {}
    known |= {recognizer.card.sha256: measure(recognizer, split, cut) for recognizer in missing}
    wanted = known if options.models else [recognizer.card.sha256 for recognizer in recognizers]
    record = {"models": [known[sha256] for sha256 in wanted]}
    if options.faces is None:
        result.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(section(record))


if __name__ == "__main__":
    main()
