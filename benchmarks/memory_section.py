"""The section of docs/benchmarks.md on training steps and memory."""

from __future__ import annotations

from typing import Any

from layout import number, table


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/step_memory.py."""
    return SECTION.format(machines="\n\n".join(f"{machine}:\n\n{settings(one)}" for machine, one in measured.items()))


def settings(threads: dict[str, Any]) -> str:
    """One line a setting, of one machine."""
    columns = [(count, network) for count, each in threads.items() for network in each]
    figures = [threads[count][network] for count, network in columns]
    first = next(iter(figures[0]))
    rows = [[setting, *(cell(each[setting], each[first]) for each in figures)] for setting in figures[0]]
    return table(["memory", *(f"{network}, {count}" for count, network in columns)], rows)


def cell(one: dict[str, float], first: dict[str, float]) -> str:
    """Speed, how many times that of the first setting, memory."""
    times = one["images_per_second"] / first["images_per_second"]
    return f"{number(one['images_per_second'])} ({times:.2f}), {number(one['peak_mb'])} MB"


SECTION = """## What a training step gains from how Linux hands out memory

`benchmarks/step_memory.py` takes the same steps with batches of 256 under four settings of the GNU C library
(`GLIBC_TUNABLES`, which [the guide](guide.md#train) tells how to set): images a second, in brackets how many times
those of the first line, and the most memory that the process held.

{machines}
"""
