"""The section of docs/benchmarks.md on the faces that are left at a wanted accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layout import name_of_model, table

from mien.lab.tables import interval, percent


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/calibration.py."""
    models = {
        name_of_model(name, one["sha256"], measured["commit"]): one
        for name, one in measured["models"].items()
        if "accepted" in one  # not of those that no longer ship
    }
    return SECTION.format(table=table(HEAD, (row for name, one in models.items() for row in _rows(name, one))))


def _rows(name: str, one: dict[str, Any]) -> Iterator[list[str]]:
    """A row for all faces, and one for each target."""
    yield [name, "–", f"all {one['n']:,}", _share(one, "accuracy")]
    for row in one["accepted"]:
        yield [name, percent(row["target_accuracy"], 0), _share(row, "coverage"), _share(row, "accuracy")]


def _share(row: dict[str, float], key: str) -> str:
    return f"{percent(row[key], 1)} ({interval(row[f'{key}_low'], row[f'{key}_high'])})"


HEAD = ("model", "asked for", "faces left (95 %)", "right of these (95 %)")

SECTION = """## How many faces are left at a wanted accuracy

[`mien calibrate --target-accuracy`](guide.md#fit-the-confidence) marks as many faces as uncertain as it takes for the
others to be right as often as you ask. `benchmarks/calibration.py` measures how many are left, on the faces of
PublicTest that have no twin in Training. mien-large-ferplus is measured against the majority of FER+, and faces
without one are left out. Confidence and threshold are fitted to four fifths of the faces and tried on the other fifth,
each fifth in turn; the figures are means over three draws of the fifths.

{table}

The interval of the faces left allows for other faces to set the threshold with (bootstrap); that of the right ones is
Wilson's, for one draw. At 95 % the seven-class models have few faces that are sure enough to set a threshold by: how
many are left depends on chance, and fewer than 95 % of them are right.
"""
