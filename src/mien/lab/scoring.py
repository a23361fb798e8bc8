"""Scoring: predictions whose labels became known later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.lab.data import PRIVATE
from mien.lab.evaluation import write_results
from mien.lab.metrics import Report, report_of
from mien.lab.predictions import RECORD, Predictions, scored_as, views_of
from mien.lab.remarks import remarks_on_faces


def score(predictions_csv: str | Path, labels_csv: str | Path, *, out: str | Path | None = None) -> Report:
    """Measure predictions whose labels became known later.

    Facts about the model are taken from the ``report-SPLIT.json`` beside the predictions, or from the ``run.json`` of
    a record, if there is one.

    Args:
        predictions_csv: as written by `evaluate`.
        labels_csv: with the columns `row` and `label` (a word), one line for each line of the predictions.
        out: folder for the labelled predictions and the report.

    Raises:
        DataError: a file cannot be read, or their rows differ; names the rows.
        ModelError: the results cannot be written.
    """
    file = Path(predictions_csv)
    unlabelled = read_predictions(file)
    predictions = unlabelled.with_labels(Path(labels_csv))
    report = report_of(predictions)
    if known := known_report(file, unlabelled):
        outdated = remarks_on_faces(unlabelled)
        report = replace(
            known,
            n_scored=report.n_scored,
            full=report.full,
            twin_free=report.twin_free,
            groups=None,  # measured with the earlier labels, if at all
            data_fingerprint="",  # it covers the labels, which are new
            remarks=(
                *(remark for remark in known.remarks if remark not in outdated),
                *remarks_on_faces(predictions),
            ),
        )
    if out is not None:
        write_results(Path(out), predictions, report)
    return report


def read_predictions(file: Path) -> Predictions:
    """Read the predictions of a run, or of a record, whose probabilities are rounded.

    Raises:
        DataError: as `Predictions.read`.
    """
    predictions = Predictions.read(file)
    if file.with_name(RECORD).is_file():
        predictions = replace(predictions, probabilities=_above_zero(predictions.probabilities))
    return predictions


def _above_zero(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Replace probabilities that a record rounded to 0 by half a unit of the last decimal: 0 ruins the log loss."""
    unit = 1e-4 if np.allclose(probabilities, probabilities.round(4), rtol=0, atol=1e-12) else 1e-6
    return np.maximum(probabilities, unit / 2)


def known_report(predictions_csv: Path, predictions: Predictions) -> Report | None:
    """Return the report beside predictions, or the part that a record keeps; None where there is neither.

    Raises:
        DataError: it cannot be read.
    """
    earlier = predictions_csv.with_name(predictions_csv.name.replace("predictions", "report")).with_suffix(".json")
    if earlier.is_file():
        return Report.read(earlier)
    file = predictions_csv.with_name(RECORD)
    if not file.is_file():
        return None
    from mien.lab.results import read_record  # imports torch, which predictions alone do not need

    record, tta = read_record(file), views_of(predictions_csv)[1]
    kept = record.row["reports"].get(scored_as(PRIVATE, tta))
    if kept is None:
        return None
    names = ("model", "model_sha256", "train_accuracy", "validation_accuracy", "data_source")
    return replace(
        report_of(predictions),
        tta=tta,
        provenance={"recipe": record.row["recipe"], **record.row["environment"]},
        remarks=tuple(kept["remarks"]),
        **{name: kept[name] for name in names},
    )
