"""Photos from wherever they are: any source in, RGB uint8 out."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from mien.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    Photo = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | npt.NDArray[Any]
    """What `read_image` reads."""

PHOTO_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm"),
    *(".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
"""Endings, in any case, of the files that are taken from a folder."""

# Pillow knows more; what starts another program (EPS) or holds no photos is left out.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")

_P = TypeVar("_P")

# What Pillow's decoders raise on damaged files.
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError)


def read_image(source: Photo, name: str | None = None) -> npt.NDArray[np.uint8]:
    """Read a photo.

    Args:
        source: a path; the bytes of a photo file, or an open binary file; a Pillow image; or an array ``(H, W)``,
            ``(H, W, 1)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA, uint8 or floats in [0, 1].
        name: what messages call it; `source_name` where None.

    Returns:
        ``(H, W, 3)`` uint8 RGB, turned as its EXIF orientation says, the first frame of an animation. What is
        transparent stands on white. 16-bit and float values are scaled to 8 bits.

    Raises:
        InputError: the source cannot be read; the message names it and the reason.
    """
    name = source_name(source) if name is None else name
    source = in_memory(source, name)
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, str | os.PathLike):
        return _from_file(Path(source), name)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_stream(io.BytesIO(source), name)
    from PIL import Image

    if isinstance(source, Image.Image):
        return _decode(source, name)
    raise InputError(
        f"{name}: cannot be read as a photo; expected a path, bytes, a binary file, a Pillow image or an array."
    )


def in_memory(source: Photo, name: str) -> Photo:
    """Return the bytes of an open file, which can be read but once; other sources as they are.

    Raises:
        InputError: the file is open in text mode.
    """
    if not hasattr(source, "read"):
        return source
    data = source.read()
    if not isinstance(data, bytes):
        raise InputError(f"{name}: reading gave {type(data).__name__}; open the file in binary mode, 'rb'.")
    return data


def source_name(source: object, index: int | None = None) -> str:
    """Return what messages and records call a source: its path, or ``<array>`` where it has none.

    Args:
        source: what `read_image` takes.
        index: the place among several sources, which then stands in ``<array 2>``.
    """
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    named = None if isinstance(source, np.ndarray) else getattr(source, "filename", getattr(source, "name", None))
    if isinstance(named, str) and named:
        return named
    kind = {"ndarray": "array", "bytearray": "bytes", "memoryview": "bytes"}.get(type(source).__name__)
    return f"<{kind or type(source).__name__}{'' if index is None else f' {index}'}>"


def expand_folders(sources: Sequence[_P], suffixes: Sequence[str] = PHOTO_SUFFIXES) -> list[_P | Path]:
    """Put the photos in a folder and its subfolders, known by their endings, in the folder's place.

    Their order stays the same. Hidden files and folders are passed over, links to folders are not followed.

    Args:
        sources: photos and folders.
        suffixes: endings, in lower case, of the files that are taken from a folder.

    Raises:
        InputError: a folder holds none.
    """
    photos: list[_P | Path] = []
    for source in sources:
        if isinstance(source, str | os.PathLike) and Path(source).is_dir():
            photos += _photos_in(Path(source), suffixes)
        else:
            photos.append(source)
    return photos


def _photos_in(folder: Path, suffixes: Sequence[str] = PHOTO_SUFFIXES) -> list[Path]:
    photos = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        known = (name for name in sorted(files) if Path(name).suffix.lower() in suffixes)
        photos += [Path(parent) / name for name in known if not name.startswith(".")]
    if not photos:
        raise InputError(f"{folder}: no photo in it; expected files that end in {' '.join(suffixes)}.")
    return photos


def _from_file(path: Path, name: str) -> npt.NDArray[np.uint8]:
    if path.is_dir():
        raise InputError(f"{name}: is a folder, not a photo; give a list, [{name!r}], to read the photos in it.")
    if not path.exists():
        raise InputError(f"{name}: no such file.")
    if not path.is_file():  # opening a pipe or a device may wait for ever
        raise InputError(f"{name}: is not a regular file.")
    try:
        with path.open("rb") as stream:
            return _from_stream(stream, name)
    except OSError as error:
        raise InputError(f"{name}: cannot be opened: {error.strerror or error}.") from error


def _from_stream(stream: BinaryIO, name: str) -> npt.NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    if not stream.read(1):
        raise InputError(f"{name}: is empty, 0 bytes.")
    stream.seek(0)
    Image.init()
    try:
        image = Image.open(stream, formats=[known for known in _FORMATS if known in Image.OPEN])
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: not a photo in a known format; known are {', '.join(_FORMATS)}.") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: too large: {error}") from error
    except _DECODE_ERRORS as error:
        raise InputError(f"{name}: damaged: {_reason(error)}.") from error
    return _decode(image, name)


def _decode(image: Image.Image, name: str) -> npt.NDArray[np.uint8]:
    """The pixels of an opened image."""
    from PIL import ExifTags, ImageOps

    try:
        image.load()
        with contextlib.suppress(*_DECODE_ERRORS):  # a photo whose EXIF data are unreadable has no orientation
            if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
                image = ImageOps.exif_transpose(image)
        pixels = _rgb(image)
    except _DECODE_ERRORS as error:
        raise InputError(f"{name}: damaged: {_reason(error)}.") from error
    if not pixels.size:
        raise InputError(f"{name}: has no pixels, it is {image.width} x {image.height}.")
    return pixels


def _reason(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    """An image of any of Pillow's modes as ``(H, W, 3)``."""
    if image.mode.startswith("I"):  # 16 bits; mode I holds them in 32
        wide = np.asarray(image)
        if wide.size and not 0 <= wide.min() <= wide.max() <= 65535:
            raise ValueError(f"grey values from {wide.min()} to {wide.max()}, expected 16 bits, 0 to 65535")
        return _three_planes((wide // 257).astype(np.uint8))
    if image.mode == "F":
        return _three_planes(_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        return _on_white(np.asarray(image.convert("RGBA")))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))  # convert would copy


def _from_array(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint8]:
    planes = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or planes not in (1, 3, 4) or not array.size:
        raise InputError(
            f"{name}: shape {array.shape}; expected (H, W) or (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) RGBA."
        )
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise InputError(f"{name}: values of type {array.dtype}; expected uint8, or floats in [0, 1].")
        try:
            array = _eight_bits(array)
        except ValueError as error:
            raise InputError(f"{name}: {error}.") from error
    if planes == 4:
        return _on_white(array)
    return array if planes == 3 else _three_planes(array.reshape(array.shape[:2]))


def _eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Floats in [0, 1] as uint8."""
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # NaN compares false
        raise ValueError(f"values from {low:g} to {high:g}; expected floats in [0, 1]")
    return np.asarray(np.rint(values * 255), np.uint8)


def _three_planes(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _on_white(rgba: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``(H, W, 4)`` laid on white."""
    alpha = rgba[:, :, 3:].astype(np.uint16)
    return ((rgba[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
