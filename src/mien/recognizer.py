"""Recognizer: a model folder loaded for use. Face crops in, expressions out; onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mien.card import Card

if TYPE_CHECKING:
    import onnxruntime

DEFAULT_MODEL = "mien-small"
"""Name of the shipped model that is used when none is named."""


@dataclass(frozen=True)
class Expression:
    """What raters would call a face's expression, as a model guesses it; not what the person feels.

    Attributes:
        label: the most probable class.
        confidence: its calibrated probability.
        probabilities: class name -> probability, in the order of the label set.
        uncertain: whether `confidence` is below the card's threshold.
    """

    label: str
    confidence: float
    probabilities: dict[str, float]
    uncertain: bool


def shipped_models() -> list[str]:
    """Return the names of the models that ship with the package."""
    raise NotImplementedError


class Recognizer:
    """A model folder, ready for use.

    Attributes:
        card: its card.
        folder: where it was loaded from.
    """

    def __init__(self, card: Card, folder: Path, session: onnxruntime.InferenceSession) -> None:
        self.card = card
        self.folder = folder
        self._session = session

    @classmethod
    def load(cls, model: str | Path | None = None, *, threads: int | None = None) -> Recognizer:
        """Open a model.

        Args:
            model: a model folder, the name of a shipped model, or None for the shipped default.
            threads: CPU threads for one batch; None leaves the choice to onnxruntime.

        Raises:
            ModelError: there is no such model, or its folder is damaged.
        """
        raise NotImplementedError

    def logits(self, faces: npt.NDArray[np.uint8], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Run the model.

        Args:
            faces: ``(N, planes, crop_px, crop_px)`` uint8, as `Preprocess.stack` makes them.
            batch_size: faces that are run together; memory grows with it, not with N.

        Returns:
            ``(N, K)`` float32.
        """
        raise NotImplementedError

    def probabilities(self, faces: npt.NDArray[np.uint8], batch_size: int = 64) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities ``(N, K)`` float64 of faces as `logits` takes them; rows sum to 1."""
        raise NotImplementedError

    def predict(self, crops: Sequence[npt.NDArray[np.uint8]], batch_size: int = 64) -> list[Expression]:
        """Read the expressions of face crops, each ``(H, W)`` grey or ``(H, W, 3)`` RGB uint8 of any size.

        Raises:
            InputError: a crop has another type or shape.
        """
        raise NotImplementedError

    def expressions(self, probabilities: npt.NDArray[np.float64]) -> list[Expression]:
        """Put probabilities ``(N, K)`` into words."""
        raise NotImplementedError
