"""Faithfulness of explanations, and mean heat maps: `python benchmarks/explanations.py DATA [--faces 300]`.

* Faithfulness (Petsiuk et al. 2018): if the pixels of a face are hidden from hottest to coldest, the label's
  probability should fall fast (deletion: its mean over the steps, low is good); if they are revealed in this order, it
  should rise fast (insertion: high is good). `mien.explanation.heat_maps` is compared with occlusion by a square of 12
  px, the middle of the picture, random heat, and the heat of another face with the same label.
* Landmarks: mean height of eyes, nose and mouth, which defines the bands of `Explanation.shares`.
* Mean heat: of correctly classified faces of PublicTest, for each class, over their mean face.

Writes benchmarks/results/explanations.json and docs/images/explanations.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from layout import RESULTS, ROOT, commit

from mien import Recognizer, YuNet
from mien.explanation import MASKS, blurred, heat_maps
from mien.lab.data import PUBLIC, read_fer2013
from mien.media.draw import save_picture
from mien.media.heat import heat_picture
from mien.recognizer import softmax

RESULT = RESULTS / "explanations.json"
PICTURE = ROOT / "docs" / "images" / "explanations.png"
STEPS = 24
Faces = npt.NDArray[np.uint8]
Heats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def faithfulness(recognizer: Recognizer, face: Faces, heat: Heats, label: int) -> tuple[float, float]:
    """Deletion and insertion of a face ``(1, S, S)``."""
    hottest_first = np.argsort(-heat.ravel(), kind="stable")
    rank = np.empty(heat.size)
    rank[hottest_first] = np.arange(heat.size) / heat.size
    first = rank.reshape(heat.shape) < np.linspace(0, 1, STEPS + 1)[:, None, None]  # (steps, S, S)
    hidden = blurred(face)
    ways = np.where(first, hidden, face), np.where(first, face, hidden)
    deletion, insertion = (softmax(recognizer.logits(way[:, None]))[:, label].mean() for way in ways)
    return float(deletion), float(insertion)


def squares(recognizer: Recognizer, faces: Faces, labels: Labels, side: int = 12, step: int = 4) -> Heats:
    """Decrease of the log-probability if a square hides a part of the face (Zeiler and Fergus 2014)."""
    height, width = faces.shape[-2:]
    masks = np.zeros(((height // step + 1) * (width // step + 1), height, width), bool)
    for mask, (y, x) in zip(masks, product(range(0, height + 1, step), range(0, width + 1, step)), strict=True):
        mask[max(0, y - side // 2) : y + side // 2, max(0, x - side // 2) : x + side // 2] = True
    heats = []
    for face, label in zip(faces, labels, strict=True):
        tried = np.concatenate([face[None], np.where(masks[:, None], blurred(face), face)])
        log_p = np.log(softmax(recognizer.logits(tried))[:, label])
        heats.append(np.tensordot(log_p[0] - log_p[1:], masks, axes=1) / masks.sum(axis=0))
    return np.asarray(heats, np.float32)


def of_another(heats: Heats, labels: Labels) -> Heats:
    """The heat of the next face with the same label."""
    order = np.arange(len(labels))
    for label in np.unique(labels):
        order[labels == label] = np.roll(order[labels == label], 1)
    return heats[order]


def measure(recognizer: Recognizer, faces: Faces, labels: Labels) -> dict[str, Any]:
    """Deletion and insertion of each method, the mean over faces and the half width of its 95 % interval."""
    side = faces.shape[-1]
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    random = np.random.default_rng(0)
    ways: dict[str, Callable[[], Heats]] = {
        f"{MASKS} masks": lambda: heat_maps(recognizer, faces, labels),
        "200 masks": lambda: heat_maps(recognizer, faces, labels, masks=200),
        "a square": lambda: squares(recognizer, faces, labels),
        "another face's heat": lambda: of_another(heat_maps(recognizer, faces, labels), labels),
        "the middle": lambda: np.float32([-np.hypot(y, x)] * len(faces)),
        "at random": lambda: np.float32([cv2.resize(random.random((12, 12)), (side, side)) for _ in faces]),
    }
    rows = {}
    for name, way in ways.items():
        heats = way()
        found = np.array([faithfulness(recognizer, *each) for each in zip(faces, heats, labels.tolist(), strict=True)])
        mean, half = found.mean(axis=0), 1.96 * found.std(axis=0, ddof=1) / len(found) ** 0.5
        rows[name] = {
            "deletion": [round(mean[0], 3), round(half[0], 3)],
            "insertion": [round(mean[1], 3), round(half[1], 3)],
        }
        print(name, rows[name], flush=True)
    return rows


def where_it_looks(recognizer: Recognizer, faces: Faces, truth: Labels, count: int) -> dict[str, Any]:
    """Draw the mean heat of each class; return the number of faces."""
    names = recognizer.card.labels.names
    right = recognizer.logits(faces).argmax(axis=1) == truth
    crops, heats, titles, rows = [], [], [], {}
    for label, name in enumerate(names):
        chosen = faces[right & (truth == label)][:count]
        heat = heat_maps(recognizer, chosen, [label] * len(chosen)).mean(axis=0)
        crops.append(np.rint(chosen[:, 0].mean(axis=0)).astype(np.uint8))
        heats.append(heat)
        titles.append(f"{name} (mean of {len(chosen)})")
        rows[name] = len(chosen)
        print(name, len(chosen), flush=True)
    save_picture(heat_picture(crops, heats, titles, across=4), PICTURE)
    return rows


def landmarks(faces: Faces, count: int) -> dict[str, Any]:
    """Mean height of eyes, nose and mouth in the crops of YuNet, as a share of their side, from the top."""
    detector, rows = YuNet(), []
    for face in np.random.default_rng(0).permutation(faces)[:count]:
        picture = cv2.copyMakeBorder(cv2.resize(face[0], (160, 160)), 80, 80, 80, 80, cv2.BORDER_REPLICATE)
        for found in detector.detect(np.stack([np.asarray(picture, np.uint8)] * 3, axis=-1))[:1]:
            top = found.center[1] - found.side_px / 2
            rows.append([(y - top) / found.side_px for _, y in found.landmarks or ()])
    right_eye, left_eye, nose, right_mouth, left_mouth = np.mean(rows, axis=0)
    heights = {"eyes": (right_eye + left_eye) / 2, "nose": nose, "mouth": (right_mouth + left_mouth) / 2}
    return {"faces": len(rows), **{name: round(float(height), 3) for name, height in heights.items()}}


def main() -> None:
    """Measure, draw and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition")
    parser.add_argument("--faces", type=int, default=300, help="faces of PublicTest")
    parser.add_argument("--each", type=int, default=100, help="faces of each class for the picture, at most")
    arguments = parser.parse_args()
    recognizer = Recognizer.load()
    split = read_fer2013(arguments.data).split(PUBLIC).relabel(recognizer.card.labels)
    faces = split.faces[:, None]
    chosen = np.random.default_rng(0).choice(len(faces), arguments.faces, replace=False)
    labels = recognizer.logits(faces[chosen]).argmax(axis=1)
    result = {
        "commit": commit(),
        "model": recognizer.card.name,
        "model_sha256": recognizer.card.sha256,
        "faces": arguments.faces,
        "faithfulness": measure(recognizer, faces[chosen], labels),
        "landmarks": landmarks(faces, 600),
        "picture": where_it_looks(recognizer, faces, split.labels, arguments.each),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
