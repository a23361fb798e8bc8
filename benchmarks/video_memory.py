"""Peak memory of `mien analyze` on videos of one and ten minutes: `python benchmarks/video_memory.py [--model MODEL]`.

The videos are generated: skimage's astronaut, 256 x 192 px at 10 frames per second, panned to and fro in changing
light. Each is analysed in a separate process, with every output that covers the whole video. Memory is constant if ten
minutes need no more than one. Writes benchmarks/results/video_memory.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from layout import RESULTS, commit, keep, peak_mb, this_machine
from skimage import data

import mien

RESULT = RESULTS / "video_memory.json"
WIDTH, HEIGHT, RATE = 256, 192, 10


def frame_at(photo: npt.NDArray[np.uint8], index: int) -> npt.NDArray[np.uint8]:
    """The view at a frame."""
    left = 90 + round(40 * np.sin(index / 30))
    light = 0.8 + 0.2 * np.cos(index / 50)
    return (photo[40 : 40 + HEIGHT, left : left + WIDTH] * light).astype(np.uint8)


def write_video(path: Path, minutes: int) -> None:
    """Encode a video of this length."""
    photo = np.asarray(data.astronaut())
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(minutes * 60 * RATE):
            frame = av.VideoFrame.from_ndarray(frame_at(photo, index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def analyse(path: Path, model: str | None, out: Path) -> None:
    """Analyse a video in this process, and print its peak memory and times."""
    began = time.perf_counter()
    video = mien.analyze_video(path, model=model)
    mien.save_video(video, out / "page.html", out / "timeline.png", out / "segments.json")
    seconds = time.perf_counter() - began
    print(json.dumps({"peak_rss_mb": round(peak_mb(), 1), "seconds": round(seconds, 1)}))


def measure(minutes: int, model: str | None, folder: Path) -> dict[str, float]:
    """Make a video and analyse it in another process."""
    path = folder / f"{minutes}.mp4"
    write_video(path, minutes)
    out = folder / str(minutes)
    out.mkdir()
    words = [
        sys.executable,
        __file__,
        "--analyse",
        str(path),
        "--out",
        str(out),
        *(["--model", model] if model else []),
    ]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    frames = minutes * 60 * RATE
    rate = round(frames / found["seconds"], 1)
    return {"minutes": minutes, "frames": frames, **found, "frames_per_second": rate}


def main() -> None:
    """Measure both lengths and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a model folder; default: the model that ships")
    parser.add_argument("--analyse", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.analyse:
        analyse(given.analyse, given.model, given.out)
        return
    with tempfile.TemporaryDirectory() as folder:
        videos = [measure(minutes, given.model, Path(folder)) for minutes in (1, 10)]
    result = {
        "measured": f"save_video (.html, .png, .json) of {WIDTH} x {HEIGHT} px at {RATE} frames/s, one face",
        "commit": commit(),
        "model": Path(given.model).name if given.model else "the model that ships",
        "videos": videos,
        "growth_mb": round(videos[1]["peak_rss_mb"] - videos[0]["peak_rss_mb"], 1),
        "load_average_at_end": round(os.getloadavg()[0], 1),  # slows, does not change the memory
        "machine": this_machine(),
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
