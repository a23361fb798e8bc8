"""The section of docs/benchmarks.md on the cost of a training step."""

from __future__ import annotations

from typing import Any

from layout import number, table


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/step_cost.py."""
    return SECTION.format(machines="\n\n".join(f"{machine}:\n\n{steps(one)}" for machine, one in measured.items()))


def steps(threads: dict[str, Any]) -> str:
    """One line a variant, of one machine."""
    columns = [(count, network) for count, each in threads.items() for network in each]
    speeds = [threads[count][network] for count, network in columns]
    first = next(iter(speeds[0]))
    rows = [
        [variant, *(f"{number(each[variant])} ({each[variant] / each[first]:.2f})" for each in speeds)]
        for variant in speeds[0]
    ]
    return table(["one thing changed", *(f"{network}, {count}" for count, network in columns)], rows)


SECTION = """## What a training step gains from what

`benchmarks/step_cost.py` takes steps of training on faces that lie in memory, without changes of the faces: images a
second, and in brackets how many times those of the first line. Each line differs from the first in what it names.

{machines}
"""
