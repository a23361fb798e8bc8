"""How well faces are read as the detector cuts them out: `python benchmarks/detector_crops.py DATA [--faces N]`.

Each face of FER2013's PublicTest is put into a picture, enlarged to 160 px; the picture is changed as photos are, the
face found, cut out and read as `mien.analyze` does. Beside it stands what the model answers to FER2013's own cut of the
same face, unchanged. Only faces that were found count; how many is told.

Where FER2013's frame ends, a picture has to be made up: a plain ground shows in crops that are larger than the frame,
the frame's own edge, drawn out, misleads the detector more often. Both are measured.

Writes benchmarks/results/detector_crops.json; `benchmarks/robustness.py` makes a section of it. Measures only models
that the record lacks.
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
from layout import RESULTS, commit
from rich.progress import track

from mien import Face, Recognizer, YuNet
from mien.faces.align import crop_face
from mien.lab.data import PUBLIC, FaceDataset, read_fer2013
from mien.lab.statistics import paired_difference
from mien.lab.tables import Table
from mien.recognizer import DEFAULT_MODEL

RESULT = RESULTS / "detector_crops.json"
MODELS = (DEFAULT_MODEL, "mien-nano", "mien-large")
SIDE_PX, FACE_PX = 480, 160
OFF_CENTER_PX = 40
"""How far from the middle a face may be found, to be the one that was put there."""
AIM = 0.01
Image = npt.NDArray[np.uint8]


def on_plain_ground(face: Image, face_px: int = FACE_PX) -> Image:
    """A picture ``(SIDE_PX, SIDE_PX)`` of one grey, with the face in the middle."""
    return _placed(face, face_px, cv2.BORDER_CONSTANT)


def on_its_edge_drawn_out(face: Image) -> Image:
    """A picture in which the pixels at the frame's edge go on to its border, as `crop_face` repeats them."""
    return _placed(face, FACE_PX, cv2.BORDER_REPLICATE)


def _placed(face: Image, face_px: int, border: int) -> Image:
    large = cv2.resize(face, (face_px, face_px), interpolation=cv2.INTER_CUBIC)
    before = (SIDE_PX - face_px) // 2
    after = SIDE_PX - face_px - before
    grey = [float(face.mean())] * 3
    return np.asarray(cv2.copyMakeBorder(large, before, after, before, after, border, value=grey), np.uint8)


def blurred(face: Image) -> Image:
    """Out of focus by 4 px, 1.2 px of a face 48 px wide."""
    return np.asarray(cv2.GaussianBlur(on_plain_ground(face), (0, 0), 4), np.uint8)


def compressed(face: Image) -> Image:
    """Written as JPEG of quality 15, and read again."""
    _, written = cv2.imencode(".jpg", on_plain_ground(face), [cv2.IMWRITE_JPEG_QUALITY, 15])
    return np.asarray(cv2.imdecode(written, cv2.IMREAD_GRAYSCALE), np.uint8)


def in_low_light(face: Image) -> Image:
    """A quarter of the light, with noise of 5 grey levels."""
    noise = np.random.default_rng(int(face.sum())).normal(0, 5, (SIDE_PX, SIDE_PX))
    dark = 255 * (on_plain_ground(face) / 255 / 4 ** (1 / 2.2))
    return np.asarray((dark + noise).clip(0, 255), np.uint8)


def small(face: Image) -> Image:
    """40 px wide."""
    return on_plain_ground(face, 40)


PICTURES: dict[str, Callable[[Image], Image]] = {
    "plain ground": on_plain_ground,
    "edge drawn out": on_its_edge_drawn_out,
    "out of focus": blurred,
    "JPEG, quality 15": compressed,
    "low light": in_low_light,
    "face of 40 px": small,
}


def find(detector: YuNet, picture: Image) -> Face | None:
    """The face in the middle of a picture."""
    faces = detector.detect(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB))
    near = (face for face in faces if np.abs(np.array(face.center) - SIDE_PX / 2).max() < OFF_CENTER_PX)
    return next(near, None)


