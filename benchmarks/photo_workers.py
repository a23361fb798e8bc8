"""Threads or processes for many photos: `python benchmarks/photo_workers.py [--photos N] [--rounds N]`.

The photos are generated: JPEGs of 1, 2, 4, 8 and 12 megapixels with up to three faces. Each variant runs in a separate
process. The variants take turns, so that all are exposed to the same load; the best round of each counts, because other
programs can only slow it. Rates depend on free cores; the share of time in which Python's GIL is held, which limits
threads, does not. Writes benchmarks/results/photo_workers.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from layout import RESULTS, commit, keep, peak_mb, this_machine
from PIL import Image
from skimage import data

from mien.analysis import Analyzer

RESULT = RESULTS / "photo_workers.json"
MEGAPIXELS = (1, 2, 4, 8, 12)
WAYS = [("threads", 1), ("threads", 2), ("processes", 2), ("threads", 4), ("processes", 4)]


def write_photos(folder: Path, n: int) -> None:
    """Write JPEGs: a still life, a cat or a rocket, with scikit-image's astronaut pasted into it."""
    rng = np.random.default_rng(0)
    face, backs = Image.fromarray(data.astronaut()), [data.coffee(), data.chelsea(), data.rocket()]
    for index in range(n):
        width = int((MEGAPIXELS[index % len(MEGAPIXELS)] * 1e6 * 4 / 3) ** 0.5)
        height = width * 3 // 4
        photo = Image.fromarray(backs[index % 3]).resize((width, height), Image.Resampling.BICUBIC)
        for _ in range(rng.integers(0, 4)):
            side = int(rng.uniform(0.2, 0.6) * height)
            corner = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
            photo.paste(face.resize((side, side)), corner)
        noisy = np.asarray(photo).astype(np.int16) + rng.integers(-6, 7, (height, width, 1), np.int16)
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(folder / f"{index:03}.jpg", quality=90)


def read_here(photos: list[Path], threads: int = 1) -> tuple[int, int, float]:
    """Analyse photos in this process; return its id, the number of faces, and the process's peak memory in MB."""
    faces = sum(len(analysis.faces) for analysis in Analyzer(workers=threads).run(photos))
    return os.getpid(), faces, peak_mb()


def read_all(photos: list[Path], way: str, workers: int) -> tuple[int, float]:
    """Analyse photos with one variant; return the number of faces, and the peak memory of all its processes, in MB."""
    if way == "threads":
        _, faces, peak = read_here(photos, workers)
        return faces, peak
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        parts = list(pool.map(read_here, [photos[first::workers] for first in range(workers)]))
    peaks = {process: peak for process, _, peak in sorted(parts, key=lambda part: part[2])}
    return sum(faces for _, faces, _ in parts), sum(peaks.values())


def measure(folder: Path, way: str, workers: int) -> dict[str, float]:
    """Analyse all photos; memory is the sum of the peaks of all processes."""
    photos = sorted(folder.iterdir())
    began = time.perf_counter()
    faces, peak = read_all(photos, way, workers)
    seconds = time.perf_counter() - began
    return {"faces": faces, "photos_per_second": round(len(photos) / seconds, 2), "peak_rss_mb": round(peak)}


def lock_share(folder: Path) -> float:
    """The share of one thread's CPU time outside the decoder, OpenCV and onnxruntime, which release the GIL."""
    import cv2
    import onnxruntime

    free_s = 0.0

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            nonlocal free_s
            began = time.thread_time()
            try:
                return function(*words, **named)
            finally:
                free_s += time.thread_time() - began

        return call

    class Decoder:
        def __init__(self, decoder: Any) -> None:
            self._decoder, self.decode = decoder, timed(decoder.decode)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._decoder, name)

    decoder_of = Image._getdecoder
    Image._getdecoder = lambda *words, **named: Decoder(decoder_of(*words, **named))  # type: ignore[assignment]
    cv2.setNumThreads(1)
    for name in ("resize", "warpAffine", "cvtColor"):
        setattr(cv2, name, timed(getattr(cv2, name)))
    onnxruntime.InferenceSession.run = timed(onnxruntime.InferenceSession.run)
    photos = sorted(folder.iterdir())
    read_here(photos[:1])  # imports, and loads the models
    free_s, began = 0.0, time.thread_time()
    read_here(photos)
    return round(1 - free_s / (time.thread_time() - began), 3)


def main() -> None:
    """Measure all variants in turn and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=3, metavar=("FOLDER", "WAY", "WORKERS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        folder, way, workers = given.measure
        print(json.dumps(lock_share(Path(folder)) if way == "lock" else measure(Path(folder), way, int(workers))))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder), given.photos)

        def run(way: str, workers: int) -> Any:
            words = [sys.executable, __file__, "--measure", folder, way, str(workers)]
            return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

        rounds = [[run(way, workers) for way, workers in WAYS] for _ in range(given.rounds)]
        share = run("lock", 1)
    ways = []
    for (way, workers), found in zip(WAYS, zip(*rounds, strict=True), strict=True):
        best = max(found, key=lambda one: one["photos_per_second"])
        ways.append({"way": way, "workers": workers, **best, "peak_rss_mb": max(one["peak_rss_mb"] for one in found)})
    result = {
        "measured": f"{given.photos} photos of {MEGAPIXELS} megapixels, mien.Analyzer, best of {given.rounds} rounds",
        "commit": commit(),
        "lock_held_share": share,
        "ways": ways,
        "load_average_at_end": round(os.getloadavg()[0], 1),
        "machine": this_machine(),
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
