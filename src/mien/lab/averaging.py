"""Averaging: one network from the mean weights of several that were fine-tuned from the same start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mien.errors import ModelError
from mien.lab.data import training_fingerprint
from mien.lab.provenance import current_commit
from mien.lab.recipe import Backbone, OwnNet
from mien.lab.run import ENVIRONMENT, Run, run_digest
from mien.preprocess import Preprocess

_OF_ONE_TRAINING = ("resumed", "started", "seconds", "best_epoch")
"""Entries of a run's environment that describe its training; an average of runs has none."""


def average_runs(runs: Sequence[Run | str | Path], name: str, out: str | Path = "runs") -> Run:
    """Write a run whose weights are the mean of other runs' weights (Wortsman et al. 2022: WiSE-FT).

    This makes sense for runs that were fine-tuned from each other or from the same start (``weights="file"``): the
    mean often keeps most of the strengths of each. Means and variances of batch normalisation are averaged like
    weights; they are not re-estimated from faces.

    Args:
        runs: finished runs of the same network on the same data; the new run takes the recipe of the last one.
        name: name of the new recipe.
        out: folder of runs.

    Returns:
        The new run, finished, without a history because it was not trained; its folder is named after `name`, seed and
        weights.

    Raises:
        ModelError: there are fewer than two runs, one has not finished, or they differ in network, data, classes or
            held-out faces.
        RecipeError: `name` is not a valid name of a recipe.
    """
    opened = [run if isinstance(run, Run) else Run.open(run) for run in runs]
    if len(opened) < 2:
        raise ModelError(f"averaging needs at least two runs; {len(opened)} given.")
    first, last = opened[0], opened[-1]
    _check_alike(opened)
    states = [run.load_classifier("all").state_dict() for run in opened]
    shapes = [{key: value.shape for key, value in state.items()} for state in states]
    if any(other != shapes[0] for other in shapes):
        raise ModelError(f"{last.folder}: its network differs from that of {first.folder}; they cannot be averaged.")
    weights = {
        key: torch.stack([state[key] for state in states]).mean(0) if value.is_floating_point() else value
        for key, value in states[-1].items()
    }
    remark = f"Mean of the weights of {', '.join(run.name for run in opened)}. {last.recipe.remark}"
    recipe = replace(last.recipe, name=name, published=(), remark=remark)
    digests = {run.name: run_digest(run) for run in opened}
    ending = "".join(digest[:3] for digest in digests.values())
    run = Run(Path(out) / f"{name}-seed{last.environment['seed']}-{ending}", recipe)
    run.write_history([])
    run.write_weights(weights)
    environment = {key: value for key, value in last.environment.items() if key not in _OF_ONE_TRAINING}
    commits = sorted({commit for run in opened for commit in run.commits})
    environment |= {"averaged": digests, "averaged_commits": commits, "commit": current_commit(), "epochs_run": 0}
    environment["foreign_weights"] = any(run.has_foreign_weights for run in opened)
    environment["n_validation_learned"] = max(run.environment.get("n_validation_learned", 0) for run in opened)
    run.write_json(ENVIRONMENT, environment)
    run.write_recipe()  # last: it makes the folder a run
    return run


def _network(run: Run) -> tuple[OwnNet | Backbone, Preprocess]:
    """What must be the same in all runs: the network, apart from its starting weights, and the preprocessing."""
    return replace(run.recipe.network, weights="none"), run.recipe.preprocess


def _check_alike(runs: Sequence[Run]) -> None:
    """Check that the runs' weights can be averaged.

    Raises:
        ModelError: one has not finished or is given twice, or they differ in network, data, classes or held-out faces.
    """
    first = runs[0]
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise ModelError("a run is given twice; it would count twice in the mean.")
    for run in runs:
        if not run.finished:
            raise ModelError(f"{run.folder}: not finished; finish its training first.")
        if training_fingerprint(run.environment) != training_fingerprint(first.environment):
            raise ModelError(f"{run.folder}: was trained on different faces than {first.folder}.")
        for what in ("label_set", "seed"):
            if run.environment[what] != first.environment[what]:
                raise ModelError(f"{run.folder}: its {what.replace('_', ' ')} differs from that of {first.folder}.")
        if _network(run) != _network(first):
            raise ModelError(f"{run.folder}: its network or preprocessing differs from that of {first.folder}.")
        if run.recipe.validation != first.recipe.validation:
            raise ModelError(
                f"{run.folder}: held out different faces than {first.folder}; one was trained on faces that the other "
                "held out."
            )
