"""Evaluated models: figures and predictions on one split, as written by `mien evaluate`, and the run behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from mien.card import CARD_FILE, Card
from mien.errors import DataError, ModelError
from mien.lab.data import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset
from mien.lab.metrics import Metrics, Report, report_of
from mien.lab.predictions import TTA, Predictions, predictions_file, report_file, scored_as
from mien.lab.published import Beside, beside_published
from mien.lab.recipe.io import is_run
from mien.lab.run import Run
from mien.lab.tables import percent
from mien.recognizer import find_model, shipped_models

PREFERRED_SPLITS = (TEST, PUBLIC, PRIVATE, TRAINING)
"""If no split is named, the first of these that was evaluated and has labels is used.

Only users' own data has both Test and PublicTest; its PublicTest is for validation.
"""

_PREFERRED = tuple(scored_as(split, tta) for split in PREFERRED_SPLITS for tta in get_args(TTA))
"""The same with the averaged views, as in the file names of `mien evaluate`; a single view comes first."""

Source = Run | Path
"""A run, or a folder with the results of another model, as ``mien evaluate MODEL --out FOLDER`` writes it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluated:
    """One evaluated run, or another model's results.

    Attributes:
        name: unique in the comparison: recipe and seed, the model's name, or the folder's if these are not unique.
        folder: of the results.
        trained: the run; None for another model.
        report: its figures on the comparison's split.
        predictions: the predictions they were computed from.
        parameters: number of weights of the network; None if the run has no model folder, or for another model, unless
            it ships.
        published: the source's figures beside ours.
    """

    name: str
    folder: Path
    trained: Run | None
    report: Report
    predictions: Predictions
    parameters: int | None
    published: tuple[Beside, ...]

    @property
    def run(self) -> Run:
        """The run.

        Raises:
            DataError: there is none.
        """
        if self.trained is None:
            raise DataError(f"{self.folder}: results of a model, not a run; only `mien compare` takes them.")
        return self.trained

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
        return self.predictions.faces_of(data, str(self.folder), self.report.data_source)

    def figures(self) -> dict[str, Any]:
        """Return the row of a table of results: rates in 0..1, None if unknown."""
        full, twin_free, run = self.full, self.report.twin_free, self.trained
        return {
            "name": self.name,
            "run": self.folder.resolve().name,
            "recipe": None if run is None else run.recipe.name,
            "seed": None if run is None else run.environment["seed"],
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


def open_source(given: Run | str | Path) -> Source:
    """Return a run, or the folder of another model's results.

    Raises:
        ModelError: it is neither.
    """
    if isinstance(given, Run):
        return given
    folder = Path(given)
    if str(folder) in shipped_models() and not folder.is_dir():
        remedy = f"`mien compare` takes the folder of `mien evaluate {folder} --out FOLDER`"
        raise ModelError(f"{folder}: is a model that ships, not a run; {remedy}.")
    results = any(report_file(folder, split).is_file() for split in _PREFERRED)
    return folder if results and not is_run(folder) else Run.open(folder)


def folder_of(source: Source) -> Path:
    """Return the folder that has the results."""
    return source.folder if isinstance(source, Run) else source


def scored_splits(folder: Path) -> list[str]:
    """Return the labelled splits of which a folder has results, in the preferred order.

    Their names include averaged views, as those of the files do: ``PublicTest-flip``.
    """
    files = {split: report_file(folder, split) for split in _PREFERRED}
    return [split for split, file in files.items() if file.is_file() and Report.read(file).full is not None]


def common_split(sources: Sequence[Source]) -> str:
    """Return the preferred split among those on which all are scored.

    Raises:
        DataError: there is none; the message lists the splits of each, or names a run that has not finished.
    """
    folders = [folder_of(source) for source in sources]
    scored = [(folder.resolve().name, scored_splits(folder)) for folder in folders]
    for split in _PREFERRED:
        if all(split in splits for _, splits in scored):
            return split
    for source in sources:
        _refuse_unfinished(source)
    has = "; ".join(f"{name}: {', '.join(splits) or 'none'}" for name, splits in scored)
    remedy = "Run `mien evaluate` first, for all on the same --split and with the same --tta."
    raise DataError(f"no labelled split on which all runs were evaluated ({has}). {remedy}")


def _refuse_unfinished(source: Source) -> None:
    """Refuse an unfinished run instead of asking for `mien evaluate`, which would refuse it."""
    if isinstance(source, Run) and not source.finished:
        done = source.environment.get("epochs_run", 0)
        raise DataError(
            f"{source.folder}: not finished, {done} of {source.recipe.epochs} epochs; run the same `mien train` again, "
            f"then `mien evaluate {source.folder}`."
        )


def predictions_behind(source: Source, split: str, report: Report) -> Predictions:
    """Read the predictions that the `report` on a split was computed from.

    Raises:
        DataError: they cannot be read, or their figures differ from the report's.
    """
    file = predictions_file(folder_of(source), split)
    again = f"Run `{_evaluate_command(source, split)}` again."
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


def _evaluate_command(source: Source, split: str) -> str:
    """The command that evaluates a model on a split, whose name may include views, as in ``PublicTest-flip``."""
    what, out = (source.folder, "") if isinstance(source, Run) else ("MODEL", f" --out {source}")
    return f"mien evaluate {what} --split {split.replace('-', ' --tta ', 1)}{out}"


def read_evaluated(source: Source, split: str, name: str) -> Evaluated:
    """Read the results of `mien evaluate` from a run or a folder.

    Raises:
        DataError: the run has not finished or was not evaluated on the split, the split has no labels, or one of the
            files is damaged.
    """
    folder = folder_of(source)
    file = report_file(folder, split)
    if not file.is_file():
        _refuse_unfinished(source)
        has = ", ".join(scored_splits(folder)) or "nothing"
        raise DataError(f"{folder}: evaluated on {has}, not on {split}; run `{_evaluate_command(source, split)}`.")
    report = Report.read(file)
    if report.full is None:
        raise DataError(f"{folder}: {split} has no labels, only predictions; there is nothing to compare.")
    predictions = predictions_behind(source, split, report)
    run = source if isinstance(source, Run) else None
    card = _shipped_card(report) if run is None else exported_card(run)
    return Evaluated(
        name=name,
        folder=folder,
        trained=run,
        report=report,
        predictions=predictions,
        parameters=None if card is None else card.parameters,
        published=() if run is None else tuple(beside_published(run, report, predictions)),
    )


def _shipped_card(report: Report) -> Card | None:
    """The card of the model that a report is on, if it ships."""
    card = Card.read(find_model(report.model)) if report.model in shipped_models() else None
    return card if card is not None and card.sha256 == report.model_sha256 else None
