"""Options, shared by several commands, that say where faces come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mien.faces.detect import YuNet

MinFace = Annotated[
    int | None,
    typer.Option(min=1, help="Height of the smallest face to search for, px; default: 24.", show_default=False),
]
AnyAngle = Annotated[
    bool,
    typer.Option("--any-angle", help="Search for turned faces even beside upright ones; up to four times slower."),
]


def refuse_contradictions(boxes: Path | None, crops: bool, min_face: int | None, any_angle: bool) -> None:
    """Check that faces are either given, in one way, or searched for."""
    if crops and boxes is not None:
        raise typer.BadParameter("--boxes and --crops exclude each other: with --crops, the whole picture is one face.")
    if (any_angle or min_face is not None) and (boxes is not None or crops):
        raise typer.BadParameter(
            "--min-face and --any-angle are for face detection; --boxes and --crops say where the faces are."
        )


def detector_of(min_face: int | None, any_angle: bool) -> YuNet:
    """Make the detector that the options ask for."""
    from mien.faces.detect import MIN_FACE_PX, YuNet

    return YuNet(min_face_px=min_face or MIN_FACE_PX, any_angle=any_angle)
