"""The sections of docs/benchmarks.md on the cost of a training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layout import number, table


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/step_cost.py."""

    return SECTION.format(machines=_machines(measured, "change", _beside_the_first))


def memory(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/step_memory.py."""

    def cell(one: dict[str, float], first: dict[str, float]) -> str:
        speed = one["images_per_second"]
        return f"{number(speed)} ({speed / first['images_per_second']:.2f}), {number(one['peak_mb'])} MB"

    return MEMORY.format(machines=_machines(measured, "memory", cell))


def depthwise(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/depthwise_cost.py."""

    return DEPTHWISE.format(machines=_machines(measured, "halving", _beside_the_first))


def _beside_the_first(one: float, first: float) -> str:
    return f"{number(one)} ({one / first:.2f})"


def _machines(measured: dict[str, Any], head: str, cell: Callable[[Any, Any], str]) -> str:
    """A table a machine, a line a variant; `cell` sets a figure beside that of the first variant."""
    parts = []
    for machine, threads in measured.items():
        columns = [(count, network) for count, each in threads.items() for network in each]
        figures = [threads[count][network] for count, network in columns]
        first = next(iter(figures[0]))
        rows = [[variant, *(cell(each[variant], each[first]) for each in figures)] for variant in figures[0]]
        parts.append(f"{machine}:\n\n{table([head, *(f'{network}, {count}' for count, network in columns)], rows)}")
    return "\n\n".join(parts)


SECTION = """## What speeds up a training step

`benchmarks/step_cost.py` runs training steps on faces in memory, without augmentation. Cells show images a second
and, in brackets, the ratio to the first line. Each line differs from the first only in what it names.

{machines}
"""

MEMORY = """## What a training step gains from how Linux hands out memory

`benchmarks/step_memory.py` runs the same steps with batches of 256 under settings of the GNU C library
(`GLIBC_TUNABLES`), and with OpenMP's threads bound to cores (`OMP_PROC_BIND`). Cells show images a second, in
brackets the ratio to the first line, and the peak memory of the process.

{machines}
"""

DEPTHWISE = """## The cost of halving in depthwise convolutions

`benchmarks/depthwise_cost.py` trains the network of [mien-large-faces](recipes.md#mien-large-faces) at 96 px, in
batches of 128, with both ways to halve a map. Cells show images a second and, in brackets, the ratio to the first
line.

{machines}
"""
