"""Comparison of the page of `mien web` with mien itself: `python benchmarks/web_page.py FOLDER --runtime DIST`.

Analyses the photos in FOLDER with `mien.analyze` and with the page, in headless Chromium, and compares the results face
by face. Then a photo of a face simulates the camera, to count the pictures per second that the page analyses. DIST is
the folder dist of npm's onnxruntime-web. Uses all cores unless limited by taskset. Writes
benchmarks/results/web_page.json, from which `python benchmarks/page.py` writes the page.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from layout import RESULTS, ROOT, commit, keep
from skimage import data

import mien
from mien.media.draw import save_picture
from mien.web import RUNTIME_FILES, write_web

RESULT = RESULTS / "web_page.json"
CAMERA_SECONDS = 20

sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from chromium import Page, chromium, find_chromium  # noqa: E402
from file_host import file_host  # noqa: E402


def answers(page: Page, photos: list[Path]) -> tuple[list[dict[str, Any]], list[float]]:
    """The page's result for each photo, and its seconds, including drawing."""
    seconds = []
    for number, photo in enumerate(photos, start=1):
        begun = time.perf_counter()
        page.choose("#files", [photo])
        page.wait(f"document.querySelectorAll('.card.read, .card.failed').length === {number}", 60)
        seconds.append(time.perf_counter() - begun)
    return page.evaluate("photoAnswers"), seconds


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    """Two results for the same face."""
    (x0, y0, x1, y1), other = ours["box"], theirs["box"]
    ours_p, theirs_p = (list(face["expression"]["probabilities"].values()) for face in (ours, theirs))
    return {
        "box": float(np.abs(np.subtract(ours["box"], other)).max() / max(x1 - x0, y1 - y0)),
        "probability": float(np.abs(np.subtract(ours_p, theirs_p)).max()),
        "same_label": float(ours["expression"]["label"] == theirs["expression"]["label"]),
    }


def camera_rate(page: Page) -> float:
    """Pictures per second that the page analyses from the camera."""
    page.permit_camera("granted")
    page.evaluate("byId('camera-toggle').click()")
    page.wait("cameraFrames.length > 2", 60)
    begun, before = time.perf_counter(), page.evaluate("cameraFrames.length")
    time.sleep(CAMERA_SECONDS)
    return (page.evaluate("cameraFrames.length") - before) / (time.perf_counter() - begun)


def in_browser(photos: list[Path], runtime: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The page's results for each photo, and its times."""
    with tempfile.TemporaryDirectory() as made:
        site = write_web(Path(made) / "site", runtime=runtime)
        film = Path(made) / "camera.jpg"
        save_picture(np.pad(data.astronaut()[:480], ((0, 0), (64, 64), (0, 0))), film)
        switch = f"--use-file-for-fake-video-capture={film.rename(film.with_suffix('.mjpeg'))}"
        with file_host(site) as host, chromium(str(find_chromium()), Path(made) / "profile", switch) as page:
            begun = time.perf_counter()
            page.open(f"http://127.0.0.1:{host.server_port}/")
            page.wait("document.querySelector('#model')?.textContent.includes('weights')", 60)
            started = time.perf_counter() - begun
            found, seconds = answers(page, photos)
            figures = {
                "machine": f"{platform.machine()}, Chromium {page.call('Browser.getVersion')['product'].split('/')[1]}",
                "cores": len(os.sched_getaffinity(0)),
                "seconds_to_start": started,
                "seconds_a_photo": median(seconds),
                "camera_pictures_a_second": camera_rate(page),
            }
        files = [file.read_bytes() for file in site.rglob("*") if file.is_file()]
        runtime_bytes = sum((site / "runtime" / name).stat().st_size for name in RUNTIME_FILES)
    figures |= {
        "megabytes": sum(map(len, files)) / 1e6,
        "megabytes_compressed": sum(len(gzip.compress(file)) for file in files) / 1e6,
        "megabytes_of_onnxruntime": runtime_bytes / 1e6,
    }
    return found, figures


def in_python(photos: list[Path]) -> tuple[list[dict[str, Any]], float]:
    """mien's results for each photo, and its median seconds."""
    analyzer = mien.Analyzer()
    list(analyzer.run(photos[:1]))
    found, seconds = [], []
    for photo in photos:
        begun = time.perf_counter()
        found += [analysis.to_dict() for analysis in analyzer.run([photo])]
        seconds.append(time.perf_counter() - begun)
    return found, median(seconds)


def measure(folder: Path, runtime: Path) -> dict[str, Any]:
    """The whole record."""
    photos = sorted(file for file in folder.iterdir() if file.suffix in (".jpg", ".png"))
    theirs, figures = in_browser(photos, runtime)
    ours, own_seconds = in_python(photos)
    counts = [(len(mine["faces"]), len(its["faces"])) for mine, its in zip(ours, theirs, strict=True)]
    pairs = [
        difference(one, other)
        for mine, its in zip(ours, theirs, strict=True)
        for one, other in zip(mine["faces"], its["faces"], strict=False)  # `counts` tells where one has more
    ]
    return {
        "commit": commit(),
        "photos": len(photos),
        "photos_with_as_many_faces": sum(mine == its for mine, its in counts),
        "faces": sum(mine for mine, _ in counts),
        "faces_in_browser": sum(its for _, its in counts),
        "same_label": sum(pair["same_label"] for pair in pairs) / len(pairs),
        "largest_difference_of_boxes": max(pair["box"] for pair in pairs),
        "largest_difference_of_probability": max(pair["probability"] for pair in pairs),
        "median_difference_of_probability": median(pair["probability"] for pair in pairs),
        "seconds_a_photo_in_python": own_seconds,
        **figures,
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runtime", type=Path, required=True)
    options = parser.parse_args()
    result = measure(options.folder, options.runtime)
    keep(result, RESULT)


if __name__ == "__main__":
    main()
