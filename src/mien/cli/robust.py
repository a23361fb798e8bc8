"""`mien robust`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.dataset import Data, read_faces
from mien.cli.printing import step_bar


def robust(
    model: Annotated[str, typer.Argument(help="A run, a model folder, or the name of a shipped model.")],
    data: Data,
    split: Annotated[str | None, typer.Option(help="Default: the only split, else Test, else PublicTest.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random directions and the noise.", min=0)] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
    save: Annotated[
        Path | None, typer.Option(help="Also draw accuracies, and a face under each change: .png or .svg.")
    ] = None,
) -> None:
    """Measure the accuracy that a model loses on faces shifted, turned, blurred, compressed, darkened or covered."""
    from mien import lab
    from mien.errors import DataError
    from mien.lab.pages.robust_picture import SUFFIXES, save_picture
    from mien.writing import check_ending

    if save is not None:
        check_ending(save, SUFFIXES, DataError)
    faces = read_faces(data)
    with step_bar() as show:
        robustness = lab.robustness(model, faces, split, seed, on_progress=show)
    typer.echo(robustness.to_json() if json else robustness.table().plain(), nl=not json)
    if save is not None:
        example = faces.split(robustness.split).faces[0]
        typer.echo(f"written: {save_picture(robustness, example, save)}", err=True)
