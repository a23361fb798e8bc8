"""Results: compact records of evaluated runs, kept in the repository; every figure in the docs refers to one."""

from __future__ import annotations

import csv
import json
import subprocess
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.card import Card
from mien.errors import DataError, RecipeError
from mien.lab.data import PRIVATE
from mien.lab.evaluated import exported_card, predictions_behind
from mien.lab.metrics import Report
from mien.lab.nets.imported import NETWORK
from mien.lab.predictions import RECORD, Predictions
from mien.lab.published import Beside, beside_published
from mien.lab.recipe import Recipe
from mien.lab.recipe import io as recipe_io
from mien.lab.record_fields import check_fields
from mien.lab.run import Run
from mien.writing import replacing

SCHEMA = 1
HISTORY_TABLE = "history.csv"
DIGITS = 6
"""Decimals of a recorded probability."""
MOST_FACES = 10_000
"""A record leaves out predictions on more faces than this."""

_REPAIR = "add the run again, or restore the file from the repository."
_DERIVED = ("calibration", "coverage_curve", "confusion_rates")  # can be computed from the predictions or the counts


@dataclass(frozen=True)
class Record:
    """What `results/RUN/run.json` holds.

    Attributes:
        folder: the record's folder, named after the run.
        row: schema, recipe, environment, parameters, weights (float or int8; not in the oldest), reports by split,
            published figures beside ours.
    """

    folder: Path
    row: dict[str, Any]

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of the run.

        Raises:
            DataError: it is of another version of mien, or damaged.
        """
        try:
            return recipe_io.from_row(self.row["recipe"])
        except RecipeError as error:
            reason = str(error).rstrip(".")
            raise DataError(
                f"{self.folder / RECORD}: not a record of this version of mien ({reason}); {_REPAIR}"
            ) from error

    @property
    def published(self) -> list[Beside]:
        """The source's figures beside the run's."""
        return [Beside.from_row(row) for row in self.row["published"]]

    @property
    def environment(self) -> dict[str, Any]:
        """The run's environment: seed, commit, data, weights and more."""
        environment: dict[str, Any] = self.row["environment"]
        return environment

    @property
    def scored_reports(self) -> list[dict[str, Any]]:
        """The reports on splits with labels; one for each test-time augmentation."""
        return [report for report in self.row["reports"].values() if report["full"] is not None]

    def history(self) -> list[dict[str, float]]:
        """Return the rows of ``history.csv``; figures that were not measured, as without validation, are left out.

        Raises:
            DataError: it cannot be read.
        """
        file = self.folder / HISTORY_TABLE
        try:
            with file.open(encoding="utf-8", newline="") as handle:
                rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(handle)]
            if not all("epoch" in row for row in rows):
                raise ValueError("a line without epoch")
            return rows
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{file}: not the history of a record ({error}); {_REPAIR}") from error


def add(run: Run, results: str | Path) -> Path:
    """Write a record of an evaluated run to ``results/RUN/``, in place of an earlier record of this run.

    It writes ``run.json`` (recipe, environment, figures of every evaluated split, full and twin-free),
    ``history.csv``, and ``predictions.csv`` of PrivateTest where that split was predicted, with rounded probabilities
    (``predictions-flip.csv``: averaged with mirror images); for a user's own network, the run's copies of its code.

    Args:
        run: a finished and evaluated run.
        results: the folder of records, in the repository whose code trained the run.

    Returns:
        The record's folder.

    Raises:
        DataError: the run has not finished or not been evaluated, a report does not fit the model file or the
            predictions beside it, the commit is unknown or changed, the record would lie in the run itself or replace
            that of another run, or it cannot be written.
    """
    results = Path(results)
    if not run.finished:
        done = run.environment["epochs_run"]
        raise DataError(f"{run.folder}: not finished, {done} of {run.recipe.epochs} epochs; resume it, then evaluate.")
    for commit in run.commits:
        check_commit(commit, str(run.folder), results)
    reports = {
        file.stem.removeprefix("report-"): Report.read(file) for file in sorted(run.folder.glob("report-*.json"))
    }
    if not reports:
        raise DataError(f"{run.folder}: not evaluated; run `mien evaluate {run.folder}` first.")
    card = exported_card(run)
    _check_model(run, card, reports)
    folder = results / run.name
    if folder.resolve() == run.folder.resolve():  # the files of an earlier record are deleted
        raise DataError(f"{folder}: is the run itself; name another folder for records, such as --results results.")
    _refuse_other_run(run, folder / RECORD)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / RECORD, DataError) as part:
            part.write_text(json.dumps(_row(run, card, reports), indent=1) + "\n", encoding="utf-8")
        _write_history(run, folder / HISTORY_TABLE)
        for earlier in folder.glob("predictions*.csv"):
            earlier.unlink()
        for code in run.folder.glob(f"{Path(NETWORK).stem}*.py"):  # no commit holds a user's own network
            (folder / code.name).write_bytes(code.read_bytes())
        for private in run.folder.glob(f"predictions-{PRIVATE}*.csv"):
            _copy_predictions(private, folder / private.name.replace(f"-{PRIVATE}", ""))
    except OSError as error:
        raise DataError(f"{folder}: the record cannot be written ({error}).") from error
    return folder


