"""Shared code of the trainers: the plan from the command line, and the watch that times their epochs."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

BEGAN = time.perf_counter()  # before torch, Keras or jax are imported: their time belongs to the start

BATCH, LR, MOMENTUM = 128, 0.05, 0.9
ROTATE_DEG, SHIFT_FRACTION, ZOOM_FRACTION, BRIGHTNESS, CONTRAST = 12.0, 0.08, 0.12, 0.1, 0.3
MEAN, STD = 0.507, 0.254


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The settings that all trainers share.

    Attributes:
        folder: with the faces, ``train/CLASS/*.png`` and, held out, ``test/CLASS/*.png``.
        network: ``"residual-pico"``, ``"residual-nano"`` or ``"residual-small"``, as in `mien.lab.nets`.
        accuracy: on the held-out faces; the first epoch that reaches it is the last one.
        seconds: after the first epoch; at least one more is trained, and none begins later.
    """

    folder: str
    network: str
    accuracy: float
    seconds: float


def arguments() -> tuple[str, Plan]:
    """Return the variant of the trainer, and the plan."""
    _, variant, plan = sys.argv
    return variant, Plan(**json.loads(plan))


class Clock:
    """Wall seconds, and CPU seconds of this process and its workers, since its creation."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_s()

    def read(self) -> dict[str, float]:
        """Return both."""
        return {"seconds": time.perf_counter() - self._wall, "cpu_seconds": _cpu_s() - self._cpu}


def _cpu_s() -> float:
    ticks = sum(int(word) for stat in _of_workers("stat") for word in stat.rpartition(") ")[2].split()[11:13])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _peak_mb() -> float:
    """Peak memory of this process, plus the current private memory of its workers."""
    words = Path("/proc/self/status").read_text() + "".join(_of_workers("smaps_rollup"))
    lines = [line.split() for line in words.splitlines()]
    return sum(int(line[1]) for line in lines if line[0].startswith(("VmHWM:", "Private_"))) * 1024 / 1_000_000


def _of_workers(file: str) -> list[str]:
    return [Path(f"/proc/{worker.pid}/{file}").read_text() for worker in multiprocessing.active_children()]


class Watch:
    """Records each epoch; after the last one it prints the result, a line of JSON, and ends the process.

    `computes` says on what device and in what precision, in words.
    """

    def __init__(self, plan: Plan, parameters: int, computes: str) -> None:
        self._plan = plan
        self._answer = {"parameters": parameters, "computes": computes}
        self._epochs: list[dict[str, float]] = []

    def note(self, images: int, taken: dict[str, float], accuracy: float) -> None:
        """Record an epoch: number of training images, time of training alone, held-out accuracy."""
        end_s = time.perf_counter() - BEGAN
        self._epochs.append({"images": images, **taken, "accuracy": accuracy, "end_s": end_s})
        out_of_time = len(self._epochs) > 1 and end_s - self._epochs[0]["end_s"] >= self._plan.seconds
        if accuracy >= self._plan.accuracy or out_of_time:
            print(json.dumps(self._answer | {"memory_mb": _peak_mb(), "epochs": self._epochs}), flush=True)
            raise SystemExit
