"""The page of `mien web` beside mien itself: `python benchmarks/web_page.py FOLDER --runtime DIST`.

Reads the photos in FOLDER with `mien.analyze` and with the page, in Chromium without a window, and compares the answers
face by face; then a photo of a face plays as the camera, and what the page reads of it in a second is counted. DIST is
the folder dist of npm's onnxruntime-web. All cores, unless taskset says otherwise. Writes
benchmarks/results/web_page.json; `python benchmarks/page.py` makes the page from it.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import platform
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from skimage import data

import mien
from mien.lab.run import current_commit
from mien.media.draw import save_picture
from mien.web import write_web

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "web_page.json"
CAMERA_SECONDS = 20

sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from chromium import Page, chromium, find_chromium  # noqa: E402


def answers(page: Page, photos: list[Path]) -> tuple[list[dict[str, Any]], list[float]]:
    """What the page says of each photo, and its seconds for it, the drawing of the answer included."""
    seconds = []
    for number, photo in enumerate(photos, start=1):
        begun = time.perf_counter()
        page.choose("#files", [photo])
        page.wait(f"document.querySelectorAll('.card.read, .card.failed').length === {number}", 60)
        seconds.append(time.perf_counter() - begun)
    return page.evaluate("results.map(({ answer }) => answer)"), seconds


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    """Two answers about the same face."""
    (x0, y0, x1, y1), other = ours["box"], theirs["box"]
    ours_p, theirs_p = (list(face["expression"]["probabilities"].values()) for face in (ours, theirs))
    return {
        "box": float(np.abs(np.subtract(ours["box"], other)).max() / max(x1 - x0, y1 - y0)),
        "probability": float(np.abs(np.subtract(ours_p, theirs_p)).max()),
        "same_label": float(ours["expression"]["label"] == theirs["expression"]["label"]),
    }


def camera_rate(page: Page) -> float:
    """Pictures a second that the page reads from the camera."""
    page.permit_camera("granted")
    page.evaluate("byId('camera-toggle').click()")
    page.wait("frames.length > 2", 60)
    begun, before = time.perf_counter(), page.evaluate("frames.length")
    time.sleep(CAMERA_SECONDS)
    return (page.evaluate("frames.length") - before) / (time.perf_counter() - begun)


def measure(folder: Path, runtime: Path) -> dict[str, Any]:
    """All of it."""
    photos = sorted(file for file in folder.iterdir() if file.suffix in (".jpg", ".png"))
    with tempfile.TemporaryDirectory() as made:
        site = write_web(Path(made) / "site", runtime=runtime)
        film = Path(made) / "camera.mjpeg"
        save_picture(np.pad(data.astronaut()[:480], ((0, 0), (64, 64), (0, 0))), film.with_suffix(".jpg"))
        film.write_bytes(film.with_suffix(".jpg").read_bytes())
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
        http.server.SimpleHTTPRequestHandler.log_message = lambda *_: None  # type: ignore[method-assign, assignment]
        host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=host.serve_forever, daemon=True).start()
        switch = f"--use-file-for-fake-video-capture={film}"
        with chromium(str(find_chromium()), Path(made) / "profile", switch) as page:
            begun = time.perf_counter()
            page.open(f"http://127.0.0.1:{host.server_port}/")
            page.wait("document.querySelector('#model').textContent.includes('weights')", 60)
            started = time.perf_counter() - begun
            theirs, seconds = answers(page, photos)
            rate = camera_rate(page)
            browser = page.evaluate("navigator.userAgent").split("Chrome/")[1].split(" ")[0]
        size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
        host.shutdown()
    analyzer = mien.Analyzer()
    list(analyzer.run(photos[:1]))
    ours, own_seconds = [], []
    for photo in photos:
        begun = time.perf_counter()
        ours += [found.to_dict() for found in analyzer.run([photo])]
        own_seconds.append(time.perf_counter() - begun)
    pairs = [
        difference(one, other)
        for mine, its in zip(ours, theirs, strict=True)
        for one, other in zip(mine["faces"], its["faces"], strict=False)
    ]
    return {
        "commit": current_commit(),
        "machine": f"{platform.machine()}, Chromium {browser}",
        "photos": len(photos),
        "photos_with_as_many_faces": sum(len(a["faces"]) == len(b["faces"]) for a, b in zip(ours, theirs, strict=True)),
        "faces": sum(len(one["faces"]) for one in ours),
        "faces_in_browser": sum(len(one["faces"]) for one in theirs),
        "same_label": sum(pair["same_label"] for pair in pairs) / len(pairs),
        "largest_difference_of_boxes": max(pair["box"] for pair in pairs),
        "largest_difference_of_probability": max(pair["probability"] for pair in pairs),
        "median_difference_of_probability": median(pair["probability"] for pair in pairs),
        "seconds_to_start": started,
        "seconds_a_photo": median(seconds),
        "seconds_a_photo_in_python": median(own_seconds),
        "camera_pictures_a_second": rate,
        "megabytes": size / 1e6,
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runtime", type=Path, required=True)
    options = parser.parse_args()
    result = measure(options.folder, options.runtime)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
