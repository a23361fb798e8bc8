"""The section of docs/benchmarks.md on explanations."""

from __future__ import annotations

from typing import Any

from layout import name_of_model, table


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/explanations.py."""
    rows = [
        [heat, *(f"{mean:.3f} (±{half:.3f})" for mean, half in (way["deletion"], way["insertion"]))]
        for heat, way in measured["faithfulness"].items()
    ]
    return SECTION.format(
        model=name_of_model(measured["model"], measured["model_sha256"], measured["commit"]),
        faces=measured["faces"],
        ways=table(["heat", "deletion (lower is better)", "insertion (higher is better)"], rows),
    )


SECTION = """## How faithful explanations are

`benchmarks/explanations.py` checks the heat of `mien explain` on {faces} faces of PublicTest with {model}, by the
method of Petsiuk et al. (2018). If a face is hidden step by step, hottest places first, it should soon lose its label
(*deletion*: mean probability of the label over the steps); if it is revealed in this order, it should soon get its
label (*insertion*). The 95 % interval for the choice of faces is in brackets.

{ways}

`mien explain` uses 800 masks. *A square* of 12 px hides one place after the other (Zeiler and Fergus 2014). *Another
face's heat*, of the same label, is a control: it shows that heat is specific to the face, not only to its class.
"""
