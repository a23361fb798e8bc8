"""The card of a model folder: what travels with the weights."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.errors import ModelError
from mien.labels import LabelSet
from mien.preprocess import Preprocess

SCHEMA = 1
MODEL_FILE = "model.onnx"
CARD_FILE = "card.json"


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything that a user of `model.onnx` must know, stored as `card.json` beside it.

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

    def write(self, folder: Path) -> None:
        """Write `card.json` into `folder`."""
        row = {"schema": SCHEMA, **dataclasses.asdict(self), "labels": list(self.labels.names)}
        (folder / CARD_FILE).write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Card:
        """Read and check a model folder.

        Raises:
            ModelError: a file is missing, the card is of another schema or has unknown fields, or `model.onnx`
                is not the file that the card describes.
        """
        card_file, model_file = folder / CARD_FILE, folder / MODEL_FILE
        for file in (card_file, model_file):
            if not file.is_file():
                raise ModelError(f"{folder}: no {file.name}; a model folder holds {MODEL_FILE} and {CARD_FILE}.")
        try:
            row = json.loads(card_file.read_text(encoding="utf-8"))
            schema = row.pop("schema")
            if schema != SCHEMA:
                raise ModelError(
                    f"{card_file}: schema {schema}, this mien reads {SCHEMA}; upgrade mien or export again."
                )
            plain = row.pop("preprocess")
            plain |= {"mean": tuple(plain["mean"]), "std": tuple(plain["std"])}
            card = cls(
                **row | {"limits": tuple(row["limits"]), "labels": LabelSet(tuple(row["labels"]))},
                preprocess=Preprocess(**plain),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{card_file}: not a card of this mien ({error}); export the model again.") from error
        found = hashlib.sha256(model_file.read_bytes()).hexdigest()
        if found != card.sha256:
            raise ModelError(
                f"{model_file}: SHA-256 {found[:12]}, the card says {card.sha256[:12]}; the file is cut off or "
                "another one. Copy the whole folder again."
            )
        return card
