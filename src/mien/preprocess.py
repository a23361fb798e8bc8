"""Preprocess: from a face crop of any size to what a network takes, the same in training and in use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mien.errors import InputError

Color = Literal["grey", "rgb"]


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """How a face crop becomes network input. It travels in the recipe and in the model's card.

    Before the model file, `stack` brings crops to ``crop_px`` squares of uint8: all that its user has to do. Inside it,
    as the network's first layer (`mien.lab.nets.input.InputLayer`), they are scaled to [0, 1], resized to ``input_px``,
    repeated to ``channels`` and normalised, so that no user can get that part wrong.

    Attributes:
        crop_px: side of the square crops, px; 48 as in FER2013.
        color: colour of the crops, ``"grey"`` (1 plane) or ``"rgb"`` (3 planes).
        input_px: side of the network's input, px; larger than `crop_px` means that the network upsamples.
        channels: planes of the network's input; grey crops are repeated.
        mean: per channel, of values in [0, 1].
        std: per channel, of values in [0, 1].
        margin_fraction: context kept around a detector's square box, as a fraction of its side.
    """

    crop_px: int = 48
    color: Color = "grey"
    input_px: int = 48
    channels: int = 1
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    margin_fraction: float = 0.0

    def __post_init__(self) -> None:
        for name in ("crop_px", "input_px"):
            if type(side := getattr(self, name)) is not int or side < 1:
                raise InputError(f"preprocess.{name}: found {side!r}, expected an integer from 1.")
        if self.color not in get_args(Color):
            raise InputError(f"preprocess.color: found {self.color!r}, expected 'grey' or 'rgb'.")
        if not _are_finite(self.margin_fraction) or self.margin_fraction < 0:
            raise InputError(f"preprocess.margin_fraction: found {self.margin_fraction!r}, expected a number from 0.")
        if not _are_finite(*self.mean):
            raise InputError(f"preprocess.mean: found {self.mean!r}, expected finite numbers.")
        if not _are_finite(*self.std) or min(self.std, default=1) <= 0:
            raise InputError(f"preprocess.std: found {self.std!r}, expected finite numbers above 0.")
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise InputError(f"preprocess: mean and std need {self.channels} values each, one per channel.")
        if self.channels not in (1, 3) or self.planes > self.channels:
            raise InputError(f"preprocess: {self.color} crops cannot become {self.channels} channels; use 1 or 3.")

    @property
    def planes(self) -> int:
        """Planes of a crop: 1 for grey, 3 for rgb."""
        return 1 if self.color == "grey" else 3

    def stack(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
        """Bring crops to one size and colour; what is not square is stretched, and `crop_face` cuts squares.

        Args:
            crops: uint8 images, each ``(H, W)`` grey or ``(H, W, 3)`` RGB, of any size from 1 px.

        Returns:
            ``(N, planes, crop_px, crop_px)`` uint8.

        Raises:
            InputError: a crop has another type or shape; names its index.
        """
        batch = np.empty((len(crops), self.planes, self.crop_px, self.crop_px), np.uint8)
        for index, crop in enumerate(crops):
            if not isinstance(crop, np.ndarray):
                raise InputError(f"face {index}: is a {type(crop).__name__}; expected an array, (H, W) or (H, W, 3).")
            if crop.dtype != np.uint8 or crop.ndim not in (2, 3) or crop.size == 0 or crop.shape[2:] not in ((), (3,)):
                raise InputError(
                    f"face {index}: shape {crop.shape} of {crop.dtype}; expected (H, W) or (H, W, 3) uint8, not empty."
                )
            batch[index] = self._fit(crop)
        return batch

    def _fit(self, crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """One crop as ``(planes, crop_px, crop_px)``."""
        import cv2  # here, because `import mien` must stay quick

        face: npt.NDArray[Any] = crop  # cv2 returns looser types
        if self.color == "grey" and face.ndim == 3:
            face = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
        elif self.color == "rgb" and face.ndim == 2:
            face = cv2.cvtColor(face, cv2.COLOR_GRAY2RGB)
        side = self.crop_px
        if face.shape[:2] != (side, side):
            # area averages every source pixel when shrinking; linear when growing
            shrinks = min(face.shape[:2]) > side
            face = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        return face[None] if face.ndim == 2 else face.transpose(2, 0, 1)


def _are_finite(*values: Any) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)
