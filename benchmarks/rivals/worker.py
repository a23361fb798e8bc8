"""Shared code of the Python workers: the clock, the loops over photos and frames, and the output line."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Read = Callable[[Any], list[Sequence[float]]]
"""From a photo's path, or a frame in OpenCV's order of colours, to the boxes x0, y0, x1, y1 of the faces in it."""

MOST_SECONDS = 15.0
"""Of a video; slow libraries do not get to its end."""


class Clock:
    """Wall seconds, and CPU seconds of all threads of this process, since its creation."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Return both."""
        return {"seconds": time.perf_counter() - self._wall, "cpu_seconds": time.process_time() - self._cpu}


def photo_files(folder: str) -> list[str]:
    """The photos of a folder, by name."""
    return sorted(map(str, Path(folder).iterdir()))


def read_photos(read: Read, folder: str) -> dict[str, Any]:
    """Warm up on the first photo, then read all."""
    files = photo_files(folder)
    read(files[0])
    clock = Clock()
    boxes = {file: read(file) for file in files}
    return {**clock.read(), "boxes": boxes}


def read_video(read: Read, file: str) -> dict[str, Any]:
    """Warm up on the first frame, then read the others, for at most `MOST_SECONDS`."""
    import cv2

    capture = cv2.VideoCapture(file)
    read(capture.read()[1])
    clock, frames = Clock(), 0
    while clock.read()["seconds"] < MOST_SECONDS:
        there, frame = capture.read()
        if not there:
            break
        read(frame)
        frames += 1
    return {"frames": frames, **clock.read()}


def classify(classifier: Callable[[int], object]) -> dict[str, Any]:
    """Call a classifier repeatedly on 1 and on 64 faces, for a second each after a first call."""
    found = {}
    for n in (1, 64):
        classifier(n)
        clock, calls = Clock(), 0
        while clock.read()["seconds"] < 1.0:
            classifier(n)
            calls += 1
        found[str(n)] = {"faces": calls * n, **clock.read()}
    return found


def run(**tasks: Callable[[str], dict[str, Any]]) -> None:
    """Run the task named on the command line, with its file, and print its result as a line of JSON."""
    _, task, path = sys.argv
    print(json.dumps(tasks[task](path)), flush=True)
    os._exit(0)  # some libraries hang or crash during cleanup
