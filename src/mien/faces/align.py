"""From a face in an image to the square crop that a recogniser takes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mien.faces.detect import Face

MAX_CROP_PX = 512
"""Crops are no larger than this; recognisers take 48 to 224 px."""


def crop_face(image: npt.NDArray[np.uint8], face: Face, *, margin_fraction: float = 0.0) -> npt.NDArray[np.uint8]:
    """Cut a square around a face out of an image, turned so that the face is upright.

    The square has the box's centre and its longer side, and `margin_fraction` of that side is added on each of the
    four sides. Beyond the image's border its edge pixels are repeated.

    With YuNet's boxes a margin of 0 gives the framing of FER2013. `benchmarks/crop_margin.py` measured FER2013's frame
    in sides of YuNet's square, on 2,000 Training faces: side 0.98 by the boxes (quartiles 0.88 and 1.07), 0.94 and
    0.96 by the distances of eyes and mouth; centre 0.00 to the right and 0.01 above the box's.

    Args:
        image: ``(H, W, 3)`` or ``(H, W)`` uint8.
        face: where.
        margin_fraction: context on each side, as a fraction of the square's side (`Preprocess.margin_fraction`).

    Returns:
        ``(S, S, 3)`` or ``(S, S)`` uint8, S at most `MAX_CROP_PX`.
    """
    import cv2

    side = max(1.0, face.side_px * (1 + 2 * margin_fraction))
    piece, (left, top) = _around(image, face, side)
    scale = min(1.0, MAX_CROP_PX / side)
    if scale < 1:  # by area first: warpAffine reads only four pixels for each new one
        shape = (max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale)))
        piece = np.asarray(cv2.resize(piece, shape, interpolation=cv2.INTER_AREA), np.uint8)
    center = np.array([face.center[0] - left, face.center[1] - top]) * scale
    size = max(1, round(side * scale))
    turn = np.asarray(cv2.getRotationMatrix2D((0, 0), roll_deg(face), 1.0), np.float64)
    # x -> A (x - center) + size / 2 in coordinates where pixel i covers [i, i + 1); for OpenCV its centre is at i
    turn[:, 2] = turn[:, :2] @ (0.5 - center) + size / 2 - 0.5
    crop = cv2.warpAffine(piece, turn, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def whole(image: npt.NDArray[np.uint8]) -> Face:
    """Return the face that fills an image, which `crop_face` makes square."""
    return Face(box=(0.0, 0.0, float(image.shape[1]), float(image.shape[0])))


def roll_deg(face: Face) -> float:
    """Return by how much a face is turned in the image plane, degrees, clockwise as seen; 0 without landmarks.

    The line from the eyes to the mouth and the lines across are weighted by their lengths: in a profile, where the eyes
    are close together, the former decides. YuNet's landmarks follow a turn in part: 488 FER2013 faces that were turned
    by 5, 15 and 30 degrees were measured at 3, 11 and 21 more than before. `benchmarks/turned_faces.py` measures what
    that is worth to the recogniser.
    """
    if face.landmarks is None:
        return 0.0
    right_eye, left_eye, _, right_mouth, left_mouth = np.array(face.landmarks)
    across = (left_eye - right_eye) + (left_mouth - right_mouth)
    down = (right_mouth + left_mouth) / 2 - (right_eye + left_eye) / 2
    return math.degrees(math.atan2(across[1] - down[0], across[0] + down[1]))


def _around(image: npt.NDArray[np.uint8], face: Face, side: float) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """The part of the image that a turned square of this side can reach, and its corner at the upper left.

    It is quick to work on, and warpAffine refuses images with a side above 32,767 px.
    """
    reach = side * math.sqrt(0.5) + 1
    spans = []
    for center, end in zip(face.center, (image.shape[1], image.shape[0]), strict=True):
        first = min(max(math.floor(center - reach), 0), end - 1)
        spans.append(slice(first, max(first + 1, min(math.ceil(center + reach), end))))
    across, down = spans
    return image[down, across], (across.start, down.start)
