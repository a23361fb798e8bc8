"""Frames of a video as they are shown: in their colours, turned, mirrored, with square pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import av

BT709 = 1
"""The colours of HD video, ITU-R BT.709: its matrix, primaries and transfer, as FFmpeg and ITU-T H.273 number them."""

_UNSTATED = 2


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Return the width of a pixel divided by its height; 1 where the file does not say."""
    ratio = stream.sample_aspect_ratio  # None or 0 where it does not say; a class of its own since PyAV 19
    return Fraction(ratio.numerator, ratio.denominator) if ratio else Fraction(1)


def shown_width(width: int, aspect: Fraction) -> int:
    """Return the width, px, of a row of `width` pixels that are made square."""
    return max(1, round(width * aspect))


def as_shown(frame: av.VideoFrame, aspect: Fraction, mirrored: dict[int, bool]) -> npt.NDArray[np.uint8]:
    """Return a frame as ``(H, W, 3)`` uint8 RGB, made as wide as it is shown, mirrored and turned as its matrix says.

    Args:
        frame: as it was decoded.
        aspect: of its pixels.
        mirrored: rotation -> whether frames of it are mirrored, the same dict for all frames of a video, empty at
            first. So each rotation is looked up once: a frame whose `side_data` was read stays in memory until Python
            collects cycles.

    Raises:
        FFmpegError, ValueError: its colours cannot be converted.
    """
    from av.video.reformatter import VideoReformatter

    if frame.colorspace == _UNSTATED and (frame.width >= 1280 or frame.height > 576):
        frame.colorspace = BT709  # as players assume; for smaller ones, they and FFmpeg assume BT.601
    # not by the frame's own reformatter, whose threads would live as long as the first frame
    square = VideoReformatter().reformat(frame, width=shown_width(frame.width, aspect), format="rgb24")
    image = square.to_ndarray()
    if frame.rotation not in mirrored:
        mirrored[frame.rotation] = _is_mirrored(frame)
    if mirrored[frame.rotation]:  # `rotation` is that of the rows, so flip their order
        image = image[::-1]
    return np.ascontiguousarray(np.rot90(image, frame.rotation // 90 % 4))


def _is_mirrored(frame: av.VideoFrame) -> bool:
    """Tell whether the display matrix, nine int32, has a negative determinant."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    return bool(a * d < b * c)
