"""`mien explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.models import Model


def explain(
    photo: Annotated[Path, typer.Argument(help="A photo.", dir_okay=False)],
    save: Annotated[
        Path | None, typer.Option(help="Draw each face beside the places that speak for its label: .png, .jpg, .webp.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The expression to explain; default: what is most probable.")
    ] = None,
    model: Model = None,
    crops: Annotated[bool, typer.Option("--crops", help="The photo is one face already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the heat of each pixel.")] = False,
) -> None:
    """Show which parts of a face speak for its expression, by hiding parts of it."""
    import mien
    from mien.media.draw import check_picture_name, save_picture
    from mien.media.heat import heat_picture

    if save is not None:
        check_picture_name(save)  # before the long work
    found = mien.explain(photo, model=model, crops=crops, label=label)
    if as_json:
        typer.echo(json.dumps([explanation.to_dict() for explanation in found]))
    for number, explanation in enumerate([] if as_json else found):
        shares = ", ".join(f"{part} {share:.0%}" for part, share in explanation.shares.items())
        typer.echo(f"  {number:>2}  {explanation.title:<16} {shares}")
    if not found:
        typer.echo(f"{photo}: no face", err=True)
    elif save is not None:
        pictures = [explanation.crop for explanation in found], [explanation.heat for explanation in found]
        save_picture(heat_picture(*pictures, [explanation.title for explanation in found]), save)
