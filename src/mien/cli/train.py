"""`mien train`; `mien narrow`, which makes starting weights; and `mien average`, which averages runs."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from mien.cli.dataset import Data, read_faces
from mien.cli.paths import check_folder
from mien.cli.printing import training_bar

UNFINISHED = 75
"""Exit status of a training that reached its time limit and can be resumed; ``EX_TEMPFAIL`` of ``sysexits.h``."""

AGAIN = "the same command resumes from the last complete epoch"
"""The message of a training that stops early."""


def parse_time(text: str) -> float:
    """Return seconds: ``90``, ``90s``, ``9m``, ``2h``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; expected one such as 90s, 9m or 2h.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, which `mien recipes` lists, or a JSON file.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    epochs: Annotated[
        int | None, typer.Option(help="Number of epochs; phases and warm-up are scaled in proportion.", min=1)
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a field: --set optimizer.lr=3e-4; repeatable.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights to start from: a .safetensors file, a run or a model.")
    ] = None,
    votes: Annotated[Path | None, typer.Option(help="FER+ votes, fer2013new.csv, for recipes that learn them.")] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(help="Teacher for distillation: a finished run, model folder or shipped model; repeatable."),
    ] = None,
    precision: Annotated[Literal["auto", "bf16", "32"], typer.Option(help="Precision of the convolutions.")] = "auto",
    compile: Annotated[bool, typer.Option(help="Use torch.compile; pays off in long trainings.")] = False,
    time_limit: Annotated[
        str | None,
        typer.Option(help="Stop within this time, such as 9m, with exit status 75; the same command resumes later."),
    ] = None,
) -> None:
    """Train a recipe. After an interruption, the same command resumes from the last complete epoch."""
    began, limit_s = time.monotonic(), None if time_limit is None else parse_time(time_limit)
    check_folder(out)
    from mien import lab
    from mien.lab.hardware import keep_freed_memory
    from mien.lab.recipe.io import override
    from mien.lab.remarks import watched_faces
    from mien.lab.schedule import with_epochs

    keep_freed_memory()
    row = lab.find_recipe(recipe)
    if epochs not in (None, row.epochs):
        row = override(with_epochs(row, epochs), f"epochs={epochs}", *(set_ or []))
    elif set_:
        row = override(row, *set_)
    faces = read_faces(data, votes)
    with training_bar() as show:
        try:
            run = lab.train(
                row,
                faces,
                seed=seed,
                out=out,
                weights=weights,
                teachers=teacher or (),
                precision=precision,
                compile=compile,
                time_limit_s=None if limit_s is None else limit_s - (time.monotonic() - began),
                on_progress=show,
            )
        except KeyboardInterrupt:
            typer.echo(f"stopped; {AGAIN}", err=True)
            raise typer.Exit(130) from None
    if int(os.environ.get("RANK", 0)):
        return  # torchrun: only the first process prints
    environment = run.environment
    done = f"{environment['epochs_run']} epoch{'' if environment['epochs_run'] == 1 else 's'}"
    if environment["finished"]:
        kept = run.kept_epoch()
        watched = kept["validation_accuracy"]
        typer.echo(
            f"finished: {done} in {environment['seconds']:.0f} s; epoch {kept['epoch']} is kept: "
            f"train accuracy {kept['train_accuracy']:.1%}"
            + ("" if watched is None else f", validation {watched:.1%} ({watched_faces(environment)})"),
            err=True,
        )
        typer.echo(f"next: mien evaluate {run.folder} --data {data}", err=True)
    else:
        typer.echo(f"time is up after {done}; {AGAIN}, provided that one epoch fits into the limit", err=True)
    typer.echo(run.folder)
    if not environment["finished"]:
        raise typer.Exit(UNFINISHED)


def average(
    runs: Annotated[
        list[Path], typer.Argument(help="Finished runs, fine-tuned from each other or from the same start.")
    ],
    name: Annotated[str, typer.Option(help="Name of the new recipe.")],
    out: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
) -> None:
    """Make a run whose weights are the mean of the weights of other runs."""
    from mien import lab

    typer.echo(lab.average_runs(runs, name, out).folder)


def narrow(
    model: Annotated[str, typer.Argument(help="A model folder, or the name of a shipped model.")],
    data: Data,
    network: Annotated[str, typer.Option(help="Name of the narrower network, one of residual-*.")],
    out: Annotated[Path, typer.Option(help="The new safetensors file.", dir_okay=False)],
) -> None:
    """Fit a narrower network to a model, as starting weights (--weights) for training."""
    from mien import lab

    typer.echo(lab.narrow(model, network, read_faces(data), out))
