"""`mien evaluate`, `mien score`, `mien ensemble`, `mien export` and `mien calibrate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.faces import Data, read_faces
from mien.cli.paths import check_folder

if TYPE_CHECKING:
    from mien.card import Card
    from mien.lab.metrics import Metrics, Report
    from mien.lab.tables import Table

Out = Annotated[
    Path | None,
    typer.Option(help="Folder for predictions and report; default: the run's; a model has none."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def evaluate(
    model: Annotated[str, typer.Argument(help="A run, a model folder, or the name of a model that ships.")],
    data: Data,
    split: Annotated[str | None, typer.Option(help="Default: PublicTest, or Test in the folder edition.")] = None,
    tta: Annotated[
        Literal["none", "flip", "ten-crop"], typer.Option(help="Average over views of each face; the report says so.")
    ] = "none",
    votes: Annotated[
        Path | None, typer.Option(help="FER+ votes, fer2013new.csv: measure against their majority.")
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Measure a model on one split, through its exported file: predictions-SPLIT.csv and report-SPLIT.json."""
    if out is not None:
        check_folder(out)
    from mien import lab
    from mien.lab.evaluation import is_run

    faces = read_faces(data, votes)
    with bar() as show:
        report = lab.evaluate(model, faces, split, tta=tta, majority=votes is not None, out=out, on_progress=show)
    _print(report, json, model=None if is_run(model) else model)
    if out is None and not is_run(model):
        typer.echo("Nothing was written: --out FOLDER keeps the predictions and the report.", err=True)


def score(
    predictions: Annotated[Path, typer.Argument(help="predictions-SPLIT.csv as `mien evaluate` writes it.")],
    labels: Annotated[Path, typer.Option(help="CSV with the columns row and label, the label as a word.")],
    out: Annotated[Path | None, typer.Option(help="Folder for labelled predictions and report.")] = None,
    json: Json = False,
) -> None:
    """Measure predictions whose labels became known later."""
    from mien.lab import score as score_predictions

    _print(score_predictions(predictions, labels, out=out), json)


def ensemble(
    predictions: Annotated[list[Path], typer.Argument(help="predictions-SPLIT.csv of each member.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the mean's predictions and report.")] = None,
    json: Json = False,
) -> None:
    """Average the predictions of several models for the same faces, and measure the mean."""
    from mien import lab

    _print(lab.ensemble(predictions, out=out), json)


