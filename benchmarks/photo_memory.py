"""Peak memory and time of `mien.analyze` on large photos: `python benchmarks/photo_memory.py`.

The photos are generated: skimage's astronaut, enlarged. Each is analysed in a separate process, with the model that
ships and one thread. Writes benchmarks/results/photo_memory.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from layout import RESULTS, commit, keep, peak_mb, this_machine
from PIL import Image
from skimage import data

RESULT = RESULTS / "photo_memory.json"
SIDES_PX = {12: (4000, 3000), 48: (8000, 6000), 100: (11_600, 8700), 199: (16_320, 12_240)}


def analyse(path: str) -> None:
    """Analyse a photo in this process, and print its peak memory and time."""
    import mien

    began = time.process_time()
    faces = len(mien.analyze(path).faces)
    cpu_s = round(time.process_time() - began, 2)
    print(json.dumps({"faces": faces, "peak_rss_mb": round(peak_mb()), "cpu_s": cpu_s}))


def measure(megapixels: int, format: str, folder: Path) -> dict[str, object]:
    """Make a photo and analyse it in another process."""
    path = folder / f"{megapixels}.{format}"
    astronaut = Image.fromarray(np.asarray(data.astronaut()))
    astronaut.resize(SIDES_PX[megapixels]).save(path, **({"quality": 90} if format == "jpg" else {"compress_level": 1}))
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, __file__, "--analyse", str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=one_thread)
    path.unlink()
    return {"megapixels": megapixels, "format": format, **json.loads(done.stdout)}


def main() -> None:
    """Measure all sizes and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analyse", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.analyse:
        analyse(given.analyse)
        return
    with tempfile.TemporaryDirectory() as folder:
        photos = [measure(size, format, Path(folder)) for size in SIDES_PX for format in ("jpg", "png")]
    result = {
        "measured": "mien.analyze of one photo with one face, the model that ships, one thread",
        "commit": commit(),
        "photos": photos,
        "load_average_at_end": round(os.getloadavg()[0], 1),  # slows, does not change the memory
        "machine": this_machine(),
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
