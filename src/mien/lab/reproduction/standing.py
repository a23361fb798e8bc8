"""Status of the reproduction: what is done, how long the rest takes on this machine, and what is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from mien.lab.recipe import Backbone, Recipe
from mien.lab.recipe.io import RECIPE
from mien.lab.reproduction.jobs import Job
from mien.lab.reproduction.speed import machine, training_seconds
from mien.lab.results import Record, records
from mien.lab.run import ENVIRONMENT, Run
from mien.lab.tables import UNKNOWN
from mien.lab.trained_rows import same_training, shortened, trained_rows

SPEEDS = ".speeds.json"
"""File in the folder of runs with the time of an epoch; hidden, so that the shell's ``runs/*`` names runs alone."""
DAY_S = 86_400.0
COLUMNS = ("row", "epochs", "done", "one seed takes", "missing")


def standing(
    jobs: Sequence[Job], out: Path, results: Path, on_measuring: Callable[[Job], None] = lambda _: None
) -> Iterator[str]:
    """Yield a table line by line, each row as soon as its speed is known or measured.

    A row's line has its records and unfinished runs, the time for one seed, and what is missing.

    Args:
        jobs: as `plan` gives them; only the first seed of each row is used.
        out: folder of runs; it keeps the measured speed of each row.
        results: folder of records.
        on_measuring: called before a row's speed is measured.
    """
    recorded = records(results)
    known = []  # the first three columns, which need no measurement
    for job in (job for job in jobs if not job.seed):
        recipe = shortened(job.row, job.epochs)
        done = "; ".join([*_recorded(job.row, recorded), *_unfinished(recipe, out)]) or UNKNOWN
        known.append((job, recipe, (job.row.name, f"{job.epochs} of {job.row.epochs}", done)))
    widths = [max(map(len, column)) for column in zip(COLUMNS, *(cells for *_, cells in known))]
    widths = [*widths, len(COLUMNS[3])]  # times are shorter than the heading
    yield _line(COLUMNS, widths)
    for job, recipe, cells in known:
        seconds = training_seconds(recipe, out / SPEEDS, partial(on_measuring, job))
        missing = "; ".join(filter(None, (_missing_weights(job), _missing_gpu(seconds)))) or UNKNOWN
        yield _line((*cells, in_words(seconds), missing), widths)
    yield (
        "One seed: training time without checkpoints, evaluation and early stopping. Estimated from the second of two "
        f"epochs on a few drawn faces, scaled to FER2013, on {machine()}."
    )
    yield f"{out / SPEEDS} keeps the measurements; delete it to measure again, as after other programs slowed them."


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    *padded, last = cells
    return "  ".join([*(cell.ljust(width) for cell, width in zip(padded, widths, strict=True)), last])


def in_words(seconds: float) -> str:
    """Return a duration such as ``40 s``, ``25 min`` or ``7.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _recorded(row: Recipe, recorded: Sequence[Record]) -> list[str]:
    """The records of a row, in words."""
    found = []
    for trained in trained_rows(row, recorded):
        short = f"{trained.epochs} of {row.epochs} epochs, " if trained.epochs < row.epochs else ""
        weights = f"stand-in {trained.stand_in}, " if trained.stand_in else ""
        found.append(f"{short}{weights}seed {', '.join(map(str, trained.seeds))}")
    return found


def _unfinished(recipe: Recipe, out: Path) -> list[str]:
    """The runs of a recipe that can be resumed, in words."""
    runs = [Run.open(file.parent) for file in sorted(out.glob(f"{recipe.name}-seed*/{RECIPE}"))]
    rows = [
        run.environment for run in runs if same_training(run.recipe, recipe) and (run.folder / ENVIRONMENT).is_file()
    ]
    return [f"seed {row['seed']} after {row['epochs_run']} epochs" for row in rows if not row["finished"]]


def _missing_weights(job: Job) -> str:
    network = job.row.network
    if not isinstance(network, Backbone):
        return ""
    if importlib.util.find_spec("timm") is None:
        return "the extra timm"
    if network.weights == "none" or job.weights is not None:
        return ""
    from huggingface_hub import try_to_load_from_cache  # comes with timm

    kept = try_to_load_from_cache(f"timm/{network.name}", "model.safetensors")
    return "" if isinstance(kept, str) else f"weights {network.name}: timm downloads them, or --weights"


def _missing_gpu(seconds: float) -> str:
    return "a GPU" if seconds > DAY_S and not torch.cuda.is_available() else ""