def export(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    out: Annotated[Path | None, typer.Option(help="The model folder; default: model/ in the run.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="What the run was trained on; its held-out faces calibrate the confidence.")
    ] = None,
    votes: Annotated[
        Path | None,
        typer.Option(help="FER+ votes, fer2013new.csv: the model answers with the eight classes of FER+."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the model; default: the recipe's.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX expression; default MIT if trained from scratch.")] = None,
    int8: Annotated[bool, typer.Option("--int8", help="In 8-bit integers: smaller and faster. Needs --data.")] = False,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Answer the mean for a face and its mirror image: twice the time.")
    ] = False,
) -> None:
    """Write a run's network as a model folder: model.onnx and card.json."""
    if int8 and data is None:
        raise typer.BadParameter("needs --data, what the run was trained on.", param_hint="--int8")
    if out is not None:
        check_folder(out)
    from mien import lab
    from mien.card import Card
    from mien.lab.calibrate import NOT_CALIBRATED

    if votes is not None and data is None:
        raise typer.BadParameter("needs --data, whose faces were voted on.", param_hint="--votes")
    faces = None if data is None else read_faces(data, votes)
    trained = lab.Run.open(run)
    folder = lab.export_run(
        trained, out, data=faces, votes=votes is not None, mirrored=mirrored, name=name, licence=licence
    )
    if int8 and faces is not None:
        lab.quantize(folder, faces, folder)
    card = Card.read(folder)
    if NOT_CALIBRATED in card.limits:
        remedy = "give --data, what the run was trained on."
        if trained.recipe.validation.kind != "holdout":
            remedy = "the run held out no faces of Training; mien calibrate fits it to others."
        typer.echo(f"The confidence is not calibrated: {remedy}", err=True)
    elif faces is not None:
        _warn_of_few(card)
    typer.echo(folder)


def litert(
    model: Annotated[str, typer.Argument(help="A finished run, a model folder, or the name of a model that ships.")],
    out: Annotated[Path, typer.Option(help="The new folder.", file_okay=False)],
    in_float: Annotated[bool, typer.Option("--float", help="Store weights in float: four times as large.")] = False,
) -> None:
    """Write a model for LiteRT (TensorFlow Lite), for apps on phones: model.tflite and card.json."""
    check_folder(out)
    from mien import lab

    typer.echo(lab.write_litert(model, out, weights="float" if in_float else "int8"))


def join(
    models: Annotated[list[str], typer.Argument(help="Model folders, or names of models that ship; at least two.")],
    out: Annotated[Path, typer.Option(help="The new model folder.", file_okay=False)],
    name: Annotated[str | None, typer.Option(help="Of the model; default: the folder's.")] = None,
) -> None:
    """Write one model that answers the mean of several, as large and as slow as these together."""
    from mien import lab

    typer.echo(lab.join_models(models, out, name=name or out.name))
    typer.echo("The confidence is not calibrated: mien calibrate fits it.", err=True)


def calibrate(
    model: Annotated[str, typer.Argument(help="A model folder, or the name of a model that ships.")],
    data: Data,
    split: Annotated[str, typer.Option(help="Whose labelled faces are taken, those with a twin in Training left out.")],
    out: Annotated[Path, typer.Option(help="The new model folder; it may be the same.")],
    votes: Annotated[Path | None, typer.Option(help="FER+ votes, fer2013new.csv: take their majority.")] = None,
) -> None:
    """Fit a model's confidence on faces that it has not learned from."""
    check_folder(out)
    from mien.card import Card
    from mien.lab import recalibrate

    faces = read_faces(data, votes)
    card = Card.read(recalibrate(model, faces, split, out, majority=votes is not None))
    fitted = card.provenance["calibration"]
    aim = f"{fitted['target_accuracy']:.0%}"
    accepted = f"{fitted['coverage']:.1%} are at or above it, at least {aim} of them right"
    if not fitted["coverage"]:
        accepted = f"none is at or above it, as no threshold leaves {aim} right"
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
    from mien.lab.tables import interval, percent

    fitted = card.provenance["calibration"]
    n, aim = fitted["n"], fitted["target_accuracy"]
    if n < ENOUGH_FACES:
        likely = interval(*wilson_interval(round(aim * n), n))
        typer.echo(
            f"The confidence is fitted to {n} face{'' if n == 1 else 's'} only: {percent(aim, 0)} right of so few "
            f"may be {likely} % of others. Take {ENOUGH_FACES} or more.",
            err=True,
        )


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


def _print(report: Report, json: bool, model: str | None = None) -> None:
    """Print a report; where `mien models` can say how the `model` was trained, only that it can."""
    from mien.lab.remarks import of_training, of_training_in_short

    if json:
        typer.echo(report.to_json(), nl=False)
        return
    if report.full is not None:
        typer.echo(_summary(report, report.full).plain() + "\n")
        typer.echo(_classes(report.full).plain() + "\n")
    else:
        typer.echo(f"{report.model} on {report.split}: {report.n_total:,} faces predicted")
    recipe = report.provenance.get("recipe", {})
    shorter = {} if model is None else {of_training(recipe): of_training_in_short(recipe, model)}
    for remark in report.remarks:
        typer.echo(shorter.get(remark, remark))


def _summary(report: Report, full: Metrics) -> Table:
    from mien.lab.tables import Table, percent, points

    parts = [full, *([report.twin_free] if report.twin_free is not None else [])]
    columns = ("", "all faces", "twin-free")[: 1 + len(parts)]
    cells = [_cells(part) for part in parts]
    rows = [(name, *(cell[name] for cell in cells)) for name in cells[0]]
    if report.gap is not None:
        rows.append(("train accuracy, while training", percent(report.train_accuracy), *[""] * (len(parts) - 1)))
        rows.append(("train-test gap, points", points(report.gap), *[""] * (len(parts) - 1)))
    return Table(f"{report.model} on {report.split}", columns, tuple(rows))


def _cells(metrics: Metrics) -> dict[str, str]:
    from mien.lab.tables import interval, number, percent

    return {
        "faces": f"{metrics.n:,}",
        "accuracy": percent(metrics.accuracy),
        "95 % interval (Wilson)": interval(metrics.accuracy_low, metrics.accuracy_high),
        "balanced accuracy": percent(metrics.balanced_accuracy),
        "macro precision": percent(metrics.macro_precision),
        "macro recall": percent(metrics.macro_recall),
        "macro F1": percent(metrics.macro_f1),
        "top-2 accuracy": percent(metrics.top2_accuracy),
        "log loss": number(metrics.log_loss),
        "calibration error (ECE)": percent(metrics.ece),
    }


def _classes(metrics: Metrics) -> Table:
    from mien.lab.tables import Table, percent

    rows = tuple(
        (each.name, f"{each.support:,}", percent(each.precision, 1), percent(each.recall, 1), percent(each.f1, 1))
        for each in metrics.per_class
    )
    return Table("each class, all faces", ("", "faces", "precision", "recall", "F1"), rows)