def _refuse_other_run(run: Run, file: Path) -> None:
    """Refuse to replace the record of another run of the same name, unless that record is damaged."""
    try:
        known = read_record(file).environment
    except DataError:
        return
    here = run.environment
    if other := [name for name in ("started", "device", "commit", "seed") if known.get(name) != here.get(name)]:
        words = ", ".join(f"{name} {known.get(name)}" for name in other)
        raise DataError(
            f"{file}: is the record of another run of this name ({words}); rename the folder {run.folder} to keep "
            "both, or delete that record first."
        )


def check_commit(commit: str, of: str, results: Path) -> None:
    """Check that whoever reads a record can check out the code that made it.

    Args:
        commit: as `mien.lab.provenance.current_commit` gives it.
        of: what it made, for messages.
        results: the folder of records.

    Raises:
        DataError: the commit is not known, was changed, or is not in the repository that holds `results`.
    """
    if commit == "unknown":
        raise DataError(f"{of}: its commit is unknown; train from a clone of the repository to keep a record.")
    if commit.endswith("+dirty"):
        raise DataError(f"{of}: commit {commit}: the code was changed after that commit; commit it and train again.")
    there = next(place for place in (results, *results.resolve().parents) if place.is_dir())
    try:
        subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=there, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise DataError(f"{of}: commit {commit} is not in the git repository that holds {results}.") from error


def _check_model(run: Run, card: Card | None, reports: dict[str, Report]) -> None:
    """Check that all reports are of the run's current model: a record describes one model."""
    if card is None:
        return
    for name, report in reports.items():
        if report.model_sha256 != card.sha256:
            what = f"another model file (SHA-256 {report.model_sha256[:12]}, now {card.sha256[:12]})"
        elif report.confidence_fit not in ({}, card.confidence_fit):
            what = "the same model before it was recalibrated"
        else:
            continue
        raise DataError(
            f"{run.folder}: the report on {name} is of {what}; evaluate again, or delete report-{name}.json and "
            f"predictions-{name}.csv."
        )


def _row(run: Run, card: Card | None, reports: dict[str, Report]) -> dict[str, Any]:
    """What `run.json` holds."""
    predictions = {name: predictions_behind(run, name, report) for name, report in reports.items()}
    beside = (row for name, report in reports.items() for row in beside_published(run, report, predictions[name]))
    return {
        "schema": SCHEMA,
        "run": run.name,
        "recipe": recipe_io.to_row(run.recipe),
        "environment": run.environment,
        "parameters": None if card is None else card.parameters,
        "weights": "int8" if card is not None and "quantization" in card.provenance else "float",
        "reports": {name: _compact(report) | {"right": _right(predictions[name])} for name, report in reports.items()},
        "published": [row.to_row() for row in beside],
    }


def _compact(report: Report) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(report.to_json())
    for part in ("full", "twin_free"):
        row[part] = row[part] and {key: value for key, value in row[part].items() if key not in _DERIVED}
    return {key: value for key, value in row.items() if key not in ("schema", "provenance")}


def _right(predictions: Predictions) -> str:
    """Which of the scored faces the model gets right, in order: one bit per face, as hexadecimal digits."""
    return np.packbits(predictions.correct[predictions.labels >= 0]).tobytes().hex()


def right_faces(report: dict[str, Any]) -> npt.NDArray[np.bool_] | None:
    """Return which scored faces of a recorded report are right, ``(n,)``; None if the record is too old to have it."""
    if "right" not in report:
        return None
    bits = np.frombuffer(bytes.fromhex(report["right"]), np.uint8)
    return np.unpackbits(bits, count=report["n_scored"]).astype(np.bool_)


def _write_history(run: Run, file: Path) -> None:
    history = run.history()
    with file.open("w", encoding="utf-8", newline="") as handle:
        table = csv.DictWriter(handle, history[0] if history else ["epoch"], lineterminator="\n")
        table.writeheader()
        table.writerows(history)


def _copy_predictions(source: Path, target: Path) -> None:
    """Copy predictions with rounded probabilities; the predicted class stays the most probable one."""
    predictions = Predictions.read(source)
    if len(predictions) > MOST_FACES:
        return
    rounded = predictions.probabilities.round(DIGITS)
    tied = np.flatnonzero(rounded.argmax(axis=1) != predictions.predicted)
    rounded[tied, predictions.predicted[tied]] += 10**-DIGITS
    replace(predictions, probabilities=rounded).write(target)


def records(results: Path) -> list[Record]:
    """Read all records, by name.

    Raises:
        DataError: as `read_record`.
    """
    return [read_record(file) for file in sorted(results.glob(f"*/{RECORD}"))]


def read_record(file: Path) -> Record:
    """Read a ``run.json`` that `add` wrote.

    Raises:
        DataError: it cannot be read, is of another schema, or a field is missing or of another type.
    """
    try:
        row = json.loads(file.read_text(encoding="utf-8"))
        if row["schema"] != SCHEMA:
            raise ValueError(f"schema {row['schema']}, expected {SCHEMA}")
        check_fields(row)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file}: not a record of this version of mien ({error}); {_REPAIR}") from error
    return Record(file.parent, row)
