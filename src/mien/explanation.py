"""Explanations: which parts of a face speak for its expression, found by hiding parts of it; for any model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mien.analysis import Analyzer, check_searched
from mien.card import Card
from mien.checking import check_number
from mien.errors import DataError, InputError
from mien.media.heat import heat_picture
from mien.media.images import source_name
from mien.media.photo_lists import is_pattern
from mien.media.video import VIDEO_SUFFIXES
from mien.recognizer import Recognizer
from mien.records import AnalyzedFace

if TYPE_CHECKING:
    from PIL import Image

    from mien.faces.detect import Detector
    from mien.media.images import Photo

MASKS = 800
"""How many ways to hide parts of a face are tried; `benchmarks/explanations.py` measures what fewer give."""

_CELLS = 12  # of a mask, in each direction
_RIDGE = 0.1  # for each mask; the cells' own variance is 0.25
_BLUR = 1 / 6  # of what is hidden, so that it keeps its light; sigma, as a fraction of the crop's side
_AT_ONCE = 64

# In sides of the crop, from above: half-way between where the landmarks of FER2013's faces stand in YuNet's crops
# (`benchmarks/explanations.py`, "landmarks").
_PARTS = {"eyes": (0.0, 0.5), "nose": (0.5, 0.68), "mouth": (0.68, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Where a model looks for an expression in a face; not why a person has it.

    Attributes:
        face: the face with its expression.
        label: the class that is explained; the face's own unless another one was asked for.
        crop: the upright square that the model sees, ``(S, S)`` grey or ``(S, S, 3)`` RGB uint8.
        heat: ``(S, S)`` float32 over the same crop: by how much the logarithm of the label's probability rises when a
            place is shown instead of hidden (`heat_maps`). Negative = it speaks against the label.
    """

    face: AnalyzedFace
    label: str
    crop: npt.NDArray[np.uint8] = field(repr=False, compare=False)
    heat: npt.NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def shares(self) -> dict[str, float]:
        """The share of what speaks for the label in ``eyes`` (with the brows), ``nose`` and ``mouth`` (with the chin).

        They are bands across the crop, as FER2013's faces fill it, and sum to 1; all 0 where nothing speaks for it.
        """
        rows = np.maximum(self.heat, 0).sum(axis=1, dtype=np.float64)
        total, side = float(rows.sum()) or 1.0, len(rows)
        return {
            part: float(rows[round(top * side) : round(bottom * side)].sum()) / total
            for part, (top, bottom) in _PARTS.items()
        }

    @property
    def title(self) -> str:
        """The explained label and its probability, with a question mark where it is the face's own and uncertain."""
        expression = self.face.expression
        label = expression.marked_label if self.label == expression.label else self.label
        return f"{label} {expression.probabilities[self.label]:.0%}"

    def plot(self) -> Image.Image:
        """Return the crop beside its heat as a Pillow image, which notebooks show."""
        from PIL import Image

        return Image.fromarray(heat_picture([self.crop], [self.heat], [self.title]))

    def to_dict(self) -> dict[str, Any]:
        """Return the face as `AnalyzedFace.to_dict` does, with the explained label, its shares and the heat."""
        heat = [[round(float(value), 4) for value in row] for row in self.heat]
        shares = {part: round(share, 4) for part, share in self.shares.items()}
        return self.face.to_dict() | {"explained": self.label, "shares": shares, "heat": heat}


def _check_single(source: Photo) -> None:
    """Refuse a folder, a pattern or a video."""
    if isinstance(source, str | os.PathLike):
        name = source_name(source)
        is_more = is_pattern(name) or Path(name).suffix.lower() in VIDEO_SUFFIXES
        if is_more or os.path.isdir(name):  # noqa: PTH112  # Path's raises on long names
            raise InputError(f"{name}: is not a photo; one photo is explained at a time.")


def explain(
    source: Photo,
    *,
    model: str | Path | Recognizer | None = None,
    detector: Detector | None = None,
    boxes: Sequence[Any] | npt.NDArray[Any] | None = None,
    crops: bool = False,
    min_face_px: float | None = None,
    label: str | None = None,
    masks: int = MASKS,
) -> list[Explanation]:
    """Explain the expressions of the faces in a photo, as `heat_maps` does.

    Args:
        source: a photo, as `mien.analyze` takes it.
        model: a model folder, the name of a shipped model, or a `Recognizer`; None is the shipped default.
        detector: finds the faces; None is `YuNet`.
        boxes: the faces, instead of a detector: ``(N, 4)`` x0, y0, x1, y1 in px, or `Face`s.
        crops: the photo is one face already.
        min_face_px: height of the smallest face that is searched, px; default: 24. Not with `detector`.
        label: the class to explain, in any usual spelling, such as the one that was expected; None is each face's own.
        masks: how many ways to hide parts of a face are tried; more are slower, and their maps less noisy.

    Returns:
        An `Explanation` of each face, in the order of `mien.analyze`.

    Raises:
        InputError: the photo cannot be read, or is a folder, a pattern or a video; the model knows no such label; a box
            is malformed; `masks` is below 2; or arguments contradict each other.
        ModelError: there is no such model.
    """
    _check_single(source)
    check_searched(min_face_px, boxes, crops)
    analyzer = Analyzer(model=model, detector=detector, min_face_px=min_face_px)
    card = analyzer.recognizer.card
    asked = None if label is None else _known(label, card)
    (cropped,) = analyzer.crop([source], boxes=None if boxes is None else [boxes], crops=crops)
    if cropped.stack is None:
        raise InputError(str(cropped.failed))
    (analysis,) = analyzer.recognize([cropped])
    labels = [asked or face.expression.label for face in analysis.faces]
    heats = heat_maps(
        analyzer.recognizer, cropped.stack, [card.labels.names.index(name) for name in labels], masks=masks
    )
    return [
        Explanation(face=face, label=name, crop=picture_of(crop), heat=heat)
        for face, name, crop, heat in zip(analysis.faces, labels, cropped.stack, heats, strict=True)
    ]


