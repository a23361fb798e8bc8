"""The section of docs/benchmarks.md on 8-bit integers, from the record of benchmarks/model_cost.py."""

from __future__ import annotations

from typing import Any

from mien.lab.tables import Table, number, percent, points


def section(result: dict[str, Any]) -> str:
    """Return the section, its heading included."""
    return SECTION.format(table=compared(result).markdown())


def compared(result: dict[str, Any]) -> Table:
    """Two rows for each model, and the comparison below."""
    columns = ("model", "accuracy", "twin-free", "size", "ms a face, one at a time", "in batches of 64")
    rows, notes = [], []
    for row in result["models"]:
        for kind in ("float", "int8"):
            each = row[kind]
            accuracies = percent(each["accuracy"]), percent(each["twin_free_accuracy"])
            times = (number(each["ms_per_face"][batch], 2) for batch in ("1", "64"))
            rows.append((f"{row['model']}, {kind}", *accuracies, f"{each['bytes'] / 1e6:.2f} MB", *times))
        lost = row["int8"]["accuracy"] - row["float"]["accuracy"]
        notes.append(
            f"{row['model']}: int8 gives the same label for {percent(row['same_label'], 1)} of {row['n']:,} faces, "
            f"{points(lost)} points of accuracy; probabilities differ by {row['mean_probability_difference']:.4f} on "
            f"average and {row['largest_probability_difference']:.2f} at most; "
            f"{row['float']['bytes'] / row['int8']['bytes']:.1f} times smaller, {row['times_faster']['1']:.1f} times "
            f"faster one at a time, {row['times_faster']['64']:.1f} times in batches of 64."
        )
    return Table("Float against int8", columns, tuple(rows), tuple(notes))


SECTION = """
## Float against 8-bit integers

This table shows what [`--int8`](guide.md#in-8-bit-integers) costs and saves. Names are those of recipes, except for
mien-small and mien-large, which are models that ship, and mien-small-robust, a mean of two runs:

{table}

`mien-small` and `mien-large` are measured as they ship, mirrored; before them, mien-small-robust and mien-large-faces
shipped mirrored. mien-nano-even ships as `mien-nano`; before it, mien-nano-full did. *full* networks look at four times
as many places of a face as their namesakes.

Measured on PublicTest by `benchmarks/model_cost.py`, with one thread of an x86 processor that has integer
instructions for neural networks (AVX-512 VNNI); without these, int8 gains less speed. Models were measured at
different times, but float and int8 of each in alternation, so compare these two rather than different models.
"""
