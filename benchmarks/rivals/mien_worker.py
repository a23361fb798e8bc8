"""mien: the tasks of the comparison, see __main__.py."""

from __future__ import annotations

from typing import Any

from worker import Clock, classify, photo_files, run

import mien


def first(photo: str) -> dict[str, Any]:
    """The first result of a new process."""
    return {"faces": len(mien.analyze(photo).faces)}


def photos(folder: str) -> dict[str, Any]:
    """All photos in one call, as in `mien analyze FOLDER`."""
    files = photo_files(folder)
    analyzer = mien.Analyzer()
    list(analyzer.run(files[:1]))
    clock = Clock()
    boxes = {analysis.source: [face.box for face in analysis.faces] for analysis in analyzer.run(files)}
    return {**clock.read(), "boxes": boxes}


def faces(_: str) -> dict[str, Any]:
    """The classifier alone."""
    import numpy as np

    recognizer = mien.Recognizer.load()
    batch = recognizer.card.preprocess.stack([np.zeros((48, 48), np.uint8)] * 64)
    return classify(lambda n: recognizer.probabilities(batch[:n]))


def video(file: str) -> dict[str, Any]:
    """Every frame, as in `mien analyze --camera`: with tracks, and probabilities smoothed over time."""
    from mien.media.camera import CameraReader

    frames = mien.VideoAnalysis(CameraReader(file), mien.Analyzer()).frames()
    next(frames)
    clock = Clock()
    return {"frames": sum(1 for _ in frames), **clock.read()}


run(first=first, photos=photos, faces=faces, video=video)
