"""Effect of Linux's memory and core allocation on a training step: `python benchmarks/step_memory.py`.

Each step allocates and frees much memory, and the system clears every page before it is reused. Two settings of the C
library, read at process start, avoid much of that: pages of 2 MB instead of 4 KB, and keeping freed memory in the
process. `mien train` sets the latter itself. A setting of OpenMP pins each thread to a core. Steps are those of
benchmarks/step_cost.py, in a separate process for each setting; settings take turns, and the figure is the median of
their rounds. benchmarks/results/step_memory.json keeps the figures of each machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from layout import RESULTS, keep_beside_others, peak_mb, threads_in_words
from step_cost import stepper

from mien.lab.hardware import keep_freed_memory
from mien.lab.reproduction.speed import machine

HUGE = "glibc.malloc.hugetlb=1"
KEPT = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184"
KEEP = "KEEP_FREED_MEMORY"  # read below, by nothing else
SETTINGS = {
    "as it comes": {},
    "pages of 2 MB": {"GLIBC_TUNABLES": HUGE},
    "freed memory kept": {"GLIBC_TUNABLES": KEPT},
    "as `mien train` sets it": {KEEP: "1"},
    "both": {"GLIBC_TUNABLES": f"{HUGE}:{KEPT}"},
    "threads pinned": {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"},
}
"""Name of the setting -> environment."""
NETWORKS = ("residual-small-pool-first", "residual-large-pool-first")
BATCH, ROUNDS, STEPS = 256, 3, 6
RESULT: Path = RESULTS / "step_memory.json"


def steps(network: str, threads: int) -> dict[str, float]:
    """Images per second of this process after two steps, and its peak memory in MB."""
    if KEEP in os.environ and not keep_freed_memory():
        raise SystemExit("This C library cannot keep freed memory.")
    torch.set_num_threads(threads)
    step = stepper(network, batch=BATCH)
    step(), step()
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    speed = STEPS * BATCH / (time.perf_counter() - start)
    return {"images_per_second": speed, "peak_mb": peak_mb()}


def measure(network: str, threads: int) -> dict[str, dict[str, float]]:
    """Return medians of each setting."""
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in SETTINGS}
    for _ in range(ROUNDS):
        for name, setting in SETTINGS.items():
            command = [sys.executable, __file__, "--alone", network, "--threads", str(threads)]
            environment = os.environ | {"GLIBC_TUNABLES": ""} | setting
            run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            rounds[name].append(json.loads(run.stdout))
    return {
        name: {figure: round(statistics.median(one[figure] for one in each), 1) for figure in each[0]}
        for name, each in rounds.items()
    }


def main() -> None:
    """Measure all networks, on one thread and on all; or one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alone", metavar="NETWORK", help="take its steps in this process")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(steps(options.alone, options.threads)))
        return
    found = {
        threads_in_words(threads): {network: measure(network, threads) for network in NETWORKS}
        for threads in dict.fromkeys((1, options.threads))
    }
    keep_beside_others(machine(), found, RESULT)


if __name__ == "__main__":
    main()
