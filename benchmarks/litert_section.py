"""The section of docs/benchmarks.md on LiteRT, from the record of benchmarks/litert.py."""

from __future__ import annotations

from typing import Any

from layout import name_of_model

from mien.lab.tables import Table, number, percent


def section(result: dict[str, Any]) -> str:
    """Return the section, its heading included."""
    return SECTION.format(table=compared(result).markdown(), machine=result["machine"], **_range(result["models"]))


def compared(result: dict[str, Any]) -> Table:
    """Two rows for each model."""
    columns = ("model", "accuracy", "same label", "size", "ms a face")
    rows = []
    for row in result["models"]:
        name = name_of_model(row["model"], row["sha256"], result["commit"])
        for kind, title in (("onnx", "ONNX, int8"), ("litert", "LiteRT")):
            same = percent(row["same_label"], 1) if kind == "litert" else ""
            size, time = f"{row['bytes'][kind] / 1e6:.2f} MB", number(row["ms_per_face"][kind], 2)
            rows.append((f"{name}, {title}", percent(row["accuracy"][kind]), same, size, time))
    return Table("LiteRT beside ONNX", columns, tuple(rows))


def _range(models: list[dict[str, Any]]) -> dict[str, str]:
    ratios = [row["ms_per_face"]["litert"] / row["ms_per_face"]["onnx"] for row in models]
    return {"fewest": f"{min(ratios):.1f}", "most": f"{max(ratios):.1f}"}


SECTION = """
## A file for phones

The files that [`mien litert`](guide.md#for-an-app) makes from the models that ship are about as large and as accurate
as their `model.onnx`. They store 8-bit weights and compute in float. On this processor ({machine}), which has
instructions for 8-bit integers, a face therefore takes {fewest} to {most} times as long as with onnxruntime; neither
was measured on a phone. Measured on PublicTest by `benchmarks/litert.py`; *same label* is the share of faces with the
same label in both.

{table}
"""
