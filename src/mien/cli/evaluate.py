"""`mien evaluate`, `mien score` and `mien export`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from mien.lab.metrics import Metrics, Report
    from mien.lab.tables import Table

Data = Annotated[Path, typer.Option(help="FER2013: archive.zip, fer2013.csv, a parquet file or a folder.")]
Out = Annotated[Path | None, typer.Option(help="Folder for predictions and report; default: the run's.")]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def evaluate(
    model: Annotated[str, typer.Argument(help="A run, a model folder, or the name of a model that ships.")],
    data: Data,
    split: Annotated[str | None, typer.Option(help="Default: PublicTest, or Test in the folder edition.")] = None,
    tta: Annotated[
        Literal["none", "flip", "ten-crop"], typer.Option(help="Average over views of each face; the report says so.")
    ] = "none",
    out: Out = None,
    json: Json = False,
) -> None:
    """Measure a model on one split, through its exported file: predictions-SPLIT.csv and report-SPLIT.json."""
    from mien import lab

    faces = lab.read_fer2013(data)
    with bar() as show:
        report = lab.evaluate(model, faces, split, tta=tta, out=out, on_progress=show)
    _print(report, json)


def score(
    predictions: Annotated[Path, typer.Argument(help="predictions-SPLIT.csv as `mien evaluate` writes it.")],
    labels: Annotated[Path, typer.Option(help="CSV with the columns row and label, the label as a word.")],
    out: Annotated[Path | None, typer.Option(help="Folder for labelled predictions and report.")] = None,
    json: Json = False,
) -> None:
    """Measure predictions whose labels became known later."""
    from mien.lab import evaluation

    _print(evaluation.score(predictions, labels, out=out), json)


def export(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    out: Annotated[Path | None, typer.Option(help="The model folder; default: model/ in the run.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="What the run was trained on; its held-out faces calibrate the confidence.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX expression; default MIT if trained from scratch.")] = None,
    int8: Annotated[bool, typer.Option("--int8", help="In 8-bit integers: smaller and faster. Needs --data.")] = False,
) -> None:
    """Write a run's network as a model folder: model.onnx and card.json."""
    if int8 and data is None:
        raise typer.BadParameter("needs --data, what the run was trained on.", param_hint="--int8")
    from mien import lab
    from mien.card import Card
    from mien.lab.calibrate import NOT_CALIBRATED

    faces = None if data is None else lab.read_fer2013(data)
    folder = lab.export_run(lab.Run.open(run), out, data=faces, licence=licence)
    if int8 and faces is not None:
        lab.quantize(folder, faces, folder)
    if NOT_CALIBRATED in Card.read(folder).limits:
        typer.echo("The confidence is not calibrated: give --data, what the run was trained on.", err=True)
    typer.echo(folder)


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


def _print(report: Report, json: bool) -> None:
    if json:
        typer.echo(report.to_json(), nl=False)
        return
    if report.full is not None:
        typer.echo(_summary(report, report.full).plain() + "\n")
        typer.echo(_classes(report.full).plain() + "\n")
    else:
        typer.echo(f"{report.model} on {report.split}: {report.n_total:,} faces predicted")
    for remark in report.remarks:
        typer.echo(remark)


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
