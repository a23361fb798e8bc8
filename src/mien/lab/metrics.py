"""Metrics of a table of predictions, for all its faces and for the twin-free ones."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.groups import Groups
from mien.lab.predictions import TTA, Predictions
from mien.lab.reliability import CalibrationBin, calibration_bins, calibration_error
from mien.lab.selective import CoveragePoint, area_under_risk_coverage, coverage_curve
from mien.lab.statistics import wilson_interval
from mien.labels import LabelSet
from mien.writing import replacing

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """One class against all others. Rates are 0 if undefined: the class was never predicted, or has no faces.

    Attributes:
        name: the class.
        support: number of faces with this label.
        precision: share of the faces predicted as this class that belong to it.
        recall: share of the faces of this class that are predicted as it.
        f1: harmonic mean of precision and recall.
    """

    name: str
    support: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Figures of one set of labelled faces; rates in 0..1.

    Attributes:
        n: number of faces.
        accuracy: share of faces whose most probable class is the label.
        accuracy_low: lower end of the accuracy's 95 % interval (Wilson).
        accuracy_high: upper end.
        balanced_accuracy: mean recall over the classes that have faces.
        macro_precision, macro_recall, macro_f1: unweighted means over the classes that are a label or a prediction.
        log_loss: mean of -ln p(label).
        top2_accuracy: share of faces whose label is among the two most probable classes.
        ece: expected calibration error over `calibration`: mean of |accuracy - confidence|, weighted by n.
        per_class: in the order of the label set.
        confusion: ``[label][predicted]`` counts.
        confusion_rates: ``[label][predicted]`` as a share of the label's faces; 0 if it has none.
        calibration: 15 bins of confidence, equally wide.
        aurc: area under the risk-coverage curve, low if errors have low confidence; None in reports of older versions.
        coverage_curve: results on the most confident 10, 20, ... 100 % of the faces; empty in reports of older
            versions.
    """

    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    log_loss: float
    top2_accuracy: float
    ece: float
    per_class: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    confusion_rates: tuple[tuple[float, ...], ...]
    calibration: tuple[CalibrationBin, ...]
    aurc: float | None = None
    coverage_curve: tuple[CoveragePoint, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """Results of a model on one split; stored as `report-SPLIT.json`, and shown by `print` as `mien evaluate` does.

    Attributes:
        split: name of the split.
        label_set: the classes, in the order of every table here.
        n_total: number of faces of the split.
        n_scored: number of those with a label.
        full: figures of all scored faces; None if there are none.
        twin_free: figures of those without a twin in Training; None if unlabelled or Training was not available.
        model: the card's name; empty if unknown.
        model_sha256: SHA-256 of the `model.onnx` that was measured.
        confidence_fit: the card's parameters of calibration; empty if unknown.
        tta: views that were averaged.
        train_accuracy: of the kept epoch, during training (with augmentation and dropout); None if unknown.
        validation_accuracy: of the kept epoch; None if unknown.
        data_source: name of the data that was read.
        data_fingerprint: SHA-256 of the faces and labels of the split; empty if they were not available.
        provenance: recipe, seed, commit and the like, from the model's card.
        remarks: sentences to print with the figures.
        groups: figures of each group of faces; None if not requested.
    """

    split: str
    label_set: LabelSet
    n_total: int
    n_scored: int
    full: Metrics | None
    twin_free: Metrics | None
    model: str = ""
    model_sha256: str = ""
    confidence_fit: dict[str, float] = field(default_factory=dict)
    tta: TTA = "none"
    train_accuracy: float | None = None
    validation_accuracy: float | None = None
    data_source: str = ""
    data_fingerprint: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    groups: Groups | None = None

    def __str__(self) -> str:
        from mien.lab.pages.figure_tables import report_tables  # it imports metrics

        tables = [table.plain() for table in report_tables(self)]
        unlabelled = f"{self.model or 'predictions'} on {self.split}: {self.n_total:,} faces predicted"
        return "\n\n".join([*(tables or [unlabelled]), *(["\n".join(self.remarks)] if self.remarks else [])])

    @property
    def gap(self) -> float | None:
        """Train minus test accuracy; None if either is unknown."""
        if self.train_accuracy is None or self.full is None:
            return None
        return self.train_accuracy - self.full.accuracy

    def to_json(self) -> str:
        """Return the report as JSON."""
        row = {"schema": SCHEMA, **asdict(self), "label_set": list(self.label_set), "gap": self.gap}
        return json.dumps(row, indent=2) + "\n"

    def write(self, path: Path) -> None:
        """Write the report as JSON, atomically; raises a `ModelError` if that fails."""
        with replacing(path) as part:
            part.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read a report that `write` wrote.

        Raises:
            DataError: the file is missing or not a report of this version of mien.
        """
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            if row.pop("schema") != SCHEMA:
                raise ValueError(f"its schema is not {SCHEMA}")
            row.pop("gap")
            row |= {"label_set": LabelSet(tuple(row["label_set"])), "remarks": tuple(row["remarks"])}
            row |= {part: row[part] and _metrics_from(row[part]) for part in ("full", "twin_free")}
            groups = row.get("groups")  # missing in reports of earlier versions
            return cls(**row | {"groups": groups and Groups.from_row(groups)})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}: not a report of this version of mien ({error}); run `mien evaluate` again."
            ) from error


def _metrics_from(row: dict[str, Any]) -> Metrics:
    return Metrics(
        **row
        | {
            "per_class": tuple(ClassMetrics(**each) for each in row["per_class"]),
            "calibration": tuple(CalibrationBin(**each) for each in row["calibration"]),
            "coverage_curve": tuple(CoveragePoint(**each) for each in row.get("coverage_curve", ())),
            "confusion": tuple(map(tuple, row["confusion"])),
            "confusion_rates": tuple(map(tuple, row["confusion_rates"])),
        }
    )


def measure(predictions: Predictions) -> Metrics | None:
    """Return the figures of the labelled faces; None if there are none."""
    scored = predictions.take(predictions.labels >= 0)
    n = len(scored)
    if n == 0:
        return None
    confusion = _confusion(scored)
    right, support, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall, f1 = _ratio(right, predicted), _ratio(right, support), _ratio(2 * right, support + predicted)
    low, high = wilson_interval(int(right.sum()), n)
    bins = calibration_bins(scored)
    top2 = np.argsort(-scored.probabilities, axis=1, kind="stable")[:, :2]
    occurs = support + predicted > 0
    columns = (scored.label_set, support.tolist(), precision.tolist(), recall.tolist(), f1.tolist())
    return Metrics(
        n=n,
        accuracy=float(right.sum() / n),
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=float(recall[support > 0].mean()),
        macro_precision=float(precision[occurs].mean()),
        macro_recall=float(recall[occurs].mean()),
        macro_f1=float(f1[occurs].mean()),
        log_loss=float(log_losses(scored).mean()),
        top2_accuracy=float((top2 == scored.labels[:, None]).any(axis=1).mean()),
        ece=calibration_error(bins),
        per_class=tuple(
            ClassMetrics(name=name, support=count, precision=p, recall=r, f1=f)
            for name, count, p, r, f in zip(*columns, strict=True)
        ),
        confusion=tuple(map(tuple, confusion.tolist())),
        confusion_rates=tuple(map(tuple, rates_of(confusion).tolist())),
        calibration=bins,
        aurc=area_under_risk_coverage(scored.confidence, scored.correct),
        coverage_curve=coverage_curve(scored.confidence, scored.correct),
    )


def _confusion(scored: Predictions) -> npt.NDArray[np.int64]:
    """Counts ``(K, K)``, row = label, column = predicted."""
    k = len(scored.label_set)
    return np.bincount(scored.labels * k + scored.predicted, minlength=k * k).reshape(k, k)


def rates_of(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return each row of a confusion matrix ``(K, K)`` as shares of its sum; a class without faces gets zeros."""
    return _ratio(confusion, confusion.sum(axis=1, keepdims=True))


def log_losses(scored: Predictions) -> npt.NDArray[np.float64]:
    """Return -ln p(label) of labelled faces, ``(N,)``; probabilities are clipped as in scikit-learn."""
    of_label = scored.probabilities[np.arange(len(scored)), scored.labels]
    losses: npt.NDArray[np.float64] = -np.log(np.maximum(of_label, np.finfo(np.float64).eps))
    return losses


def _ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return ``part / whole``, 0 where `whole` is 0, as scikit-learn's ``zero_division=0``."""
    return part / np.maximum(whole, 1)


def report_of(predictions: Predictions) -> Report:
    """Measure a table of predictions, full and twin-free; the caller adds the model and the data."""
    new = predictions.twin_free
    return Report(
        split=predictions.split,
        label_set=predictions.label_set,
        n_total=len(predictions),
        n_scored=int((predictions.labels >= 0).sum()),
        full=measure(predictions),
        twin_free=None if new is None else measure(predictions.take(new)),
    )
