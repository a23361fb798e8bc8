"""Photos from any source, as RGB uint8."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.media.address import without_secrets
from mien.media.decode import (
    DECODE_ERRORS,
    eight_bits,
    on_white,
    open_photo,
    opened,
    orientation_of,
    pixels_of,
    reason_of,
    reduce,
)

if TYPE_CHECKING:
    from PIL import Image

    Photo = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | npt.NDArray[Any]
    """What `read_image` reads."""

PHOTO_SUFFIXES = (
    *(".apng", ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm"),
    *(".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
"""Endings, in any case, of the photos in a folder."""

_SEVERAL = " Several photos are given as a list; list(...) makes one of a column, a set or a batch."


@dataclass(frozen=True)
class Reduced:
    """A photo, read smaller than it is.

    Attributes:
        pixels: ``(H, W, 3)`` uint8 RGB.
        factor: a pixel stands for ``factor x factor`` of the photo's: 1, 2, 4 or 8.
        size: width and height of the photo, px.
    """

    pixels: npt.NDArray[np.uint8]
    factor: int
    size: tuple[int, int]


def read_image(source: Photo, name: str | None = None) -> npt.NDArray[np.uint8]:
    """Read a photo.

    Args:
        source: a path; the bytes of a photo file, or an open binary file; a Pillow image; or an array ``(H, W)``,
            ``(H, W, 1)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA, uint8 or floats in [0, 1].
        name: what messages call it; `source_name` where None.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright by its EXIF orientation; the first frame of an animation, the first page of a
        document. What is transparent becomes white. 16-bit and float values are scaled to 8 bits.

    Raises:
        InputError: the source cannot be read; the message names it and the reason.
    """
    return read_reduced(source, name).pixels


def read_reduced(source: Photo, name: str | None = None, *, least_px: float = float("inf")) -> Reduced:
    """Read a photo, a large JPEG at a half, a quarter or an eighth of its size.

    Args:
        source: as `read_image` takes it.
        name: as `read_image` takes it.
        least_px: to which the longer side may shrink.

    Raises:
        InputError: the source cannot be read.
    """
    if isinstance(source, str) and not source:  # or it would be the current folder
        raise InputError("an empty path; is the variable that it came from set?")
    name = source_name(source) if name is None else name
    source = in_memory(source, name)
    if isinstance(source, np.ndarray):
        return _whole(_from_array(source, name))
    if isinstance(source, str | os.PathLike):
        return _from_file(Path(source), name, least_px)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decoded(open_photo(io.BytesIO(source), name), name, least_px)
    from PIL import Image

    if isinstance(source, Image.Image):  # draft mode would change the caller's image
        return _decoded(source, name, float("inf"))
    known = "a path, bytes, a binary file, a Pillow image or an array"
    several = _SEVERAL if isinstance(source, Iterable) else ""
    raise InputError(f"{name}: cannot be read as a photo; expected {known}.{several}")


def in_memory(source: Photo, name: str) -> Photo:
    """Return the bytes of an open file, which can be read only once; other sources as they are.

    Raises:
        InputError: the file is open in text mode, or cannot be read.
    """
    if not hasattr(source, "read"):
        return source
    try:
        data, is_at_end = source.read(), False
        if not data and hasattr(source, "seekable") and hasattr(source, "tell"):
            is_at_end = source.seekable() and source.tell() > 0  # a pipe has no place
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: is open as text; open the file in binary mode, 'rb'.") from error
    except (OSError, ValueError) as error:  # ValueError: it is closed
        raise InputError(f"{name}: cannot be read: {reason_of(error)}.") from error
    if not isinstance(data, bytes):
        raise InputError(f"{name}: reading gave {type(data).__name__}; open the file in binary mode, 'rb'.")
    if is_at_end:
        raise InputError(f"{name}: has been read to its end; go back to its start, seek(0).")
    return data


def source_name(source: object, index: int | None = None) -> str:
    """Return what messages and records call a source: its path, an address without secrets, or ``<array>``.

    Args:
        source: what `read_image` takes.
        index: its place among several sources, as in ``<array 2>``.
    """
    if isinstance(source, str | os.PathLike):
        name = os.fsdecode(source)
        return name if os.path.exists(name) else without_secrets(name)  # noqa: PTH110 - Path's raises on long names
    named = None if isinstance(source, np.ndarray) else getattr(source, "filename", getattr(source, "name", None))
    if isinstance(named, str) and named:
        return named
    kind = {"ndarray": "array", "bytearray": "bytes", "memoryview": "bytes"}.get(type(source).__name__)
    return f"<{kind or type(source).__name__}{'' if index is None else f' {index}'}>"


def _from_file(path: Path, name: str, least_px: float) -> Reduced:
    if os.path.isdir(path):  # noqa: PTH112  # Path's raises on long names
        try:
            os.scandir(path).close()
        except OSError as error:
            raise InputError(f"{name}: cannot be opened: {error.strerror}.") from error
        raise InputError(f"{name}: is a folder, not a photo; give a list, [{name!r}], to read the photos in it.")
    with opened(path, name) as image:
        return _decoded(image, name, least_px)


def _decoded(image: Image.Image, name: str, least_px: float) -> Reduced:
    """The pixels of an opened image."""
    width, height = image.size
    if not width or not height:
        raise InputError(f"{name}: has no pixels, it is {width} x {height}.")
    try:
        factor = reduce(image, least_px)
        pixels = pixels_of(image)
    except DECODE_ERRORS as error:
        raise InputError(f"{name}: damaged: {reason_of(error)}.") from error
    if factor == 1:
        return _whole(pixels)
    return Reduced(pixels, factor, (width, height) if orientation_of(image) < 5 else (height, width))


def _whole(pixels: npt.NDArray[np.uint8]) -> Reduced:
    return Reduced(pixels, 1, (pixels.shape[1], pixels.shape[0]))


def _from_array(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint8]:
    planes = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or planes not in (1, 3, 4) or not array.size:
        several = _SEVERAL if array.ndim in (1, 4) else ""
        raise InputError(
            f"{name}: shape {array.shape}; expected (H, W) or (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) RGBA.{several}"
        )
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise InputError(f"{name}: values of type {array.dtype}; expected uint8, or floats in [0, 1].")
        try:
            array = eight_bits(array)
        except ValueError as error:
            raise InputError(f"{name}: {error}.") from error
    if planes == 4:
        return on_white(array)
    return array if planes == 3 else np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
