"""`mien reproduce`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.dataset import DATA_HELP, read_faces
from mien.cli.paths import check_folder
from mien.cli.printing import training_bar
from mien.cli.train import AGAIN, parse_time

if TYPE_CHECKING:
    from mien.lab.reproduction.jobs import Outcome


def reproduce(
    names: Annotated[list[str] | None, typer.Argument(help="Recipes; default: the reports', then future work.")] = None,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List what is done and missing, and how long it will take.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="How many seeds, starting at 0.", min=1)] = 3,
    budget: Annotated[
        str | None,
        typer.Option(help="Stop within this time, such as 9m; an epoch must fit. The same command resumes later."),
    ] = None,
    epochs_at_most: Annotated[
        int | None, typer.Option(help="Limit longer recipes to so many epochs; their results say so.", min=1)
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Starting weights: a file, or a folder of NETWORK.safetensors.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
    results: Annotated[Path, typer.Option(help="Folder of records; the docs beside it are updated.")] = Path("results"),
) -> None:
    """Train the reports' recipes and future work that have no record yet, cheapest first, and update the docs."""
    if data is None and not list_:
        raise typer.BadParameter("training needs --data; --list does not.")
    deadline = time.monotonic() + (math.inf if budget is None else parse_time(budget))
    from mien.lab.hardware import keep_freed_memory
    from mien.lab.reproduction import jobs as reproduction

    keep_freed_memory()
    jobs = reproduction.plan(reproduction.rows_named(names or ()), seeds, weights, epochs_at_most)
    if list_ or data is None:
        from mien.lab.reproduction.standing import standing

        for line in standing(jobs, out, results, lambda job: typer.echo(f"measuring {job.row.name}", err=True)):
            typer.echo(line)
        return
    check_folder(out)
    faces = read_faces(data)
    with training_bar() as show:
        outcomes = reproduction.reproduce(
            jobs,
            faces,
            out=out,
            results=results,
            budget_s=deadline - time.monotonic(),
            on_job=lambda job: typer.echo(str(job), err=True),
            on_progress=show,
        )
        if not _print_outcomes(outcomes):
            raise typer.Exit(1)


def _print_outcomes(outcomes: Iterator[Outcome]) -> bool:
    """Print the outcome of each job; return whether none failed."""
    failed = False
    try:
        for outcome in outcomes:
            done = outcome.state == "recorded"
            typer.echo(outcome.told if done else f"{outcome.job}: {outcome.state}: {outcome.told}", err=not done)
            failed |= outcome.state == "failed"
            if outcome.state == "unfinished":
                typer.echo(AGAIN, err=True)
    except KeyboardInterrupt:
        typer.echo(f"stopped; {AGAIN}", err=True)
        raise typer.Exit(130) from None
    return not failed
