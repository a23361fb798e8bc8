"""What one look of YuNet's network sees: `python benchmarks/detector_limits.py DATA --photos FOLDER [--faces 1000]`.

`YuNet` looks at a picture more than once because of these limits. FOLDER has the photos of benchmarks/rivals/faces.csv;
their faces of at least 100 px are shown alone, in the middle of a picture twice as wide or of 192 px.

* height: how many are found, by the height at which they are shown, at most four times their own; and the
  height of their boxes: least, mean and greatest.
* turned: how many are found at 120 px, by the angle at which they are turned.
* upside_down: how many are taken for upright ones at 40 to 120 px, and their highest score.
* whole: PublicTest faces of FER2013, which fill their picture, by its size: how many are found.
* roll: the same faces at 192 px, turned; by how much `roll_deg` changes on average.

A face is found if its box's middle is within a quarter of its height. Writes benchmarks/results/detector_limits.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from layout import RESULTS, commit, keep
from turned_faces import turned

from mien import Face, YuNet
from mien.faces.align import roll_deg
from mien.faces.network import YuNetNetwork
from mien.lab.data import PUBLIC, read_fer2013
from mien.media.images import read_image

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE / "rivals"))
from material import Mark, read_marks  # noqa: E402

RESULT = RESULTS / "detector_limits.json"
SCORE = 0.7
LEAST_PX, ROOM_PX, TURNED_PX = 100, 192, 120
HEIGHTS_PX = (12, 16, 20, 24, 32, 48, 96, 200, 300, 400, 500, 550, 600, 640, 700)
ANGLES = (0, 15, 30, 45, 60, 90)
WHOLE_PX = (48, 96, 192, 384)
NETWORK = YuNetNetwork()
Image = npt.NDArray[np.uint8]
Shown = tuple[Image, Face]


def marked_faces(photos: Path, marks: dict[str, list[Mark]]) -> list[Shown]:
    """Photos and the large faces that are found in them, where a person marked one."""
    found = []
    for name, marked in marks.items():
        image = read_image(photos / name)
        for face in YuNet().detect(image):
            x0, y0, x1, y1 = face.box
            if y1 - y0 >= LEAST_PX and any(x0 <= mark.x <= x1 and y0 <= mark.y <= y1 for mark in marked):
                found.append((image, face))
    return found


def look(shown: Shown, height: int, degrees: float = 0.0) -> npt.NDArray[np.float64] | None:
    """The best row of the network for a face at this height and angle; None if it is not found."""
    image, face = shown
    scale = height / (face.box[3] - face.box[1])
    picture = turned(image, face.center, scale, degrees, max(ROOM_PX, 2 * height))
    rows = NETWORK.rows(picture, SCORE)
    middles = (rows[:, :2] + rows[:, 2:4]) / 2
    rows = rows[np.abs(middles - picture.shape[0] / 2).max(axis=1) < height / 4]
    return max(rows, key=lambda row: float(row[14]), default=None)


def by_height(faces: list[Shown]) -> dict[int, object]:
    """Faces found at each height."""
    table = {}
    for height in HEIGHTS_PX:
        fit = [each for each in faces if height <= 4 * (each[1].box[3] - each[1].box[1])]
        rows = [row for row in (look(each, height) for each in fit) if row is not None]
        boxes = [row[3] - row[1] for row in rows]
        spread = [round(float(of(boxes)), 1) for of in (np.min, np.mean, np.max)] if boxes else []
        table[height] = {"faces": len(fit), "found": len(rows), "box_px": spread}
    return table


def by_angle(faces: list[Shown]) -> dict[int, int]:
    """Faces found, by the angle."""
    return {degrees: sum(look(each, TURNED_PX, degrees) is not None for each in faces) for degrees in ANGLES}


def upside_down(faces: list[Shown]) -> dict[str, object]:
    """Faces on their head that are found as if they were upright."""
    rows = [look(each, height, 180.0) for each in faces for height in (40, 60, 80, 100, 120)]
    scores = [float(row[14]) for row in rows if row is not None]
    return {"shown": len(rows), "found": len(scores), "highest_score": round(max(scores, default=0.0), 3)}


def by_picture(faces: list[Image]) -> dict[int, int]:
    """FER2013 faces found, by the width of the picture that they fill."""
    table = {}
    for side in WHOLE_PX:
        pictures = [cv2.resize(face, (side, side), interpolation=cv2.INTER_LINEAR) for face in faces]
        table[side] = sum(len(NETWORK.rows(np.asarray(picture, np.uint8), SCORE)) > 0 for picture in pictures)
    return table


def by_roll(faces: list[Image]) -> dict[int, object]:
    """Change of the landmarks' angle, by the angle of the face."""
    detector = YuNet()

    def roll(face: Image, degrees: float) -> float | None:
        found = detector.detect(turned(face, (24, 24), ROOM_PX / 48, degrees, 2 * ROOM_PX))
        return roll_deg(found[0]) if found else None

    upright = [roll(face, 0.0) for face in faces]
    table = {}
    for degrees in (5, 15, 30):
        pairs = [(before, roll(face, degrees)) for before, face in zip(upright, faces)]
        changes = [after - before for before, after in pairs if before is not None and after is not None]
        table[degrees] = {"faces": len(changes), "mean_change": round(float(np.mean(changes)), 1)}
    return table


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition")
    parser.add_argument("--photos", type=Path, required=True, help="the photos of benchmarks/rivals/faces.csv")
    parser.add_argument("--faces", type=int, default=1000, help="faces of PublicTest")
    arguments = parser.parse_args()
    faces = marked_faces(arguments.photos, read_marks(HERE / "rivals" / "faces.csv"))
    split = read_fer2013(arguments.data).split(PUBLIC)
    chosen = np.random.default_rng(0).choice(len(split.faces), min(arguments.faces, len(split.faces)), replace=False)
    crops = [split.faces[index] for index in chosen]
    result = {
        "commit": commit(),
        "faces_of_photos": len(faces),
        "height": by_height(faces),
        "turned": by_angle(faces),
        "upside_down": upside_down(faces),
        "faces_of_fer2013": len(crops),
        "whole": by_picture(crops),
        "roll": by_roll(crops),
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
