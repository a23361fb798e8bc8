"""Record fields: the required fields of a run's record and their types, to report damage before a record is used."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_NUMBER = int | float

# type -> names of the fields that have it
_RECORD = {str: "run", dict: "recipe environment reports", int | None: "parameters", list: "published"}
_ENVIRONMENT = {
    int: "seed epochs_run",
    str: "commit data_fingerprint",
    list: "label_set",
    str | None: "weights weights_sha256",
}
_REPORT = {
    str: "split tta model model_sha256 data_source data_fingerprint",
    list: "remarks",
    int: "n_scored",
    _NUMBER | None: "train_accuracy validation_accuracy gap",
    dict | None: "full twin_free",
}
_METRICS = {int: "n", _NUMBER: "accuracy accuracy_low accuracy_high macro_f1 log_loss ece", list: "confusion"}
_PUBLISHED = {
    dict: "figure",
    _NUMBER: "value",
    _NUMBER | None: "low high",
    str: "split unlike",
    int | None: "n",
    bool: "while_training",
}
_FIGURE = {str: "metric split place", _NUMBER: "value"}


def check_fields(row: Mapping[str, Any]) -> None:
    """Check that a record has the fields that tables and pages read, except those that the oldest records lack.

    Args:
        row: content of ``run.json``.

    Raises:
        ValueError: a field is missing or of another type; the message names it, such as ``reports.PublicTest.full.n``.
    """
    _check(row, _RECORD, "")
    environment = row["environment"]
    _check(environment, _ENVIRONMENT, "environment.")
    if (environment["weights"] is None) != (environment["weights_sha256"] is None):
        raise ValueError("environment has one of weights and weights_sha256 without the other")
    for name, report in row["reports"].items():
        _check_report(report, f"reports.{name}.")
    for at, beside in enumerate(row["published"]):
        _check(beside, _PUBLISHED, f"published.{at}.")
        _check(beside["figure"], _FIGURE, f"published.{at}.figure.")


def _check_report(report: Any, place: str) -> None:
    _check(report, _REPORT, place)
    for part in ("full", "twin_free"):
        if (metrics := report[part]) is not None:
            _check(metrics, _METRICS, f"{place}{part}.")
            size = len(metrics["confusion"])
            for row in metrics["confusion"]:
                if not (isinstance(row, list) and len(row) == size and all(isinstance(count, int) for count in row)):
                    raise ValueError(f"{place}{part}.confusion is not a square of whole numbers")
    if "right" in report:
        digits = 2 * math.ceil(report["n_scored"] / 8)  # a bit for each face, in whole bytes, as hexadecimal digits
        if not (isinstance(report["right"], str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", report["right"])):
            raise ValueError(f"{place}right does not have a bit for each of {report['n_scored']:,} faces")


def _check(fields: Any, types: Mapping[Any, str], place: str) -> None:
    if not isinstance(fields, dict):
        raise ValueError(f"{place.rstrip('.')} is {fields!r}")
    for kind, names in types.items():
        for name in names.split():
            if name not in fields:
                raise ValueError(f"without {place}{name}")
            if not isinstance(fields[name], kind):
                raise ValueError(f"{place}{name} is {fields[name]!r}")
