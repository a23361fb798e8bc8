"""Where a command's faces are from: options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MinFace = Annotated[int, typer.Option(min=1, help="Height of the smallest face that is searched, px.")]
AnyAngle = Annotated[
    bool, typer.Option("--any-angle", help="Search turned faces even beside upright ones; up to four times slower.")
]


def refuse_contradictions(boxes: Path | None, crops: bool, min_face: int, any_angle: bool) -> None:
    """Make sure that faces are either given, in one way, or searched."""
    from mien.analysis import MIN_FACE_PX

    if crops and boxes is not None:
        raise typer.BadParameter("--boxes and --crops exclude each other: a crop is one face, the whole picture.")
    if (any_angle or min_face != MIN_FACE_PX) and (boxes is not None or crops):
        raise typer.BadParameter("--min-face and --any-angle search faces; --boxes and --crops say where they are.")
