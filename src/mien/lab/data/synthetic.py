"""Draw schematic faces: a small data set for demonstrations and tests, without a download."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data.dataset import PRIVATE, PUBLIC, TRAINING, FaceDataset
from mien.labels import FER2013

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_OVERSAMPLE = 2  # faces are drawn this much larger, then shrunk, so that thin lines survive


@dataclass(frozen=True, kw_only=True)
class _Features:
    """Brows, eyes and mouth. Lengths are in units of half the face's height; y points down.

    Attributes:
        brow_raise: how far the brows are above their neutral place.
        brow_slant: how much higher their inner ends are than their outer ends.
        brow_arch: how much higher their middles are than their ends.
        eye_open: height of the upper lid's arc.
        lower_lid: height of the lower lid's arc; negative where cheeks push it up.
        mouth_width: half of it.
        mouth_curve: how much higher its corners are than its middle.
        upper_lip: how far the upper lip is above the mouth's line, at its middle.
        lower_lip: how far the lower lip is below it.
        mouth_tilt: how much higher its right corner is than its left one.
        wrinkles: strength of the lines beside the nose, 0 to 1.
        teeth: height of the visible upper teeth, as a fraction of the open mouth.
    """

    brow_raise: float = 0.0
    brow_slant: float = 0.0
    brow_arch: float = 0.05
    eye_open: float = 0.11
    lower_lid: float = 0.06
    mouth_width: float = 0.28
    mouth_curve: float = 0.0
    upper_lip: float = 0.015
    lower_lip: float = 0.015
    mouth_tilt: float = 0.0
    wrinkles: float = 0.0
    teeth: float = 0.0


# After the prototypes of the facial action coding system (Ekman & Friesen 1978), as a caricaturist draws them.
_PROTOTYPES = {
    "angry": _Features(
        brow_raise=-0.09, brow_slant=-0.22, brow_arch=0.0, eye_open=0.07, mouth_curve=-0.08, upper_lip=0.05,
        lower_lip=0.06, mouth_width=0.27, teeth=0.9,
    ),
    "disgust": _Features(
        brow_raise=-0.06, brow_slant=-0.08, brow_arch=0.0, eye_open=0.05, lower_lid=0.01, mouth_curve=-0.16,
        upper_lip=0.1, lower_lip=0.0, mouth_width=0.25, mouth_tilt=0.12, wrinkles=1.0,
    ),
    "fear": _Features(
        brow_raise=0.09, brow_slant=0.14, brow_arch=0.0, eye_open=0.18, lower_lid=0.1, mouth_curve=-0.07,
        upper_lip=0.04, lower_lip=0.1, mouth_width=0.3, teeth=0.3,
    ),
    "happy": _Features(
        brow_raise=0.02, brow_arch=0.09, eye_open=0.1, lower_lid=-0.02, mouth_curve=0.24, upper_lip=0.0,
        lower_lip=0.1, mouth_width=0.4, teeth=0.5,
    ),
    "sad": _Features(
        brow_raise=0.01, brow_slant=0.22, brow_arch=0.0, eye_open=0.06, lower_lid=0.05, mouth_curve=-0.2,
        upper_lip=0.015, lower_lip=0.02, mouth_width=0.24,
    ),
    "surprise": _Features(
        brow_raise=0.15, brow_arch=0.14, eye_open=0.18, lower_lid=0.12, upper_lip=0.15, lower_lip=0.2,
        mouth_width=0.16,
    ),
    "neutral": _Features(),
}  # fmt: skip

# Standard deviation of each feature between faces of one expression.
_SPREAD = _Features(
    brow_raise=0.02, brow_slant=0.03, brow_arch=0.015, eye_open=0.015, lower_lid=0.01, mouth_width=0.025,
    mouth_curve=0.025, upper_lip=0.008, lower_lip=0.012, mouth_tilt=0.02, wrinkles=0.1, teeth=0.15,
)  # fmt: skip


def draw_faces(per_class: int, seed: int = 0, size_px: int = 48) -> FaceDataset:
    """Draw faces that show the seven expressions, each as brows, eyes and mouth.

    Strength of the expression, proportions, pose, skin, hair, glasses, light, blur and noise vary, and an object may
    cover part of the face. The same arguments give the same faces.

    Args:
        per_class: Training faces of each class; PublicTest and PrivateTest each get an eighth of that, as in FER2013,
            but at least one.
        seed: of everything that varies.
        size_px: side of a face.

    Raises:
        DataError: fewer than one face a class, or faces too small to show anything.
    """
    if per_class < 1 or size_px < 16:
        raise DataError(f"drawn faces: {per_class} a class of {size_px} px; expected at least 1 a class of 16 px.")
    draw = np.random.default_rng(seed)
    tests = max(1, per_class // 8)
    faces, labels, splits = [], [], []
    for split, count in ((TRAINING, per_class), (PUBLIC, tests), (PRIVATE, tests)):
        order = draw.permutation(np.repeat(np.arange(len(FER2013)), count))
        faces += [_draw(FER2013.name(label), draw, size_px) for label in order.tolist()]
        labels.append(order)
        splits += [split] * len(order)
    return FaceDataset(
        faces=np.stack(faces),
        labels=np.concatenate(labels).astype(np.int64),
        splits=np.array(splits),
        rows=np.arange(len(faces)).astype(np.str_),
        label_set=FER2013,
        source=f"drawn faces (seed {seed})",
    )


def _draw(expression: str, draw: np.random.Generator, size_px: int) -> Image:
    """Draw one face, ``(size_px, size_px)`` uint8."""
    import cv2

    sketch = _Sketch(draw, size_px * _OVERSAMPLE)
    sketch.head()
    sketch.features(_vary(_PROTOTYPES[expression], draw))
    sketch.cover()
    shrunk = cv2.resize(sketch.canvas, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return _photograph(shrunk.astype(np.uint8), draw)


def _vary(prototype: _Features, draw: np.random.Generator) -> _Features:
    """Weaken an expression towards the neutral face and vary each of its features."""
    strength = draw.uniform(0.5, 1.1)
    rest = _PROTOTYPES["neutral"]
    varied = {}
    for field in fields(_Features):
        start, end = getattr(rest, field.name), getattr(prototype, field.name)
        varied[field.name] = start + strength * (end - start) + getattr(_SPREAD, field.name) * draw.normal()
    varied["mouth_tilt"] *= draw.choice((-1, 1))
    return _Features(**varied)


def _photograph(image: Image, draw: np.random.Generator) -> Image:
    """Light from one side, contrast, blur and noise."""
    import cv2

    blur = draw.uniform(0.0, 0.7)
    lit = cv2.GaussianBlur(image, (0, 0), blur) if blur > 0.3 else image
    rows, columns = np.linspace(-1, 1, image.shape[0]), np.linspace(-1, 1, image.shape[1])
    angle, strength = draw.uniform(0, 2 * np.pi), draw.uniform(0, 0.4)
    light = 1 + strength * (np.sin(angle) * rows[:, None] + np.cos(angle) * columns[None, :])
    shaded = 128 + (lit * light - 128) * draw.uniform(0.6, 1.1) + draw.uniform(-25, 25)
    noisy: Floats = np.clip(shaded + draw.normal(0, draw.uniform(2, 10), image.shape), 0, 255)
    return noisy.round().astype(np.uint8)


class _Sketch:
    """A canvas with one head in one pose; points are given in the head's own coordinates."""

    def __init__(self, draw: np.random.Generator, side_px: int) -> None:
        self.draw_from = draw
        self.side_px = side_px
        self.canvas = np.full((side_px, side_px), draw.integers(10, 245), np.uint8)
        self.skin = int(draw.integers(95, 225))
        self.hair = int(draw.integers(10, 200))
        self.ink = int(self.skin * draw.uniform(0.15, 0.4))
        self.width = draw.uniform(0.7, 0.85)
        self.yaw, self.pitch = draw.normal(0, 0.1), draw.normal(0, 0.06)
        roll, scale = np.deg2rad(draw.normal(0, 9)), side_px * draw.uniform(0.38, 0.5)
        turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        self.linear = scale * turn
        self.centre = side_px * (0.5 + draw.normal(0, 0.035, 2))
        self.line_px = max(1, round(scale * 0.05))

    def head(self) -> None:
        """Background, hair, ears, face and nose."""
        draw, width = self.draw_from, self.width
        self._clutter()
        hair_top, hair_side = draw.uniform(0.0, 0.15), draw.uniform(0.02, 0.15)
        self._fill(_ellipse(0, -0.15, width + hair_side, 0.95 + hair_top), self.hair, flat=True)
        for side in (-1, 1):
            self._fill(_ellipse(side * width, -0.05, 0.1, 0.18), int(self.skin * 0.9), flat=True)
        self._fill(_ellipse(0, 0, width, 1.0), self.skin, flat=True)
        hairline = draw.uniform(-0.85, -0.62)
        across = np.linspace(-1, 1, 15)
        below = hairline + draw.uniform(-0.1, 0.15) * across**2 + draw.uniform(-0.12, 0.12) * across
        above = -np.sqrt(1 - 0.98 * across**2)
        fringe = np.concatenate([np.stack([across * width, np.maximum(below, above)], 1),
                                 np.stack([across * width, above], 1)[::-1]])  # fmt: skip
        self._fill(fringe, self.hair, flat=True)
        if draw.random() < 0.15:
            self._fill(_ellipse(0, 0.72, 0.5, 0.3), int(0.5 * self.skin + 0.5 * self.hair))  # a beard
        nose = np.array([[-0.02, -0.05], [draw.uniform(0.05, 0.1), 0.2], [-0.06, 0.22]])
        self._line(nose, int(self.skin * 0.65))

    def features(self, shape: _Features) -> None:
        """Brows, eyes, mouth and the lines beside the nose."""
        apart = self.draw_from.uniform(0.29, 0.36)
        eye_y, mouth_y = self.draw_from.uniform(-0.2, -0.1), self.draw_from.uniform(0.48, 0.58)
        for side in (-1, 1):
            self._brow(shape, side, apart, eye_y - 0.24)
            self._eye(shape, side, apart, eye_y)
            for step in range(2):
                down = 0.08 * step
                wrinkle = np.array([[side * 0.1, 0.02 + down], [side * 0.19, 0.1 + down]])
                tone = self.skin + max(0.0, min(shape.wrinkles, 1.0)) * (self.ink - self.skin)
                self._line(wrinkle, int(tone))
        self._mouth(shape, mouth_y)

    def cover(self) -> None:
        """Glasses on some faces, an object in front of others."""
        draw = self.draw_from
        if draw.random() < 0.15:
            for side in (-1, 1):
                self._line(_ellipse(side * 0.33, -0.13, 0.23, 0.2), int(draw.integers(10, 90)), closed=True)
            self._line(np.array([[-0.1, -0.15], [0.1, -0.15]]), 40)
        if draw.random() < 0.12:
            angle = draw.uniform(0, 2 * np.pi)
            centre = 0.85 * np.cos(angle), 0.85 * np.sin(angle)
            self._fill(_ellipse(*centre, *draw.uniform(0.15, 0.4, 2)), int(draw.integers(20, 235)), flat=True)

    def _clutter(self) -> None:
        """A few large patches behind the head."""
        for _ in range(self.draw_from.integers(1, 4)):
            x, y, half_width, half_height = self.draw_from.uniform((-1.2, -1.2, 0.2, 0.2), (1.2, 1.2, 1.0, 1.0))
            self._fill(_ellipse(x, y, half_width, half_height), int(self.draw_from.integers(10, 245)), flat=True)

    def _brow(self, shape: _Features, side: int, apart: float, y: float) -> None:
        along = np.linspace(-1, 1, 9)  # from the inner end to the outer one
        height = shape.brow_raise - shape.brow_slant * along / 2 + shape.brow_arch * (1 - along**2)
        points = np.stack([side * (apart + 0.2 * along), y - height], 1)
        self._line(points, int(0.6 * self.ink + 0.4 * min(self.hair, self.skin - 40)), thicker=True)

    def _eye(self, shape: _Features, side: int, apart: float, y: float) -> None:
        along = np.linspace(-1, 1, 11)
        bulge = 1 - along**2
        x = side * apart + 0.17 * along
        opened = max(shape.eye_open, 0.02)
        upper, lower = y - opened * bulge, y + max(shape.lower_lid, -0.8 * opened) * bulge
        lids = np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])
        self._fill(lids, min(255, self.skin + 45))
        gap = float(lower[5] - upper[5])
        self._fill(_ellipse(side * apart, float(lower[5] + upper[5]) / 2, 0.075, min(0.08, gap / 2)), self.ink // 2)
        self._line(np.stack([x, upper], 1), self.ink)

    def _mouth(self, shape: _Features, y: float) -> None:
        along = np.linspace(-1, 1, 15)
        width = max(shape.mouth_width, 0.1)
        middle = y + shape.mouth_curve * (0.5 - along**2) - shape.mouth_tilt * along / 2
        bulge = np.sqrt(1 - along**2)
        upper, lower = middle - max(shape.upper_lip, 0) * bulge, middle + max(shape.lower_lip, 0) * bulge
        x = along * width
        outline = np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])
        self._fill(outline, self.ink)
        if shape.teeth > 0.15 and float((lower - upper).max()) > 0.06:
            bottom = upper + min(shape.teeth, 0.9) * (lower - upper)
            self._fill(np.concatenate([np.stack([x, upper], 1), np.stack([x, bottom], 1)[::-1]]), 235)
        self._line(outline, int(0.7 * self.ink + 0.3 * self.skin), closed=True)

    def _place(self, points: Floats, flat: bool) -> npt.NDArray[np.int32]:
        """Canvas positions, in 1/16 px; points that are not flat turn with the head."""
        if not flat:
            x, y = points[:, 0], points[:, 1]
            points = np.stack([x + self.yaw * (1 - x**2), y + self.pitch * (1 - y**2)], 1)
        placed: npt.NDArray[np.int32] = ((points @ self.linear.T + self.centre) * 16).round().astype(np.int32)
        return placed

    def _fill(self, points: Floats, tone: int, flat: bool = False) -> None:
        import cv2

        cv2.fillPoly(self.canvas, [self._place(points, flat)], tone, cv2.LINE_AA, 4)

    def _line(self, points: Floats, tone: int, closed: bool = False, thicker: bool = False) -> None:
        import cv2

        width = self.line_px + (self.line_px + 1) // 2 if thicker else self.line_px
        cv2.polylines(self.canvas, [self._place(points, False)], closed, tone, width, cv2.LINE_AA, 4)


def _ellipse(x: float, y: float, half_width: float, half_height: float) -> Floats:
    """Outline of an ellipse, ``(24, 2)``."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + half_width * np.cos(angles), y + half_height * np.sin(angles)], 1)
