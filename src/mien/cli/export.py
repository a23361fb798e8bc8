"""`mien export`, `mien litert`, `mien join` and `mien calibrate`, which write a new model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.dataset import Data, read_faces
from mien.cli.paths import check_folder

if TYPE_CHECKING:
    from mien.card import Card
    from mien.lab.data import FaceDataset
    from mien.lab.run import Run


def export(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    out: Annotated[Path | None, typer.Option(help="Default: model/ in the run; with --votes model-ferplus/.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="The run's training data; its held-out faces calibrate the confidence.")
    ] = None,
    votes: Annotated[
        Path | None,
        typer.Option(help="FER+ votes, fer2013new.csv: the model predicts the eight classes of FER+."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Model name; default: the recipe's, or RECIPE-ferplus.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX expression; default MIT if trained from scratch.")] = None,
    origin: Annotated[str | None, typer.Option(help="Source and licence of the starting weights.")] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise to 8-bit integers: smaller and faster. Needs --data.")
    ] = False,
    mirrored: Annotated[
        bool,
        typer.Option("--mirrored", help="Average predictions for a face and its mirror image; takes twice as long."),
    ] = False,
) -> None:
    """Write a run's network as a model folder: model.onnx and card.json."""
    if int8 and data is None:
        raise typer.BadParameter("needs --data, the run's training data.", param_hint="--int8")
    if votes is not None and data is None:
        raise typer.BadParameter("needs --data, which the votes belong to.", param_hint="--votes")
    if out is not None:
        check_folder(out)
    from mien import lab
    from mien.card import Card
    from mien.lab.calibrate import NOT_CALIBRATED

    faces = None if data is None else read_faces(data, votes)
    trained = lab.Run.open(run)
    folder = lab.export_run(
        trained, out, data=faces, votes=votes is not None, mirrored=mirrored, name=name, licence=licence, origin=origin
    )
    if int8 and faces is not None:
        lab.quantize(folder, faces, folder)
    card = Card.read(folder)
    if int8:
        typer.echo(_same_label(card), err=True)
    if NOT_CALIBRATED in card.limits:
        typer.echo(f"The confidence is not calibrated: {_why_not_calibrated(trained, faces)}", err=True)
    elif faces is not None:
        _warn_of_few(card)
    typer.echo(folder)


def _same_label(card: Card) -> str:
    from mien.lab.tables import percent

    made = card.provenance["quantization"]
    same = percent(made["same_label"], 1)
    return f"The int8 model gives {same} of {made['range_faces']} faces the same label as the float model."


def _why_not_calibrated(run: Run, faces: FaceDataset | None) -> str:
    from mien.lab.data import has_learned_from

    if run.recipe.validation.kind != "holdout":
        reason = "the run held out no faces of Training"
    elif run.environment.get("n_validation_learned"):
        reason = "its starting weights were trained on faces that it held out"
    elif faces is not None and has_learned_from(run.environment, faces):
        reason = "all labelled faces that it held out have a twin"
    else:
        return "give --data, the run's training data."
    return f"{reason}; mien calibrate can use others."


def litert(
    model: Annotated[str, typer.Argument(help="A finished run, a model folder, or the name of a shipped model.")],
    out: Annotated[Path, typer.Option(help="The new folder.", file_okay=False)],
    in_float: Annotated[bool, typer.Option("--float", help="Store weights in float: four times as large.")] = False,
) -> None:
    """Write a model for LiteRT (TensorFlow Lite), for apps on phones: model.tflite and card.json."""
    check_folder(out)
    from mien import lab

    typer.echo(lab.write_litert(model, out, weights="float" if in_float else "int8"))


def join(
    models: Annotated[list[str], typer.Argument(help="Model folders, or names of shipped models; at least two.")],
    out: Annotated[Path, typer.Option(help="The new model folder.", file_okay=False)],
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the folder's.")] = None,
) -> None:
    """Write one model that averages the predictions of several; it is as large and slow as all of them together."""
    from mien import lab

    typer.echo(lab.join_models(models, out, name=name or out.resolve().name))
    typer.echo("The confidence is not calibrated: use mien calibrate.", err=True)


def calibrate(
    model: Annotated[str, typer.Argument(help="A model folder, or the name of a shipped model.")],
    data: Data,
    split: Annotated[
        str, typer.Option(help="Split whose labelled faces are used; those with a twin in Training are left out.")
    ],
    out: Annotated[Path, typer.Option(help="The new model folder; it may be that of the model.")],
    votes: Annotated[Path | None, typer.Option(help="FER+ votes, fer2013new.csv: fit to their majority.")] = None,
    target_accuracy: Annotated[
        float,
        typer.Option(min=0, max=1, help="Accuracy to reach on the faces not marked uncertain; 0.9 is 90 %."),
    ] = 0.8,
) -> None:
    """Calibrate a model's confidence and its threshold for uncertain faces, on faces that it was not trained on."""
    check_folder(out)
    from mien.card import Card
    from mien.lab import recalibrate

    faces = read_faces(data, votes)
    majority = votes is not None
    card = Card.read(recalibrate(model, faces, split, out, majority=majority, target_accuracy=target_accuracy))
    fitted = card.provenance["calibration"]
    aim = f"{100 * fitted['target_accuracy']:g}%"
    accepted = f"{fitted['coverage']:.1%} are at or above it, at least {aim} of them right"
    if not fitted["coverage"]:
        accepted = f"none is at or above it, because no threshold reaches {aim} right"
    typer.echo(
        f"temperature {card.temperature:.3f}, sharpening {card.sharpening:.3f}, "
        f"uncertain below {card.uncertain_below:.3f}: of {fitted['n']:,} faces {accepted}",
        err=True,
    )
    _warn_of_few(card)
    typer.echo(out)


def _warn_of_few(card: Card) -> None:
    from mien.lab.calibrate import ENOUGH_FACES
    from mien.lab.statistics import wilson_interval
    from mien.lab.tables import interval

    fitted = card.provenance["calibration"]
    n, aim = fitted["n"], fitted["target_accuracy"]
    accepted = round(fitted["coverage"] * n)
    if n < ENOUGH_FACES:
        few, what, remedy = n, "The confidence is fitted to", f"Use {ENOUGH_FACES} or more."
    elif 0 < accepted < ENOUGH_FACES:
        few, what, remedy = accepted, "The threshold accepts", "Use more faces, or a lower accuracy."
    else:
        return
    likely = interval(*wilson_interval(aim * few, few))
    faces = f"{few} face{'' if few == 1 else 's'}"
    precision = f"if {100 * aim:g} % of so few are right, the 95 % interval is {likely} %."
    typer.echo(f"{what} only {faces}: {precision} {remedy}", err=True)
