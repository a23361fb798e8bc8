"""The section of docs/benchmarks.md on the cost of a training step."""

from __future__ import annotations

from typing import Any

from layout import number, table


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/step_cost.py."""
    columns = [(threads, network) for threads, each in measured["images_per_second"].items() for network in each]
    speeds = [measured["images_per_second"][threads][network] for threads, network in columns]
    first = next(iter(speeds[0]))
    rows = [
        [variant, *(f"{number(each[variant])} ({each[variant] / each[first]:.2f})" for each in speeds)]
        for variant in speeds[0]
    ]
    head = ["one thing changed", *(f"{network}, {threads}" for threads, network in columns)]
    return SECTION.format(machine=measured["machine"], steps=table(head, rows))


SECTION = """## What a training step gains from what

`benchmarks/step_cost.py` takes steps of training on faces that lie in memory, without changes of the faces: images a
second, and in brackets how many times those of the first line. Each line differs from the first in what it names.
{machine}.

{steps}
"""
