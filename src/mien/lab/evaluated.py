"""Evaluated runs: a run with its figures and predictions on one split, as written by `mien evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from mien.card import CARD_FILE, Card
from mien.errors import DataError
from mien.lab.data import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset
from mien.lab.metrics import Metrics, Report, report_of
from mien.lab.predictions import TTA, Predictions, predictions_file, report_file, scored_as
from mien.lab.published import Beside, beside_published
from mien.lab.run import Run
from mien.lab.tables import percent

PREFERRED_SPLITS = (TEST, PUBLIC, PRIVATE, TRAINING)
"""If no split is named, the first of these that was evaluated and has labels is used.

Only users' own data has both Test and PublicTest; its PublicTest is for validation.
"""

_PREFERRED = tuple(scored_as(split, tta) for split in PREFERRED_SPLITS for tta in get_args(TTA))
"""The same with the averaged views, as in the file names of `mien evaluate`; a single view comes first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluated:
    """One evaluated run.

    Attributes:
        name: unique in the comparison: recipe and seed, or the folder's name if these are not unique.
        run: the run.
        report: its figures on the comparison's split.
        predictions: the predictions they were computed from.
        parameters: number of weights of the network; None if the run has no model folder.
        published: the source's figures beside ours.
    """

    name: str
    run: Run
    report: Report
    predictions: Predictions
    parameters: int | None
    published: tuple[Beside, ...]

    @property
    def full(self) -> Metrics:
        """Figures of the whole split; `read_evaluated` has checked that it has labels."""
        assert self.report.full is not None
        return self.report.full

    def faces_in(self, data: FaceDataset) -> FaceDataset:
        """Return the faces of the predictions, from the data set that the run was evaluated on.

        Raises:
            DataError: `data` does not hold them.
        """
        return self.predictions.faces_of(data, str(self.run.folder), self.report.data_source)

    def figures(self) -> dict[str, Any]:
        """Return the row of a table of results: rates in 0..1, None if unknown."""
        full, twin_free = self.full, self.report.twin_free
        return {
            "name": self.name,
            "run": self.run.name,
            "recipe": self.run.recipe.name,
            "seed": self.run.environment["seed"],
            "split": self.report.split,
            "tta": self.report.tta,
            "parameters": self.parameters,
            "n": full.n,
            "accuracy": full.accuracy,
            "accuracy_low": full.accuracy_low,
            "accuracy_high": full.accuracy_high,
            "twin_free_n": None if twin_free is None else twin_free.n,
            "twin_free_accuracy": None if twin_free is None else twin_free.accuracy,
            "twin_free_accuracy_low": None if twin_free is None else twin_free.accuracy_low,
            "twin_free_accuracy_high": None if twin_free is None else twin_free.accuracy_high,
            "balanced_accuracy": full.balanced_accuracy,
            "macro_f1": full.macro_f1,
            "log_loss": full.log_loss,
            "ece": full.ece,
            "top2_accuracy": full.top2_accuracy,
            "gap": self.report.gap,
        }


def exported_card(run: Run) -> Card | None:
    """Return the card of a run's own model folder; None if it has none.

    Raises:
        ModelError: the folder is damaged.
    """
    folder = run.folder / "model"
    return Card.read(folder) if (folder / CARD_FILE).is_file() else None


def scored_splits(run: Run) -> list[str]:
    """Return the labelled splits on which a run was evaluated, in the preferred order.

    Their names include averaged views, as those of the files do: ``PublicTest-flip``.
    """
    files = {split: report_file(run.folder, split) for split in _PREFERRED}
    return [split for split, file in files.items() if file.is_file() and Report.read(file).full is not None]


def common_split(runs: Sequence[Run]) -> str:
    """Return the preferred split among those on which all runs are scored.

    Raises:
        DataError: there is none; the message lists the splits of each run, or names a run that has not finished.
    """
    scored = [(run.name, scored_splits(run)) for run in runs]
    for split in _PREFERRED:
        if all(split in splits for _, splits in scored):
            return split
    for run in runs:
        _refuse_unfinished(run)
    has = "; ".join(f"{name}: {', '.join(splits) or 'none'}" for name, splits in scored)
    raise DataError(f"no labelled split on which all runs were evaluated ({has}). Run `mien evaluate RUN` first.")


def _refuse_unfinished(run: Run) -> None:
    """Refuse an unfinished run instead of asking for `mien evaluate`, which would refuse it."""
    if not run.finished:
        done = run.environment.get("epochs_run", 0)
        raise DataError(
            f"{run.folder}: not finished, {done} of {run.recipe.epochs} epochs; run the same `mien train` again, then "
            f"`mien evaluate {run.folder}`."
        )


def predictions_behind(run: Run, split: str, report: Report) -> Predictions:
    """Read the predictions that a run's `report` on a split was computed from.

    Raises:
        DataError: they cannot be read, or their figures differ from the report's.
    """
    file = predictions_file(run.folder, split)
    again = f"Run `{_evaluate_command(run, split)}` again."
    try:
        predictions = Predictions.read(file)
    except DataError as error:
        raise DataError(f"{error} {again}") from error
    found = report_of(predictions)
    counted = [(each.n_total, each.n_scored, each.full and each.full.confusion) for each in (found, report)]
    if counted[0] != counted[1]:
        raise DataError(
            f"{file}: {_in_words(found)}, but the report beside it has {_in_words(report)}; one of the two is damaged. "
            f"{again}"
        )
    return predictions


def _in_words(report: Report) -> str:
    accuracy = "no labels" if report.full is None else f"accuracy {percent(report.full.accuracy)}"
    return f"{report.n_total:,} faces, {accuracy}"


def _evaluate_command(run: Run, split: str) -> str:
    """The command that evaluates a run on a split, whose name may include views, as in ``PublicTest-flip``."""
    return f"mien evaluate {run.folder} --split {split.replace('-', ' --tta ', 1)}"


def read_evaluated(run: Run, split: str, name: str) -> Evaluated:
    """Read the results of `mien evaluate` from a run.

    Raises:
        DataError: the run has not finished or was not evaluated on the split, the split has no labels, or one of the
            files is damaged.
    """
    file = report_file(run.folder, split)
    if not file.is_file():
        _refuse_unfinished(run)
        has = ", ".join(scored_splits(run)) or "nothing"
        raise DataError(f"{run.folder}: evaluated on {has}, not on {split}; run `{_evaluate_command(run, split)}`.")
    report = Report.read(file)
    if report.full is None:
        raise DataError(f"{run.folder}: {split} has no labels, only predictions; there is nothing to compare.")
    predictions = predictions_behind(run, split, report)
    card = exported_card(run)
    return Evaluated(
        name=name,
        run=run,
        report=report,
        predictions=predictions,
        parameters=None if card is None else card.parameters,
        published=tuple(beside_published(run, report, predictions)),
    )
