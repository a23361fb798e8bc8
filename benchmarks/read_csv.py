"""Time and memory of reading fer2013.csv: mien against pandas with a split for each row.

    python benchmarks/read_csv.py FER2013_CSV [--repeats 3]

Each reader runs in a separate process, one after the other, with one thread; both must give the same array. The file is
read once before, so that neither waits for the disk. Writes `benchmarks/results/read_csv.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from layout import RESULTS, commit, keep, peak_mb

RESULT = RESULTS / "read_csv.json"


def read_with_mien(path: str) -> npt.NDArray[np.uint8]:
    """Faces by mien's reader."""
    from mien.lab.data import read_fer2013

    return read_fer2013(path).faces


def read_with_pandas(path: str) -> npt.NDArray[np.uint8]:
    """Faces as notebooks read them."""
    import pandas as pd

    table = pd.read_csv(path)
    return np.stack([np.array(row.split(), dtype=np.uint8).reshape(48, 48) for row in table["pixels"]])


READERS = {"mien": read_with_mien, "pandas": read_with_pandas}


def measure_here(reader: str, path: str) -> None:
    """Read once in this process and print time and memory, without imports and the hash of the check."""
    if reader == "mien":
        import mien.lab.data  # noqa: F401
    else:
        import pandas  # noqa: F401
    wall, cpu = time.perf_counter(), time.process_time()
    memory_before = peak_mb()
    faces = READERS[reader](path)
    taken = {
        "seconds": round(time.perf_counter() - wall, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "faces_mb": round(faces.nbytes / 1e6, 1),
        "peak_mb": round(peak_mb(), 1),
        "peak_above_imports_mb": round(peak_mb() - memory_before, 1),
    }
    print(json.dumps(taken | {"sha256": hashlib.sha256(faces).hexdigest()}))


def measure(reader: str, path: str) -> dict[str, float | str]:
    """Read once in a fresh process."""
    command = [sys.executable, __file__, path, "--reader", reader]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    taken: dict[str, float | str] = json.loads(done.stdout)
    return taken


def main() -> None:
    """Measure both and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reader:
        measure_here(arguments.reader, arguments.csv)
        return
    Path(arguments.csv).read_bytes()  # from here on it is in the disk cache
    runs = {name: [] for name in READERS}
    for _ in range(arguments.repeats):  # in turn, so that load from other programs affects both
        for name in READERS:
            runs[name].append(measure(name, arguments.csv))
    if len({run["sha256"] for each in runs.values() for run in each}) != 1:
        sys.exit("the readers disagree")
    best = {name: min(each, key=lambda run: run["cpu_seconds"]) for name, each in runs.items()}
    result = {
        "commit": commit(),
        "file_mb": round(Path(arguments.csv).stat().st_size / 1e6, 1),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "repeats": arguments.repeats,
        "best_by_cpu_seconds": best,
        "times_faster_cpu": round(best["pandas"]["cpu_seconds"] / best["mien"]["cpu_seconds"], 1),
        "times_faster_wall": round(
            min(run["seconds"] for run in runs["pandas"]) / min(run["seconds"] for run in runs["mien"]), 1
        ),
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
