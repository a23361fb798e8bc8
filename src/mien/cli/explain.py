"""`mien explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.models import Model
from mien.cli.paths import named, refuse_addresses

if TYPE_CHECKING:
    from mien.explanation import Explanation


def explain(
    photo: Annotated[Path, typer.Argument(parser=named, metavar="PHOTO", help="A photo.")],
    save: Annotated[
        Path | None,
        typer.Option(
            parser=named,
            metavar="FILE",
            help="Draw each face beside the places that speak for its label: .png, .jpg, .webp.",
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The expression to explain; default: what is most probable.")
    ] = None,
    model: Model = None,
    boxes: Annotated[
        Path | None,
        typer.Option(parser=named, metavar="FILE", help="Take the faces from this file, written by `mien analyze`."),
    ] = None,
    crops: Annotated[bool, typer.Option("--crops", help="The photo is one face already.")] = False,
    min_face: Annotated[int, typer.Option(min=1, help="Height of the smallest face that is searched, px.")] = 24,
    any_angle: Annotated[
        bool, typer.Option("--any-angle", help="Search turned faces even beside upright ones.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the heat of each pixel.")] = False,
) -> None:
    """Show which parts of a face speak for its expression, by hiding parts of it."""
    import mien
    from mien.analysis import MIN_FACE_PX
    from mien.faces.boxes import boxes_of_each, read_boxes
    from mien.faces.detect import YuNet
    from mien.media.draw import picture_files, save_picture
    from mien.media.heat import heat_picture

    refuse_addresses([photo, save, boxes])
    if save is not None:
        [save] = picture_files([photo], save)  # before the long work
    if (boxes is not None or crops) and (min_face != MIN_FACE_PX or any_angle):
        raise typer.BadParameter("--min-face and --any-angle search faces; --boxes and --crops say where they are.")
    if crops and boxes is not None:
        raise typer.BadParameter("--boxes and --crops exclude each other: a crop is one face, the whole picture.")
    given = None if boxes is None else boxes_of_each([str(photo)], read_boxes(boxes))[0]
    if boxes is not None and given is None:
        raise typer.BadParameter(f"--boxes {boxes}: has none of {photo}.")
    detector = YuNet(min_face_px=min_face, any_angle=any_angle)
    found = mien.explain(photo, model=model, detector=detector, boxes=given, crops=crops, label=label)
    if as_json:
        typer.echo(json.dumps([explanation.to_dict() for explanation in found]))
    for number, explanation in enumerate([] if as_json else found):
        typer.echo(f"  {number:>2}  {_line(explanation)}")
    if not found:
        typer.echo(f"{photo}: no face", err=True)
        if save is not None:
            raise typer.Exit(1)
    elif save is not None:
        pictures = [explanation.crop for explanation in found], [explanation.heat for explanation in found]
        save_picture(heat_picture(*pictures, [explanation.title for explanation in found]), save)


def _line(explanation: Explanation) -> str:
    shares = ", ".join(f"{part} {share:.0%}" for part, share in explanation.shares.items())
    box = " ".join(f"{value:.0f}" for value in explanation.face.box)
    return f"{explanation.title:<16} {shares:<33} box {box}"
