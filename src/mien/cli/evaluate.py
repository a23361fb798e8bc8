"""`mien evaluate`, `mien score` and `mien ensemble`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.dataset import Data, read_faces
from mien.cli.paths import check_folder
from mien.cli.printing import step_bar

if TYPE_CHECKING:
    from mien.lab.metrics import Report

Out = Annotated[
    Path | None,
    typer.Option(help="Folder for predictions and report; default: the run's folder; for a model, nothing is written."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def evaluate(
    models: Annotated[list[str], typer.Argument(help="Runs, model folders or names of shipped models.")],
    data: Data,
    split: Annotated[str | None, typer.Option(help="Default: the only split, else Test, else PublicTest.")] = None,
    tta: Annotated[
        Literal["none", "flip", "ten-crop"], typer.Option(help="Test-time augmentation: average views of each face.")
    ] = "none",
    votes: Annotated[
        Path | None, typer.Option(help="FER+ votes, fer2013new.csv: measure against their majority.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(help="CSV with the columns row and group: also measure each group of faces.")
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Evaluate exported models on one split: predictions-SPLIT.csv and report-SPLIT.json of each."""
    for option, given in (("--out", out is not None), ("--json", json)):
        if given and len(models) > 1:
            raise typer.BadParameter(f"is for one model; evaluate the {len(models)} one by one.", param_hint=option)
    if out is not None:
        check_folder(out)
    from mien import lab
    from mien.lab.recipe.io import is_run

    faces = read_faces(data, votes)
    for position, model in enumerate(models):
        with step_bar() as show:
            report = lab.evaluate(
                model, faces, split, tta=tta, majority=votes is not None, groups=groups, out=out, on_progress=show
            )
        if position:
            typer.echo()
        _print(report, json, model=None if is_run(model) else model)
        if out is None and not is_run(model):
            typer.echo("Nothing was written: --out FOLDER keeps the predictions and the report.", err=True)


def score(
    predictions: Annotated[Path, typer.Argument(help="predictions-SPLIT.csv, written by `mien evaluate`.")],
    labels: Annotated[Path, typer.Option(help="CSV with the columns row and label; labels are words.")],
    out: Annotated[Path | None, typer.Option(help="Folder for labelled predictions and report.")] = None,
    json: Json = False,
) -> None:
    """Measure predictions against labels that became known later."""
    from mien.lab import score as score_predictions

    _print(score_predictions(predictions, labels, out=out), json)


def ensemble(
    predictions: Annotated[list[Path], typer.Argument(help="predictions-SPLIT.csv of each member.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the ensemble's predictions and report.")] = None,
    json: Json = False,
) -> None:
    """Average the predictions of several models for the same faces, and measure the mean."""
    from mien import lab

    _print(lab.ensemble(predictions, out=out), json)


def _print(report: Report, json: bool, model: str | None = None) -> None:
    """Print a report; with a `model`, the remark on its training is shortened and refers to `mien models`."""
    from mien.lab.remarks import recipe_of, remark_on_training, remark_on_training_in_short

    if json:
        typer.echo(report.to_json(), nl=False)
        return
    recipe = recipe_of(report.provenance)
    shorter = {} if model is None else {remark_on_training(recipe): remark_on_training_in_short(recipe, model)}
    typer.echo(replace(report, remarks=tuple(shorter.get(remark, remark) for remark in report.remarks)))
