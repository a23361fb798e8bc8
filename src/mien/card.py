"""The card of a model folder: what travels with the weights."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.errors import MienError, ModelError
from mien.labels import LabelSet
from mien.preprocess import Preprocess
from mien.writing import replacing

SCHEMA = 1
MODEL_FILE = "model.onnx"
CARD_FILE = "card.json"


@dataclass(frozen=True, kw_only=True)
class Card:
    """All that a user of `model.onnx` must know, stored as `card.json` beside it.

    Attributes:
        name: the model's name, unique among the shipped ones.
        labels: the classes, in the order of the model's outputs.
        preprocess: how a crop becomes the model's input.
        temperature: logits are divided by it before the softmax, so that confidence means accuracy
            (Guo et al. 2017); 1 = not calibrated.
        sharpening: lowers the temperature of faces that the network is sure of, see
            `mien.recognizer.calibrated_softmax`; 0 = one temperature for all.
        uncertain_below: an expression whose confidence is lower is marked uncertain; 0 = never.
        parameters: number of weights.
        sha256: of `model.onnx`; a changed or cut-off file is refused.
        metrics: measured figures by split, each with n, interval, classes and twin-free part.
        provenance: recipe, seed, commit, data fingerprint, versions.
        licence: SPDX expression.
        limits: what the model is not for, in sentences.
    """

    name: str
    labels: LabelSet
    preprocess: Preprocess
    sha256: str
    parameters: int
    temperature: float = 1.0
    sharpening: float = 0.0
    uncertain_below: float = 0.0
    metrics: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    licence: str = "MIT"
    limits: tuple[str, ...] = ()

    @property
    def confidence_fit(self) -> dict[str, float]:
        """The three numbers that calibration sets."""
        return {name: getattr(self, name) for name in ("temperature", "sharpening", "uncertain_below")}

    def to_json(self) -> str:
        """Return what `card.json` holds."""
        row = {"schema": SCHEMA, **dataclasses.asdict(self), "labels": list(self.labels.names)}
        return json.dumps(row, indent=2, allow_nan=False) + "\n"

    def write(self, folder: Path) -> None:
        """Write `card.json` into `folder`, whole or not at all.

        Raises:
            ModelError: it cannot be written.
        """
        with replacing(folder / CARD_FILE) as part:
            part.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Card:
        """Read and check a model folder.

        Raises:
            ModelError: a file is missing, the card is of another schema, lacks a field, has an unknown one or an
                impossible value, or `model.onnx` is not the file that the card describes.
        """
        card_file, model_file = folder / CARD_FILE, folder / MODEL_FILE
        try:
            for file in (card_file, model_file):
                if not file.is_file():
                    raise ModelError(f"{folder}: no {file.name}; a model folder holds {MODEL_FILE} and {CARD_FILE}.")
            row = json.loads(card_file.read_text(encoding="utf-8"))
            _check(row, card_file)
            del row["schema"]
            plain = row["preprocess"]
            preprocess = Preprocess(**plain | {"mean": tuple(plain["mean"]), "std": tuple(plain["std"])})
            row |= {"labels": LabelSet(tuple(row["labels"])), "limits": tuple(row["limits"])}
            card = cls(**row | {"preprocess": preprocess})
            found = hashlib.sha256(model_file.read_bytes()).hexdigest()
        except ModelError:
            raise
        except OSError as error:
            raise ModelError(f"{folder}: cannot be read ({error}); permit reading there.") from error
        except (MienError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ModelError(
                f"{card_file}: not a card of this version of mien ({error}); export the model again."
            ) from error
        if found != card.sha256:
            raise ModelError(
                f"{model_file}: SHA-256 {found[:12]}, the card says {card.sha256[:12]}; the file is cut off or "
                "another one. Copy the whole folder again."
            )
        return card


def _check(row: Any, file: Path) -> None:
    """Refuse a card of another schema, without a needed field, or with an impossible value."""
    if not isinstance(row, dict):
        raise ModelError(
            f"{file}: not a card of this version of mien (found {row!r:.80}, expected an object); "
            "export the model again."
        )
    for name in ("schema", *_EXPECTED):
        if name not in row and name not in _MAY_LACK:
            raise ModelError(f"{file}: not a card of this version of mien (no field {name!r}); export the model again.")
    if row["schema"] != SCHEMA:
        raise ModelError(f"{file}: schema {row['schema']}, this mien reads {SCHEMA}; upgrade mien or export again.")
    for name, (words, holds) in _EXPECTED.items():
        if name in row and not holds(row[name]):
            raise ModelError(f"{file}: {name}: found {row[name]!r:.80}, expected {words}; correct it or export again.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _are_figures(value: Any) -> bool:
    """Whether these are the figures of one part of a split, None if it was not measured."""
    return value is None or (_is_object(value) and all(_is_number(value.get(name)) for name in _RATES))


_RATES = ("n", "accuracy", "accuracy_low", "accuracy_high")  # of each part of a split
_NEEDED = [each.name for each in dataclasses.fields(Preprocess)]
# field -> what it must hold, in words and as a check
_EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "name": ("text", _is_text),
    "labels": ("a list of at least one name", lambda value: _are_texts(value) and len(value) > 0),
    "preprocess": (
        f"an object with {', '.join(_NEEDED)}, of which mean and std are lists",
        lambda value: (
            _is_object(value)
            and all(name in value for name in _NEEDED)
            and all(isinstance(value[name], list) for name in ("mean", "std"))
        ),
    ),
    "sha256": ("text", _is_text),
    "parameters": ("an integer from 0", lambda value: type(value) is int and value >= 0),
    # beyond these a confidence is not a number
    "temperature": ("a number from 1e-30 to 1e30", lambda value: _is_number(value) and 1e-30 <= value <= 1e30),
    "sharpening": ("a number from -10 to 10", lambda value: _is_number(value) and -10 <= value <= 10),
    "uncertain_below": ("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1),
    "metrics": (
        f"an object: for each split full and twin_free, each null or with {', '.join(_RATES)}",
        lambda value: (
            _is_object(value)
            and all(map(_is_object, value.values()))
            and all(_are_figures(row.get(part)) for row in value.values() for part in ("full", "twin_free"))
        ),
    ),
    "provenance": ("an object", _is_object),
    "licence": ("text", _is_text),
    "limits": ("a list of sentences", _are_texts),
}
_MAY_LACK = ("temperature", "sharpening", "uncertain_below", "metrics", "provenance", "licence")
