"""deepface: the tasks of the comparison, see __main__.py. It downloads its weights on first use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from deepface import DeepFace
from worker import classify, read_photos, read_video, run


def read(picture: Any) -> list[Sequence[float]]:
    """The faces in a photo or frame, with its default detector; without `enforce_detection` none is no error."""
    found = DeepFace.analyze(picture, actions=["emotion"], enforce_detection=False, silent=True)
    regions = [face["region"] for face in found if face["face_confidence"] > 0]
    return [(r["x"], r["y"], r["x"] + r["w"], r["y"] + r["h"]) for r in regions]


def faces(_: str) -> dict[str, Any]:
    """The classifier alone, with faces at 224 px."""
    client = DeepFace.build_model(task="facial_attribute", model_name="Emotion")
    scaled = np.zeros((64, 224, 224, 3), np.float32)
    return classify(lambda n: client.predict(scaled[:n]))


run(
    first=lambda photo: {"faces": len(read(photo))},
    photos=lambda folder: read_photos(read, folder),
    faces=faces,
    video=lambda file: read_video(read, file),
)
