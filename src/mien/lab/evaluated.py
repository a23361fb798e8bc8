"""Evaluated: a run with its figures and predictions on one split, as `mien evaluate` has left them in its folder."""

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
"""Where no split is named, the first of these that has been evaluated and has labels is taken.

Test and PublicTest stand beside each other in data of one's own alone, whose PublicTest is what a training watches.
"""

_PREFERRED = tuple(scored_as(split, tta) for split in PREFERRED_SPLITS for tta in get_args(TTA))
"""The same with the views that were averaged, as `mien evaluate` names its files: one view where there is that."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluated:
    """One evaluated run.

    Attributes:
        name: unique in the comparison; recipe and seed, or the folder's name where these are not.
        run: the run.
        report: its figures on the comparison's split.
        predictions: what they come from.
        parameters: weights of the network; None where the run has no model folder.
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
        """Figures of the whole split, which `read_evaluated` has found labelled."""
        assert self.report.full is not None
        return self.report.full

    def faces_in(self, data: FaceDataset) -> FaceDataset:
        """Return the faces of the predictions from the data set that they were evaluated on.

        Raises:
            DataError: `data` does not hold them.
        """
        return self.predictions.faces_of(data, str(self.run.folder), self.report.data_source)

    def figures(self) -> dict[str, Any]:
        """Return what a table of results needs, rates in 0..1, None where not known."""
        full, twin_free = self.full, self.report.twin_free
        return {
            "name": self.name,
            "run": self.run.folder.name,
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
    """Return the card of a run's own model folder; None where it has none.

    Raises:
        ModelError: the folder is damaged.
    """
    folder = run.folder / "model"
    return Card.read(folder) if (folder / CARD_FILE).is_file() else None


def scored_splits(run: Run) -> list[str]:
    """Return the splits on which a run has been evaluated against labels, in the preferred order.

    With averaged views, they are called as the files are: ``PublicTest-flip``.
    """
    files = {split: report_file(run.folder, split) for split in _PREFERRED}
    return [split for split, file in files.items() if file.is_file() and Report.read(file).full is not None]


def common_split(runs: Sequence[Run]) -> str:
    """Return the preferred split among those on which all runs are scored.

    Raises:
        DataError: there is none; the message says which run has which, or which has not finished.
    """
    scored = {run.folder.name: scored_splits(run) for run in runs}
    for split in _PREFERRED:
        if all(split in splits for splits in scored.values()):
            return split
    for run in runs:
        _refuse_unfinished(run)
    has = "; ".join(f"{name}: {', '.join(splits) or 'none'}" for name, splits in scored.items())
    raise DataError(f"no split with labels on which all runs were evaluated ({has}). Run `mien evaluate RUN` first.")


def _refuse_unfinished(run: Run) -> None:
    """Refuse an unfinished run, rather than ask for `mien evaluate`, which would refuse it."""
    if not run.finished:
        done = run.environment.get("epochs_run", 0)
        raise DataError(
            f"{run.folder}: not finished, {done} of {run.recipe.epochs} epochs; run the same `mien train` again, then "
            f"`mien evaluate {run.folder}`."
        )


def predictions_behind(run: Run, split: str, report: Report) -> Predictions:
    """Read the predictions of a run that its `report` on a split was measured from.

    Raises:
        DataError: they cannot be read, or give other figures than the report has.
    """
    file = predictions_file(run.folder, split)
    again = f"Run `{_evaluating(run, split)}` again."
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


def _evaluating(run: Run, split: str) -> str:
    """The command that evaluates a run on a split, or with views, as in ``PublicTest-flip``."""
    return f"mien evaluate {run.folder} --split {split.replace('-', ' --tta ', 1)}"


def read_evaluated(run: Run, split: str, name: str) -> Evaluated:
    """Read what `mien evaluate` has left in a run.

    Raises:
        DataError: the run has not finished or not been evaluated on the split, the split has no labels, or one of the
            files is damaged.
    """
    file = report_file(run.folder, split)
    if not file.is_file():
        _refuse_unfinished(run)
        has = ", ".join(scored_splits(run)) or "nothing"
        raise DataError(f"{run.folder}: evaluated on {has}, not on {split}; run `{_evaluating(run, split)}`.")
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
