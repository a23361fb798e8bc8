"""Record fields: which a record of a run must hold, and of which kind, so that damage is named before it is used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_Kinds = Mapping[str, tuple[type, ...]]

_NOTHING = type(None)
_NUMBER, _NUMBER_OR_NONE = (int, float), (int, float, _NOTHING)
_WORDS, _WORDS_OR_NONE = (str,), (str, _NOTHING)

_RECORD: _Kinds = {
    "run": _WORDS,
    "recipe": (dict,),
    "environment": (dict,),
    "parameters": (int, _NOTHING),
    "reports": (dict,),
    "published": (list,),
}
_ENVIRONMENT: _Kinds = {
    "seed": (int,),
    "commit": _WORDS,
    "data_fingerprint": _WORDS,
    "label_set": (list,),
    "weights": _WORDS_OR_NONE,
    "weights_sha256": _WORDS_OR_NONE,
    "epochs_run": (int,),
}
_REPORT: _Kinds = {
    "split": _WORDS,
    "tta": _WORDS,
    "model": _WORDS,
    "model_sha256": _WORDS,
    "data_source": _WORDS,
    "data_fingerprint": _WORDS,
    "remarks": (list,),
    "n_scored": (int,),
    "train_accuracy": _NUMBER_OR_NONE,
    "validation_accuracy": _NUMBER_OR_NONE,
    "gap": _NUMBER_OR_NONE,
    "full": (dict, _NOTHING),
    "twin_free": (dict, _NOTHING),
}
_FIGURES: _Kinds = {
    "n": (int,),
    "accuracy": _NUMBER,
    "accuracy_low": _NUMBER,
    "accuracy_high": _NUMBER,
    "macro_f1": _NUMBER,
    "log_loss": _NUMBER,
    "ece": _NUMBER,
    "confusion": (list,),
}
_PUBLISHED: _Kinds = {
    "figure": (dict,),
    "value": _NUMBER,
    "low": _NUMBER_OR_NONE,
    "high": _NUMBER_OR_NONE,
    "split": _WORDS,
    "n": (int, _NOTHING),
    "while_training": (bool,),
    "unlike": _WORDS,
}
_PUBLISHED_FIGURE: _Kinds = {"metric": _WORDS, "split": _WORDS, "value": _NUMBER, "place": _WORDS}


def check_fields(row: Mapping[str, Any]) -> None:
    """Check that a record holds what tables and pages read of it; what the oldest records lack may be missing.

    Args:
        row: of ``run.json``.

    Raises:
        ValueError: a field is missing or of another kind; the message names it, as ``reports.PublicTest.full.n``.
    """
    _check(row, _RECORD, "")
    environment = row["environment"]
    _check(environment, _ENVIRONMENT, "environment")
    if (environment["weights"] is None) != (environment["weights_sha256"] is None):
        raise ValueError("environment has one of weights and weights_sha256 without the other")
    for name, report in row["reports"].items():
        _check_report(report, f"reports.{name}")
    for at, beside in enumerate(row["published"]):
        _check(beside, _PUBLISHED, f"published.{at}")
        _check(beside["figure"], _PUBLISHED_FIGURE, f"published.{at}.figure")


def _check_report(report: Any, place: str) -> None:
    _check(report, _REPORT, place)
    for part in ("full", "twin_free"):
        if (figures := report[part]) is None:
            continue
        _check(figures, _FIGURES, f"{place}.{part}")
        rows = figures["confusion"]
        if not all(_is_row_of_counts(each, len(rows)) for each in rows):
            raise ValueError(f"{place}.{part}.confusion is no square of whole numbers")
    if "right" in report and not _is_bits(report["right"], report["n_scored"]):
        raise ValueError(f"{place}.right has not a bit for each of {report['n_scored']:,} faces")


def _check(row: Any, kinds: _Kinds, place: str) -> None:
    if not isinstance(row, dict):
        raise ValueError(f"{place} is {row!r}")
    inside = f"{place}." if place else ""
    for name, kind in kinds.items():
        if name not in row:
            raise ValueError(f"without {inside}{name}")
        if not isinstance(row[name], kind):
            raise ValueError(f"{inside}{name} is {row[name]!r}")


def _is_row_of_counts(row: Any, length: int) -> bool:
    return isinstance(row, list) and len(row) == length and all(isinstance(count, int) for count in row)


def _is_bits(digits: Any, count: int) -> bool:
    """Whether hexadecimal digits hold so many bits, filled up to whole bytes."""
    try:
        return len(bytes.fromhex(digits)) == math.ceil(count / 8)
    except (ValueError, TypeError):
        return False