def _known(label: str, card: Card) -> str:
    """Return the model's own spelling of a label."""
    if not isinstance(label, str):
        raise InputError(f"{card.name}: label {label!r} is not a name; expected one of {', '.join(card.labels)}.")
    try:
        return card.labels.name(card.labels.index(label))
    except DataError as error:
        raise InputError(f"{card.name}: {error}") from error


def heat_maps(
    recognizer: Recognizer,
    faces: npt.NDArray[np.uint8],
    labels: Sequence[int] | npt.NDArray[np.int64],
    *,
    masks: int = MASKS,
    seed: int = 0,
) -> npt.NDArray[np.float32]:
    """Say for each part of each face by how much showing it raises the log-probability of a label.

    Random parts of a face are blurred strongly, and the model is asked again. A linear model then says what each cell
    of a grid of 12 by 12 adds: ridge regression of the label's log-probability on which cells were shown.

    Args:
        recognizer: the model.
        faces: ``(N, planes, S, S)`` uint8, as `Preprocess.stack` makes them.
        labels: ``(N,)`` the class of each face to explain, by its place in the card's labels.
        masks: how many choices of cells are tried, at least 2; all faces get the same ones.
        seed: of these choices.

    Returns:
        ``(N, S, S)`` float32, enlarged from the cells.

    Raises:
        InputError: `masks` is below 2.

    Source:
        Ribeiro, Singh and Guestrin, "Why should I trust you?", KDD 2016 (LIME), on the masks of Petsiuk, Das and
        Saenko, RISE, BMVC 2018; with a blur, which keeps the light of the face, in place of their grey and black.
    """
    import cv2

    check_number("masks", masks, 2, whole=True)
    side = faces.shape[-1]
    cells = np.random.default_rng(seed).integers(0, 2, (masks, _CELLS, _CELLS)).astype(np.float32)
    shown = np.stack([cv2.resize(grid, (side, side), interpolation=cv2.INTER_LINEAR) for grid in cells])
    x = cells.reshape(masks, -1).astype(np.float64)  # (M, cells)
    x -= x.mean(axis=0)
    fit = np.linalg.solve(x.T @ x + _RIDGE * masks * np.eye(x.shape[1]), x.T)  # (cells, M)
    heats = np.empty((len(faces), side, side), np.float32)
    for index, (face, label) in enumerate(zip(faces, labels, strict=True)):
        y = _log_probabilities(recognizer, face, shown, label)  # (M,)
        adds = (fit @ (y - y.mean())).reshape(_CELLS, _CELLS).astype(np.float32)
        heats[index] = cv2.resize(adds, (side, side), interpolation=cv2.INTER_CUBIC)
    return heats


def _log_probabilities(
    recognizer: Recognizer, face: npt.NDArray[np.uint8], shown: npt.NDArray[np.float32], label: int
) -> npt.NDArray[np.float32]:
    """The log-probability ``(M,)`` of a label for a face ``(planes, S, S)`` under each mask ``(M, S, S)``."""
    hidden = blurred(face).astype(np.float32)
    found = np.empty(len(shown), np.float32)
    for start in range(0, len(shown), _AT_ONCE):
        visible = shown[start : start + _AT_ONCE, None]  # (B, 1, S, S)
        logits = recognizer.logits(np.rint(hidden + visible * (face - hidden)).astype(np.uint8), _AT_ONCE)
        largest = logits.max(axis=1, keepdims=True)
        log_sum = largest[:, 0] + np.log(np.exp(logits - largest).sum(axis=1))
        found[start : start + len(logits)] = logits[:, label] - log_sum
    return found


def blurred(face: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What a hidden face ``(planes, S, S)`` looks like: its light without its features."""
    import cv2

    planes = [cv2.GaussianBlur(plane, (0, 0), face.shape[-1] * _BLUR) for plane in face]
    return np.asarray(planes, np.uint8)


def picture_of(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a face ``(planes, S, S)``, as `Preprocess.stack` makes it, as ``(S, S)`` grey or ``(S, S, 3)`` RGB."""
    return crop[0] if len(crop) == 1 else np.ascontiguousarray(crop.transpose(1, 2, 0))