def cut_out(faces: npt.NDArray[np.uint8], make: Callable[[Image], Image], name: str) -> dict[int, Image]:
    """The detector's crops by the position of the face; those that were not found are left out."""
    detector, crops = YuNet(), {}
    for at, face in enumerate(track(faces, name)):
        picture = make(face)
        found = find(detector, picture)
        if found is not None:
            crops[at] = crop_face(picture, found)
    return crops


def right(recognizer: Recognizer, crops: list[Image], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each crop is read as labelled."""
    return recognizer.probabilities(recognizer.card.preprocess.stack(crops)).argmax(axis=1) == labels


def measure(recognizer: Recognizer, split: FaceDataset, cut: dict[str, dict[int, Image]]) -> dict[str, Any]:
    """Accuracy on FER2013's own cuts and on the detector's, of the same faces."""
    rows = {}
    for name, crops in cut.items():
        at = np.array(list(crops))
        own = right(recognizer, list(split.faces[at]), split.labels[at])
        theirs = right(recognizer, list(crops.values()), split.labels[at])
        change = paired_difference(own, theirs)
        rows[name] = {
            "found": len(at),
            "accuracy": round(float(theirs.mean()), 4),
            "own_cut": round(float(own.mean()), 4),
            "difference": round(change.difference, 4),
            "difference_low": round(change.low, 4),
            "difference_high": round(change.high, 4),
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
        found = models[0]["pictures"][name]["found"] / models[0]["faces"]
        rows.append((name, f"{100 * found:.0f} %", *(_cell(model["pictures"][name]) for model in models)))
    columns = ("picture", "found", *(f"{model['model']} (95 %)" for model in models))
    table = Table("", columns, tuple(rows), ())
    return f"""## As the detector cuts them out

Each of PublicTest's {models[0]["faces"]:,} faces was put into a picture, {FACE_PX} px wide, found there by the
detector, cut out and read as `mien.analyze` does. A cell has the accuracy on the crops of the faces that were found
and, in points, the difference to FER2013's own cut of the same faces, unchanged; **bold** where it is worse by more
than {100 * AIM:g} point.

{table.markdown()}

FER2013's frame shows hardly more than the face. Where a crop is larger, the plain ground shows in it, which no photo
has; with the frame's edge drawn out, the detector finds fewer faces, and other boxes. The grounds are made up, photos
may do better or worse. From [detector_crops.json](../benchmarks/results/detector_crops.json).
"""


def _cell(row: dict[str, float]) -> str:
    change, low, high = (f"{100 * row[key]:+.1f}" for key in ("difference", "difference_low", "difference_high"))
    change = change if row["difference"] >= -AIM else f"**{change}**"
    return f"{100 * row['accuracy']:.1f} %, {change} ({low} to {high})"


def main() -> None:
    """Measure what the record lacks, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition")
    parser.add_argument("--faces", type=int, help="faces of PublicTest, drawn at random, for a rehearsal")
    options = parser.parse_args()
    recognizers = [Recognizer.load(name) for name in MODELS]
    split = read_fer2013(options.data).split(PUBLIC).relabel(recognizers[0].card.labels)
    if options.faces is not None:
        split = split.take(np.random.default_rng(0).choice(len(split.faces), options.faces, replace=False))
    kept = json.loads(RESULT.read_text("utf-8"))["models"] if RESULT.exists() and options.faces is None else []
    known = {one["model_sha256"]: one for one in kept}
    if any(recognizer.card.sha256 not in known for recognizer in recognizers):
        cut = {name: cut_out(split.faces, make, name) for name, make in PICTURES.items()}
        known |= {
            recognizer.card.sha256: measure(recognizer, split, cut)
            for recognizer in recognizers
            if recognizer.card.sha256 not in known
        }
    record = {"models": [known[recognizer.card.sha256] for recognizer in recognizers]}
    if options.faces is None:
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(section(record))


if __name__ == "__main__":
    main()
