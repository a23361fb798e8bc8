"""Decode small face images, and list those that cannot be read."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mien.errors import DataError
from mien.media.decode import orientation_of, pixels_of
from mien.preprocess import Preprocess

SIDE_PX = 48
"""Side of a FER2013 face."""

_FACE = Preprocess(crop_px=SIDE_PX, color="grey")


@dataclass(frozen=True)
class Decoded:
    """Faces that could be read, and those that could not.

    Attributes:
        faces: ``(N, 48, 48)`` uint8, the readable ones in order.
        kept: ``(N,)`` int64, their positions in what was given.
        broken: ``"NAME: reason"`` of each other one.
    """

    faces: npt.NDArray[np.uint8]
    kept: npt.NDArray[np.int64]
    broken: tuple[str, ...]


def decode_faces(names: Sequence[str], read: Callable[[str], bytes], resize: bool = False) -> Decoded:
    """Decode images of 48 x 48 px, of any kind that Pillow reads; colour becomes grey.

    Args:
        names: of the images, for messages.
        read: gives the encoded bytes of an image, called once for each name, in order; a `DataError` from it
            marks the image as broken.
        resize: scale the middle square of images of another size.
    """
    faces = np.empty((len(names), SIDE_PX, SIDE_PX), np.uint8)
    kept: list[int] = []
    broken: list[str] = []
    for position, name in enumerate(names):
        try:
            faces[len(kept)] = _decode(read(name), resize)
            kept.append(position)
        except DataError as error:
            broken.append(f"{name}: {error}")
    return Decoded(faces[: len(kept)], np.array(kept, np.int64), tuple(broken))


def _decode(encoded: bytes, resize: bool) -> npt.NDArray[np.uint8]:
    """One image as ``(48, 48)``; the message of a `DataError` is the reason alone."""
    if not isinstance(encoded, bytes):
        raise DataError(f"found a {type(encoded).__name__}, expected the bytes of an image")
    if not encoded:
        raise DataError("empty file")
    try:
        # Pillow, not OpenCV: OpenCV silently fills the missing part of a truncated JPEG with grey
        with Image.open(io.BytesIO(encoded)) as image:
            if not resize and image.size != (SIDE_PX, SIDE_PX):
                raise DataError(f"{image.width}x{image.height} px, expected {SIDE_PX}x{SIDE_PX}")
            upright = _plain(image).convert("L")
            if upright.size == (SIDE_PX, SIDE_PX):
                return np.asarray(upright)
            side = min(upright.size)
            left, top = (upright.width - side) // 2, (upright.height - side) // 2
            middle = np.asarray(upright)[top : top + side, left : left + side]
            face: npt.NDArray[np.uint8] = _FACE.stack([middle])[0, 0]  # as recognisers resize crops
            return face
    except UnidentifiedImageError:
        raise DataError("not an image") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow's decoders raise
        raise DataError(f"damaged image ({error})") from error


def _plain(image: Image.Image) -> Image.Image:
    """The image, upright, in a mode that Pillow converts to grey well: 16 bits scaled to 8, transparency on white."""
    if orientation_of(image) == 1 and image.mode[0] not in "IF" and not image.has_transparency_data:
        return image
    return Image.fromarray(pixels_of(image))
