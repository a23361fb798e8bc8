"""Changes that cameras, files and detectors make to faces, each at a few strengths; uint8 in, uint8 out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

GreyImage = npt.NDArray[np.uint8]
"""One face, ``(H, W)`` uint8."""

_Draws = np.random.Generator

_DISPLAY_GAMMA = 2.2  # light is proportional to grey levels to this power, nearly as in sRGB
_BAR_HEIGHT = 0.24  # of the face
# Tops of the bars. In FER2013's frames the eyes are at 0.39 of the height and the mouth at 0.76, medians over 2,000
# Training faces (benchmarks/results/crop_margin.json).
_EYES, _MOUTH = 0.386 - _BAR_HEIGHT / 2, 0.757 - _BAR_HEIGHT / 2


@dataclass(frozen=True)
class Change:
    """One change at one strength.

    Attributes:
        name: what is changed.
        strength: how strong, in words; empty if there is only one strength.
        amount: the strength as a number for `function`.
        function: face, amount, random generator -> changed face of the same size.
    """

    name: str
    strength: str
    amount: float
    function: Callable[[GreyImage, float, _Draws], GreyImage]

    def apply(self, faces: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.uint8]:
        """Apply the change to faces ``(N, H, W)`` uint8.

        The random draws are the same at every strength: a seed shifts a face in one direction by 5, 10 and 20 %.
        """
        draws = np.random.default_rng(seed)
        return np.stack([self.function(face, self.amount, draws) for face in faces])


def unchanged(face: GreyImage, _: float, __: _Draws) -> GreyImage:
    """Return the face as it is: the baseline for the other changes."""
    return face


def shifted(face: GreyImage, fraction: float, draws: _Draws) -> GreyImage:
    """Shift the face box by a fraction of its side, in a random direction."""
    angle = draws.uniform(0, 2 * math.pi)
    return _recropped(face, right=fraction * math.cos(angle), down=fraction * math.sin(angle))


def enlarged(face: GreyImage, fraction: float, _: _Draws) -> GreyImage:
    """Enlarge the face box about its centre by a fraction of its side, or shrink it if the fraction is negative."""
    return _recropped(face, scale=1 + fraction)


def turned(face: GreyImage, degrees: float, draws: _Draws) -> GreyImage:
    """Rotate the face about its centre, in a random direction."""
    return _recropped(face, turn_deg=degrees * draws.choice([-1, 1]))


def _recropped(
    face: GreyImage, *, right: float = 0, down: float = 0, scale: float = 1, turn_deg: float = 0
) -> GreyImage:
    """Crop another box, moved `right` and `down` by fractions of the face's side; edge pixels are repeated outside."""
    height, width = face.shape
    center = np.array([width - 1, height - 1]) / 2
    box_center = center + np.array([right * width, down * height])
    turn = np.asarray(cv2.getRotationMatrix2D((0, 0), turn_deg, scale), np.float64)[:, :2]
    back = np.column_stack([turn, box_center - turn @ center])  # from a pixel of the box to one of the face
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP  # cubic, because linear interpolation would also blur
    crop = cv2.warpAffine(face, back, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def mirrored(face: GreyImage, _: float, __: _Draws) -> GreyImage:
    """Swap left and right."""
    return face[:, ::-1]


def blurred(face: GreyImage, sigma_px: float, _: _Draws) -> GreyImage:
    """Blur with a Gaussian; sigma is in px of a face 48 px wide."""
    sigma = sigma_px * face.shape[1] / 48
    return np.asarray(cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)


def reduced(face: GreyImage, side_px: float, _: _Draws) -> GreyImage:
    """Downscale to `side_px` x `side_px` by area and upscale again linearly, like a distant face."""
    small = cv2.resize(face, (int(side_px), int(side_px)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, face.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def compressed(face: GreyImage, quality: float, _: _Draws) -> GreyImage:
    """Compress as JPEG."""
    _done, file = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)


def noisy(face: GreyImage, levels: float, draws: _Draws) -> GreyImage:
    """Add Gaussian noise; its standard deviation is given in grey levels."""
    return _grey(face + levels * draws.standard_normal(face.shape))


def with_gamma(face: GreyImage, gamma: float, _: _Draws) -> GreyImage:
    """Raise values in [0, 1] to a power: above 1 darkens the middle levels, below 1 brightens them."""
    return _grey(255 * (face / 255) ** gamma)


def lit(face: GreyImage, share: float, _: _Draws) -> GreyImage:
    """Multiply the light of the scene by `share`, clipped to white."""
    return _grey(face * share ** (1 / _DISPLAY_GAMMA))


def with_contrast(face: GreyImage, share: float, _: _Draws) -> GreyImage:
    """Move all grey levels towards the face's mean."""
    return _grey(face.mean() + share * (face - face.mean()))


def offset(face: GreyImage, levels: float, _: _Draws) -> GreyImage:
    """Add a number of grey levels, clipped to black and white."""
    return _grey(face.astype(np.float64) + levels)


def covered(face: GreyImage, top: float, _: _Draws) -> GreyImage:
    """Cover the face with a grey bar that begins at `top`, a fraction of the height."""
    height = face.shape[0]
    hidden = face.copy()
    hidden[round(top * height) : round((top + _BAR_HEIGHT) * height)] = 128
    return hidden


def _grey(values: npt.NDArray[np.float64]) -> GreyImage:
    return values.round().clip(0, 255).astype(np.uint8)


_TABLE: tuple[tuple[str, Callable[[GreyImage, float, _Draws], GreyImage], dict[str, float]], ...] = (
    ("unchanged", unchanged, {"": 0}),
    ("box shifted", shifted, {"5 % of its side": 0.05, "10 % of its side": 0.10, "20 % of its side": 0.20}),
    ("box larger", enlarged, {"10 %": 0.10, "20 %": 0.20}),
    ("box smaller", enlarged, {"10 %": -0.10, "20 %": -0.20}),
    ("turned", turned, {"5 degrees": 5, "10 degrees": 10, "20 degrees": 20}),
    ("mirrored", mirrored, {"": 1}),
    ("blurred", blurred, {"sigma 0.5 px": 0.5, "sigma 1 px": 1, "sigma 2 px": 2}),
    ("fewer pixels", reduced, {"32 x 32": 32, "24 x 24": 24, "16 x 16": 16}),
    ("JPEG", compressed, {"quality 50": 50, "quality 20": 20, "quality 10": 10}),
    ("noise", noisy, {"5 levels": 5, "10 levels": 10, "20 levels": 20}),
    ("darker", with_gamma, {"gamma 2": 2}),
    ("less light", lit, {"40 %": 0.40, "20 %": 0.20}),
    ("brighter", with_gamma, {"gamma 0.5": 0.5}),
    ("more light", lit, {"200 %": 2.00}),
    ("less contrast", with_contrast, {"50 %": 0.50, "25 %": 0.25}),
    ("levels moved", offset, {"by -40": -40, "by +40": 40}),
    ("covered", covered, {"eyes": _EYES, "mouth": _MOUTH}),
)
CHANGES = tuple(
    Change(name, strength, amount, function)
    for name, function, strengths in _TABLE
    for strength, amount in strengths.items()
)
"""The changes that `mien robust` applies, in the order of its table; the first leaves faces unchanged."""
