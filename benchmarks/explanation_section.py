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
        ways=table(["heat", "deletion (low is good)", "insertion (high is good)"], rows),
    )


SECTION = """## How faithful explanations are

`benchmarks/explanations.py` checks the heat of `mien explain` on {faces} faces of PublicTest and {model}, as
Petsiuk et al. (2018) do: if a face is hidden bit by bit, hottest places first, it should soon lose its label
(*deletion*: mean probability of the label on the way); if it is shown in this order, it should soon get its label
(*insertion*). In brackets the 95 % interval for the choice of faces.

{ways}

`mien explain` takes 800 masks. *A square* of 12 px hides one place after the other (Zeiler and Fergus 2014). *Another
face's heat*, of the same label, shows that the heat is of this face and not of its class alone.
"""
