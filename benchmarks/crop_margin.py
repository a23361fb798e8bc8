"""Margin around the detector's box that gives FER2013's framing: `python benchmarks/crop_margin.py DATA [PHOTO...]`.

It is measured in two ways, because a FER2013 image shows hardly more than the face, and boxes near a border are not
reliable:

* boxes: FER2013 images, enlarged to 192 px, on a larger canvas; position of the detector's square box in the image;
* landmarks: distances of eyes and mouth, relative to the image in FER2013 and to the box in photographs. Eyes and mouth
  are well inside, where borders have no effect.

Writes benchmarks/results/crop_margin.json. Without PHOTO, the photographs are scikit-image's and matplotlib's; the
record has five more: biden.jpg, obama.jpg, obama2.jpg and obama3.jpg of face_recognition 1.3.0 (tests/test_images in
its source distribution), and insightface's t1.jpg (data/images in its wheel).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from layout import RESULTS, commit, shipped_photos

from mien.faces.detect import Face, YuNet
from mien.lab.data import TRAINING, read_fer2013
from mien.media.images import read_image

RESULT = RESULTS / "crop_margin.json"
FRAME_PX, CANVAS_PX = 192, 384
FACES = 2000
Array = npt.NDArray[np.float64]


def on_canvas(face: npt.NDArray[np.uint8], around: str) -> npt.NDArray[np.uint8]:
    """A FER2013 image in the middle of a photo of twice its size."""
    large = cv2.resize(face, (FRAME_PX, FRAME_PX), interpolation=cv2.INTER_CUBIC)
    pad = (CANVAS_PX - FRAME_PX) // 2
    grey = {"mean": float(large.mean()), "black": 0.0}[around]
    return np.asarray(cv2.copyMakeBorder(large, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=grey), np.uint8)


def spread(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return {"median": round(float(middle), 3), "quartiles": [round(float(low), 3), round(float(high), 3)]}


def geometry(face: Face, center: tuple[float, float], side: float) -> dict[str, float]:
    """Positions of eyes and mouth in a square."""
    right_eye, left_eye, _, right_mouth, left_mouth = np.array(face.landmarks)
    eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
    return {
        "eyes_to_mouth": float(np.hypot(*(mouth - eyes))) / side,
        "eye_to_eye": float(np.hypot(*(left_eye - right_eye))) / side,
        "height_of_middle": float((eyes[1] + mouth[1]) / 2 - center[1]) / side,
    }


def summary(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Spread of each column."""
    return {name: spread([row[name] for row in rows]) for name in rows[0]}


def measure_fer2013(faces: npt.NDArray[np.uint8], around: str) -> dict[str, object]:
    """Boxes and landmarks of FER2013 faces, relative to the 48 x 48 frame."""
    detector = YuNet(longest_px=CANVAS_PX)
    boxes, marks = [], []
    for image in faces:
        found = detector.detect(on_canvas(image, around))
        if found:
            face = found[0]
            x, y = (value - CANVAS_PX / 2 for value in face.center)
            side = face.side_px
            boxes.append({"frame_side": FRAME_PX / side, "frame_right": -x / side, "frame_below": -y / side})
            marks.append(geometry(face, (CANVAS_PX / 2, CANVAS_PX / 2), FRAME_PX))
    return {"found": round(len(boxes) / len(faces), 3), "boxes": summary(boxes), "landmarks": summary(marks)}


def measure_photos(photos: list[Path]) -> dict[str, object]:
    """Landmarks of faces in photographs, relative to the detector's square box."""
    detector = YuNet()
    rows = [
        geometry(face, face.center, face.side_px) for photo in photos for face in detector.detect(read_image(photo))
    ]
    return {"photos": [photo.name for photo in photos], "faces": len(rows), "landmarks": summary(rows)}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition")
    parser.add_argument("photos", type=Path, nargs="*", help="photographs with faces")
    arguments = parser.parse_args()
    training = read_fer2013(arguments.data).split(TRAINING).faces
    chosen = training[np.random.default_rng(0).choice(len(training), FACES, replace=False)]
    fer2013 = {around: measure_fer2013(chosen, around) for around in ("mean", "black")}
    photos = measure_photos(arguments.photos or shipped_photos())
    by_box = fer2013["mean"]["boxes"]["frame_side"]["median"]
    marks = fer2013["mean"]["landmarks"], photos["landmarks"]
    by_marks = [marks[1][name]["median"] / marks[0][name]["median"] for name in ("eyes_to_mouth", "eye_to_eye")]
    result = {
        "measured": f"{FACES} Training faces; sides and shifts of the FER2013 frame in sides of the detector's square",
        "commit": commit(),
        "margin_fraction": {
            "by boxes": round((by_box - 1) / 2, 3),
            "by landmarks": [round((side - 1) / 2, 3) for side in by_marks],
        },
        "fer2013": fer2013,
        "photos": photos,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result["margin_fraction"]))


if __name__ == "__main__":
    main()
