"""Reproduction jobs: train the rows that have no record yet, cheapest first, and record each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch.utils.flop_counter import FlopCounterMode

from mien.errors import MienError, ModelError, RecipeError
from mien.lab.data import TRAINING, FaceDataset, has_learned_from
from mien.lab.evaluation import evaluate
from mien.lab.nets import build
from mien.lab.pages.report import write_report
from mien.lab.pages.rewriting import pages_beside, write_tables
from mien.lab.predictions import report_file
from mien.lab.provenance import current_commit
from mien.lab.recipe import Backbone, Recipe
from mien.lab.recipe_book import FUTURE_WORK, PUBLISHED, recipes
from mien.lab.results import add, check_commit, records
from mien.lab.run import Run, weights_digest
from mien.lab.schedule import phases_of
from mien.lab.trained_rows import shortened, trained_rows
from mien.lab.training import OutOfTime, Progress, train


@dataclass(frozen=True)
class Job:
    """One training of a row, with its epochs, its seed and the file of its starting weights (None = timm's)."""

    row: Recipe
    epochs: int
    seed: int
    weights: Path | None

    def __str__(self) -> str:
        short = f", {self.epochs} of {self.row.epochs} epochs" if self.epochs < self.row.epochs else ""
        return f"{self.row.name}, seed {self.seed}{short}"


@dataclass(frozen=True)
class Outcome:
    """The result of a job: the folder of its record, or a message."""

    job: Job
    state: Literal["recorded", "unfinished", "failed"]
    told: str


def rows_named(names: Sequence[str]) -> list[Recipe]:
    """Return the named rows of the reports or of their future work; all of them if none is named.

    Raises:
        RecipeError: there is no such recipe, or it is one of mien's own.
    """
    known = [row.name for row in (*PUBLISHED, *FUTURE_WORK)]
    for name in names:
        if recipes[name].name not in known:
            raise RecipeError(
                f"{name} is a recipe of mien's own, not of a report or future work; train it with `mien train {name}`."
            )
    return [recipes[name] for name in names or known]


def plan(
    rows: Sequence[Recipe], seeds: int, weights: Path | None = None, epochs_at_most: int | None = None
) -> list[Job]:
    """Return all trainings of some rows, the reports' before those of their future work, each cheapest first.

    Args:
        rows: of the recipe book.
        seeds: number of seeds, from 0.
        weights: a file, or a folder of files named after networks, see `weights_of`.
        epochs_at_most: longer rows are shortened to this many epochs.

    Raises:
        ModelError: the folder holds several files for one network.
    """
    lengths = {row.name: min(row.epochs, epochs_at_most or row.epochs) for row in rows}
    costs = {row.name: multiply_adds(shortened(row, lengths[row.name])) for row in rows}
    return [
        Job(row, lengths[row.name], seed, weights_of(row, weights))
        for row in sorted(rows, key=lambda row: (row in FUTURE_WORK, costs[row.name]))
        for seed in range(seeds)
    ]


def weights_of(row: Recipe, weights: Path | None) -> Path | None:
    """Return the file of a row's starting weights; None if it starts at random or from timm's download.

    In a folder, that is ``NAME.safetensors`` with the network's name in the recipe, such as
    ``resnet50.tv_in1k.safetensors``; or else, as a stand-in, the only file whose name begins with the network's.

    Raises:
        ModelError: there are several such files.
    """
    network = row.network
    if weights is None or not isinstance(network, Backbone) or network.weights == "none":
        return None
    if not weights.is_dir():
        return weights
    exact, begin = weights / f"{network.name}.safetensors", network.name.partition(".")[0]
    found = [exact] if exact.is_file() else sorted(weights.glob(f"{begin}*.safetensors"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise ModelError(f"{weights}: {names} could all be for {row.name}; rename one to {exact.name}, or give a file.")
    return found[0] if found else None


def multiply_adds(recipe: Recipe) -> float:
    """Return the approximate cost of a training per face: the multiply-adds of all its epochs."""
    # the backward pass costs twice the forward pass
    factors = {"all": 3, "last50": 2, "head": 1}
    return forward_multiply_adds(recipe) * sum(factors[phase.trainable] for phase, _ in phases_of(recipe))


def forward_multiply_adds(recipe: Recipe) -> int:
    """Return the multiply-adds of one face's forward pass through a recipe's network."""
    p = recipe.preprocess
    with torch.device("meta"):  # shapes without data, which is fast
        network = build(recipe.network, p, classes=7, pretrained=False).eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, p.planes, p.crop_px, p.crop_px))
    total: int = counter.get_total_flops()
    return total // 2


def reproduce(
    jobs: Sequence[Job],
    data: FaceDataset,
    *,
    out: Path = Path("runs"),
    results: Path = Path("results"),
    budget_s: float = math.inf,
    on_job: Callable[[Job], None] = lambda _: None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Outcome]:
    """Train, evaluate and record the jobs that have no record yet, in order, and update the pages beside the records.

    Interrupted trainings are resumed. A failed job does not stop the others.

    Args:
        jobs: as `plan` gives them.
        data: every split but Training is evaluated, those without labels too.
        out: folder of runs.
        results: folder of records, in the repository whose code runs; README and docs beside it are rewritten.
        budget_s: time limit; an evaluation that has begun is completed.
        on_job: called when a job begins.
        on_progress: called a few times a second while training.

    Yields:
        The outcome of each job that was begun; the last one is unfinished if time ran out.

    Raises:
        DataError: the code has no commit that a record could name.
    """
    check_commit(current_commit(), "mien reproduce", results)
    deadline = time.monotonic() + budget_s
    for job in jobs:
        if is_done(job, data, results):
            continue
        on_job(job)
        try:
            run = _train_and_evaluate(job, data, out, deadline, on_progress)
            record = add(run, results)
        except OutOfTime as stop:
            yield Outcome(job, "unfinished", str(stop))
            return
        except MienError as error:
            yield Outcome(job, "failed", str(error))
            continue
        write_tables(pages_beside(results), results)
        yield Outcome(job, "recorded", str(record))


def _train_and_evaluate(
    job: Job,
    data: FaceDataset,
    out: Path,
    deadline: float,
    on_progress: Callable[[Progress], None] | None,
) -> Run:
    """Return the run with its report.

    Raises:
        OutOfTime: the deadline passed first.
    """
    run = train(
        shortened(job.row, job.epochs),
        data,
        seed=job.seed,
        out=out,
        weights=job.weights,
        time_limit_s=deadline - time.monotonic(),
        on_progress=on_progress,
    )
    for split in data.split_names():
        if split != TRAINING and not report_file(run.folder, split).is_file():
            if not run.finished or time.monotonic() > deadline:
                raise OutOfTime(f"time is up after {run.environment['epochs_run']} of {job.epochs} epochs")
            evaluate(run, data, split)
    write_report([run], data, run.folder / "report.html")
    return run


def is_done(job: Job, data: FaceDataset, results: Path) -> bool:
    """Whether there is a record of the same training on the same Training faces, whatever else the copy holds."""
    digest = None if job.weights is None else weights_digest(job.weights)
    return any(
        (job.seed, digest) == (record.environment["seed"], record.environment["weights_sha256"])
        and has_learned_from(record.environment, data)
        for trained in trained_rows(job.row, records(results))
        if trained.epochs == job.epochs
        for record in trained.records
    )
