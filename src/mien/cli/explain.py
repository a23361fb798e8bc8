"""`mien explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.detection import AnyAngle, MinFace, detector_of, refuse_contradictions
from mien.cli.models import Model
from mien.cli.paths import named, photo_at, refuse_addresses
from mien.cli.printing import one_line

if TYPE_CHECKING:
    from mien.explanation import Explanation
    from mien.faces.detect import Face


def explain(
    photo: Annotated[Path, typer.Argument(parser=named, metavar="PHOTO", help="A photo, or - for standard input.")],
    save: Annotated[
        Path | None,
        typer.Option(
            parser=named,
            metavar="FILE",
            help="Draw each face beside a heat map of the parts that support its label: .png, .jpg, .webp.",
        ),
    ] = None,
    label: Annotated[str | None, typer.Option(help="The expression to explain; default: the most probable.")] = None,
    model: Model = None,
    boxes: Annotated[
        Path | None,
        typer.Option(parser=named, metavar="FILE", help="Take the faces from this file, written by `mien analyze`."),
    ] = None,
    crops: Annotated[bool, typer.Option("--crops", help="The photo is a single, cropped face.")] = False,
    min_face: MinFace = None,
    any_angle: AnyAngle = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the heat of each pixel.")] = False,
) -> None:
    """Show which parts of a face support its expression, by hiding parts of it."""
    import mien
    from mien.media.draw import picture_files, save_picture
    from mien.media.heat import heat_picture
    from mien.media.images import source_name

    refuse_addresses([photo, save, boxes])
    if save is not None:
        [save] = picture_files([photo], save)  # before the long computation
    refuse_contradictions(boxes, crops, min_face, any_angle)
    source = photo_at(photo)
    name = source_name(source)
    given = None if boxes is None else _given(boxes, name)
    detector = detector_of(min_face, any_angle)
    found = mien.explain(source, model=model, detector=detector, boxes=given, crops=crops, label=label)
    if as_json:
        typer.echo(json.dumps([explanation.to_dict() for explanation in found]))
    else:
        for number, explanation in enumerate(found):
            typer.echo(f"  {number:>2}  {_line(explanation)}")
    if not found:
        typer.echo(one_line(f"{name}: no face"), err=True)
        if save is not None:
            raise typer.Exit(1)
    elif save is not None:
        picture = heat_picture([one.crop for one in found], [one.heat for one in found], [one.title for one in found])
        save_picture(picture, save)


def _given(boxes: Path, name: str) -> list[Face]:
    from mien.faces.boxes import boxes_of_each, read_boxes

    (faces,) = boxes_of_each([name], read_boxes(boxes))
    if faces is None:
        raise typer.BadParameter(f"--boxes {boxes}: has no faces of {name}.")
    return faces


def _line(explanation: Explanation) -> str:
    shares = ", ".join(f"{part} {share:.0%}" for part, share in explanation.shares.items())
    box = " ".join(f"{value:.0f}" for value in explanation.face.box)
    return f"{explanation.title:<16} {shares:<33} box {box}"
