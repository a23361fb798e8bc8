"""The section of docs/benchmarks.md on the cost of training, from the record of benchmarks/training_cost.py."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from layout import number, table

from mien import lab


def section(cost: dict[str, Any]) -> str:
    """Return the section, its heading included."""
    sizes, devices = cost["sizes"], cost["devices"]
    return SECTION.format(
        recipes=_recipes(sizes, devices),
        conditions=_conditions(sizes, devices),
        data=_data(devices),
        lines=_lines(devices),
    )


def _recipes(sizes: dict[str, Any], devices: dict[str, Any]) -> str:
    """Speed, memory and time of each recipe."""
    figures = {
        "forward_per_second": "forward, faces/s",
        "train_per_second": "training, faces/s",
        "peak_mb": "peak memory, MB",
        "minutes": "whole training, minutes",
    }
    columns = [f"{words}, {device}" for device in devices for words in figures.values()]
    rows = []
    for name, size in sizes.items():
        row = [f"`{name}`", number(size["parameters"] / 1e6), number(size["multiply_adds"] / 1e6)]
        for one in devices.values():
            measured = one["recipes"].get(name, {})
            row += [number(statistics.median(measured[key])) if key in measured else "–" for key in figures]
        rows.append(row)
    return table(["recipe", "parameters, millions", "multiply-adds a face, millions", *columns], rows)


def _conditions(sizes: dict[str, Any], devices: dict[str, Any]) -> str:
    """The machines, the spread of the rounds, and what did not run."""
    lines = []
    for device, one in devices.items():
        ran = {name: each for name, each in one["recipes"].items() if "did_not_run" not in each}
        speeds = [each["train_per_second"] for each in ran.values()]
        loads = one["load_average"]
        lines.append(
            f"* {device}: {one['machine']}, {one['precision']}, load average from {min(loads)} to {max(loads)} at "
            f"the start and the end. {_rounds(speeds)}"
        )
        failed = one["recipes"].keys() - ran.keys()
        lines += [f"* {device}, {name}: {one['recipes'][name]['did_not_run']}" for name in sorted(failed)]
    missing = [f"`{name}`" for name in lab.recipes if name not in sizes]
    if missing:
        lines.append(f"* Not yet measured: {', '.join(missing)}.")
    return "\n".join(lines)


def _data(devices: dict[str, Any]) -> str:
    """Time and memory by the number of faces."""
    columns = [f"{words}, {device}" for device in devices for words in ("s an epoch", "peak memory, MB")]
    first = next(iter(devices.values()))["data"]
    rows = []
    for size in first:
        row = [size, f"{first[size]['faces'][0]:,.0f}"]
        for one in devices.values():
            row += [number(statistics.median(one["data"][size][key])) for key in ("epoch_seconds", "peak_mb")]
        rows.append(row)
    return table(["times FER2013", "faces", *columns], rows)


def _lines(devices: dict[str, Any]) -> str:
    """The linear fits of time and memory, and their largest errors."""
    said = []
    for device, one in devices.items():
        faces = [each["faces"][0] for each in one["data"].values()]
        time, memory = (
            straight_line(faces, [statistics.median(each[key]) for each in one["data"].values()])
            for key in ("epoch_seconds", "peak_mb")
        )
        said.append(
            f"* {device}: an epoch takes {1e3 * time[0]:.3g} s for 1,000 faces plus {time[1]:z.2f} s; measurements "
            f"differ from this line by at most {time[2]:.1%}. A face takes {1e3 * memory[0]:.2f} kB of memory, "
            f"everything else {memory[1]:.0f} MB; measurements differ from this line by at most {memory[2]:.1%}."
        )
    return "\n".join(said)


def _rounds(speeds: Sequence[Sequence[float]]) -> str:
    """The number of rounds of the recipes, and the spread of their training speeds."""
    apart = [(max(each) - min(each)) / statistics.median(each) for each in speeds if len(each) > 1]
    if not apart:
        return "One round."
    counts = " or ".join(str(count) for count in sorted({len(each) for each in speeds}))
    return (
        f"Medians of {counts} rounds; {len(apart)} of {len(speeds)} recipes have several, and their training speeds "
        f"differ by {statistics.median(apart):.1%} in the median and {max(apart):.1%} at most."
    )


def straight_line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Return slope and intercept of the least-squares line of relative errors, and the largest of these."""
    slope, start = np.polyfit(x, y, 1, w=1 / np.asarray(y))
    departures = (slope * np.asarray(x) + start) / np.asarray(y) - 1
    return float(slope), float(start), float(np.abs(departures).max())


SECTION = """## Cost of training

`benchmarks/training_cost.py` trains each recipe on a few batches as `mien.lab.train` does, augmentation included, and
predicts batches of 64 without gradients. If a recipe freezes layers or starts with small faces, the speed of training
is that over all its epochs. Multiply-adds are for the forward pass of one face. Memory is that of the process on a
processor (cpu) and of the tensors on a GPU (cuda), without FER2013, whose share is given below. A whole training
means all epochs on FER2013 with validation, without early stopping or checkpoints. Recipes that learn from teachers
have one teacher here, with the network of mien-small-first; larger teachers, or several in each step, take longer.

{recipes}

{conditions}

### More faces

The network residual-nano is trained as in mien-small-first, on parts of FER2013 and on repetitions of it. An epoch
includes validation.

{data}

{lines}
"""
