"""fer: the tasks of the comparison, see __main__.py. FER_MTCNN=1 detects faces with MTCNN, else a Haar cascade does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from fer.fer import FER
from worker import classify, read_photos, read_video, run

fer = FER(mtcnn=os.environ.get("FER_MTCNN") == "1")  # otherwise its defaults: the quantised TFLite network


def read(picture: Any) -> list[Sequence[float]]:
    """The faces in a photo or frame."""
    found = fer.detect_emotions(cv2.imread(picture) if isinstance(picture, str) else picture)
    boxes = [map(int, face["box"]) for face in found]
    return [(x, y, x + width, y + height) for x, y, width, height in boxes]


def name(file: str) -> dict[str, list[str]]:
    """The expressions of raw faces of 48 x 48 px, preprocessed as in `detect_emotions`."""
    faces = np.fromfile(file, np.uint8).reshape(-1, 48, 48)
    batch = np.stack([cv2.resize(face, (64, 64)) for face in faces]).astype(np.float32)
    words = fer._get_labels()
    return {"names": [words[int(np.argmax(each))] for each in fer._classify_emotions((batch / 255 - 0.5) * 2)]}


scaled = np.zeros((64, 64, 64), np.float32)
run(
    first=lambda photo: {"faces": len(read(photo))},
    photos=lambda folder: read_photos(read, folder),
    faces=lambda _: classify(lambda n: fer._classify_emotions(scaled[:n])),  # TFLite takes one at a time
    video=lambda file: read_video(read, file),
    names=name,
)
