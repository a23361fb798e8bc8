"""Detection and recognition of rotated faces: `python benchmarks/turned_faces.py DATA [--faces 1000] [PHOTO...]`.

* found: each face of the photographs, 120 px high, in a picture of 480 px, rotated by 0 to 345 degrees; how many are
  found, and how many keep the label that they have upright.
* levelled: PublicTest faces of FER2013 on a plain ground, rotated, detected, cropped; accuracy with the crop as it is
  and with the crop levelled by the landmarks. Only faces that were found count.

Writes benchmarks/results/turned_faces.json. Without PHOTO, the photographs are scikit-image's and matplotlib's.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from layout import RESULTS, commit, keep, shipped_photos

from mien import Face, Recognizer, YuNet
from mien.faces.align import crop_face
from mien.lab.data import PUBLIC, read_fer2013
from mien.media.images import read_image

RESULT = RESULTS / "turned_faces.json"
SIDE_PX, FACE_PX, FER2013_PX = 480, 120, 160
Image = npt.NDArray[np.uint8]


def turned(image: Image, center: tuple[float, float], scale: float, degrees: float, side_px: int = SIDE_PX) -> Image:
    """A square picture with `center` in its middle, scaled and turned clockwise."""
    if scale < 0.5:
        factor = int(1 / scale)
        size = (image.shape[1] // factor, image.shape[0] // factor)
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        return turned(small, (center[0] / factor, center[1] / factor), scale * factor, degrees, side_px)
    turn = cv2.getRotationMatrix2D(center, -degrees, scale)
    turn[:, 2] += side_px / 2 - np.array(center)
    return np.asarray(cv2.warpAffine(image, turn, (side_px, side_px), borderValue=[float(image.mean())] * 3), np.uint8)


def in_the_middle(detector: YuNet, picture: Image) -> Face | None:
    """A face near the middle of a picture."""
    near = (face for face in detector.detect(picture) if np.abs(np.array(face.center) - SIDE_PX / 2).max() < 30)
    return next(near, None)


def labels(recognizer: Recognizer, crops: list[Image]) -> npt.NDArray[np.int64]:
    """The most probable class of each crop."""
    return recognizer.probabilities(recognizer.card.preprocess.stack(crops)).argmax(axis=1)


def measure_found(photos: list[Path]) -> dict[str, object]:
    """Faces of photographs at all angles."""
    detector, recognizer = YuNet(), Recognizer.load()
    images = [(image, face) for image in map(read_image, photos) for face in detector.detect(image)]
    rows = {}
    upright: npt.NDArray[np.int64] | None = None
    for degrees in range(0, 360, 15):
        pictures = [turned(image, face.center, FACE_PX / face.side_px, degrees) for image, face in images]
        found = [in_the_middle(detector, picture) for picture in pictures]
        crops = [crop_face(picture, face) if face else picture for picture, face in zip(pictures, found)]
        now = labels(recognizer, crops)
        upright = now if upright is None else upright
        same = [label == first for label, first, face in zip(now, upright, found) if face]
        rows[degrees] = {"found": len(same), "same_label": int(np.sum(same))}
    return {"photos": [photo.name for photo in photos], "faces": len(images), "by_degrees": rows}


def measure_levelled(data: Path, count: int) -> dict[str, object]:
    """Accuracy on rotated FER2013 faces, levelled and not."""
    detector, recognizer = YuNet(), Recognizer.load()
    split = read_fer2013(data).split(PUBLIC).relabel(recognizer.card.labels)
    chosen = np.random.default_rng(0).choice(len(split.faces), min(count, len(split.faces)), replace=False)
    rows = {}
    for degrees in (0, 10, 20, 30, 45, 90, 180):
        truth, crops = [], {"as it stands": [], "levelled": []}
        for index in chosen:
            picture = turned(split.faces[index], (24, 24), FER2013_PX / 48, degrees)
            face = in_the_middle(detector, picture)
            if face:
                truth.append(split.labels[index])
                crops["levelled"].append(crop_face(picture, face))
                crops["as it stands"].append(crop_face(picture, replace(face, landmarks=None)))
        accuracy = {way: float(np.mean(labels(recognizer, each) == truth)) for way, each in crops.items()}
        rows[degrees] = {"found": len(truth), **{way: round(value, 3) for way, value in accuracy.items()}}
    return {"faces": len(chosen), "by_degrees": rows}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition")
    parser.add_argument("photos", type=Path, nargs="*", help="photographs with faces")
    parser.add_argument("--faces", type=int, default=1000, help="faces of PublicTest")
    arguments = parser.parse_args()
    found = measure_found(arguments.photos or shipped_photos())
    levelled = measure_levelled(arguments.data, arguments.faces)
    result = {"commit": commit(), "found": found, "levelled": levelled}
    keep(result, RESULT)


if __name__ == "__main__":
    main()
