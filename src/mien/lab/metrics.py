"""Metrics of one table of predictions, on all its faces and on its twin-free part."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.lab.predictions import Predictions
from mien.lab.recipe import Figure
from mien.lab.statistics import McNemar, PairedDifference, mcnemar, paired_difference, wilson_interval
from mien.labels import LabelSet

__all__ = [
    "CalibrationBin",
    "ClassMetrics",
    "McNemar",
    "Metrics",
    "PairedDifference",
    "Predictions",
    "Report",
    "mcnemar",
    "measure",
    "paired_difference",
    "report_of",
    "wilson_interval",
]

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """One class against all others. Rates; 0 where undefined, as nothing was predicted or nothing is there.

    Attributes:
        name: the class.
        support: faces with this label.
        precision: share of the faces predicted as this class that are of it.
        recall: share of the faces of this class that are predicted as it.
        f1: harmonic mean of both.
    """

    name: str
    support: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Faces whose confidence lies in ``(low, high]``: how sure the model is and how often it is right.

    Attributes:
        low: lower edge of the bin.
        high: upper edge of the bin.
        n: faces in it.
        confidence: their mean confidence; None where there are none.
        accuracy: share of them that is right; None where there are none.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Figures of one set of labelled faces; rates in 0..1.

    Attributes:
        n: faces they come from.
        accuracy: share of faces whose most probable class is the label.
        accuracy_low: lower end of the accuracy's 95 % interval (Wilson).
        accuracy_high: upper end.
        balanced_accuracy: mean recall over the classes that have faces.
        macro_precision: plain mean over all classes.
        macro_recall: plain mean over all classes.
        macro_f1: plain mean over all classes.
        log_loss: mean of -ln p(label).
        top2_accuracy: share of faces whose label is among the two most probable classes.
        ece: expected calibration error over `calibration`: mean of |accuracy - confidence|, weighted by n.
        per_class: in the order of the label set.
        confusion: ``[label][predicted]`` counts.
        confusion_rates: ``[label][predicted]`` as a share of the label's faces; 0 where it has none.
        calibration: 15 bins of confidence, equally wide.
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


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a model reaches on one split; stored as `report-SPLIT.json`.

    Attributes:
        model: the card's name.
        model_sha256: of the `model.onnx` that was measured.
        split: name of the split.
        label_set: the classes, in the order of every table here.
        n_total: faces of the split.
        n_scored: those that have a label.
        tta: test-time augmentation: ``"none"``, ``"flip"`` or ``"ten-crop"``.
        full: figures of all scored faces; None where none has a label.
        twin_free: figures of those without a twin in Training; None where unlabelled or Training was not at hand.
        train_accuracy: accuracy on the training faces, while training (augmentation and dropout on), of the kept
            epoch; None where not known.
        validation_accuracy: of the kept epoch; None where not known.
        data_source: what was read, for the reader.
        data_fingerprint: SHA-256 of the faces and labels of the split.
        provenance: recipe, seed, commit and the like, from the model's card.
        remarks: sentences that belong beside the figures.
    """

    model: str
    model_sha256: str
    split: str
    label_set: LabelSet
    n_total: int
    n_scored: int
    tta: str
    full: Metrics | None
    twin_free: Metrics | None
    train_accuracy: float | None = None
    validation_accuracy: float | None = None
    data_source: str = ""
    data_fingerprint: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def gap(self) -> float | None:
        """Train minus test accuracy; None where one of them is not known."""
        raise NotImplementedError

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        raise NotImplementedError

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read a report that `write` made.

        Raises:
            DataError: the file is missing or not a report of this mien.
        """
        raise NotImplementedError

    def compare(self, published: tuple[Figure, ...]) -> str:
        """Return a table, as text, of the published figures beside ours."""
        raise NotImplementedError


def measure(predictions: Predictions) -> Metrics | None:
    """Return the figures of the labelled faces; None where there are none."""
    raise NotImplementedError


def report_of(
    predictions: Predictions,
    *,
    model: str = "",
    model_sha256: str = "",
    tta: str = "none",
    train_accuracy: float | None = None,
    validation_accuracy: float | None = None,
    data_source: str = "",
    data_fingerprint: str = "",
    provenance: dict[str, Any] | None = None,
    remarks: tuple[str, ...] = (),
) -> Report:
    """Measure a table of predictions, full and twin-free."""
    raise NotImplementedError
