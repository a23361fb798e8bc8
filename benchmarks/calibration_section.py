"""The section of docs/benchmarks.md on the faces that are left at a target accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layout import name_of_model, share, table

from mien.lab.tables import percent


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
    yield [name, "–", f"all {one['n']:,}", share(one, "accuracy")]
    for row in one["accepted"]:
        yield [name, percent(row["target_accuracy"], 0), share(row, "coverage"), share(row, "accuracy")]


HEAD = ("model", "target", "faces left (95 %)", "accuracy on these (95 %)")

SECTION = """## How many faces are left at a wanted accuracy

[`mien calibrate --target-accuracy`](guide.md#fit-the-confidence) marks faces as uncertain until the rest reaches the
accuracy that you ask for. `benchmarks/calibration.py` measures how many faces are left, on the twin-free faces of
PublicTest. mien-large-ferplus is measured against the majority of FER+; faces without a majority are left out.
Confidence and threshold are cross-validated in five folds; the figures are means over three draws of the folds.

{table}

The interval of the faces left is a bootstrap over the faces that set the threshold; that of the accuracy is Wilson's,
for one draw. At 95 % the seven-class models have too few confident faces to set a threshold by: how many are left
depends on chance, and whether 95 % of them are right is open.
"""
