"""Decoding photo files to pixels, with Pillow."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from mien.errors import InputError
from mien.media.address import is_address

_ROUNDING = 1e-5  # by which floats may lie outside [0, 1]
MAX_PIXELS = 200_000_000
"""Photos with more pixels are refused: phones take up to this many, and a small file can claim billions."""

# Without those that start another program (EPS) or hold no photos. TGA is last, as it has no signature.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP", "TGA")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")

DECODE_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, RuntimeError, IndexError, KeyError, TypeError, struct.error),
    Image.DecompressionBombError,  # of a GIF whose frames are larger than its header says
    MemoryError,  # of a JPEG 2000 whose header asks for too many bytes
)
"""What Pillow raises on damaged files."""

_STRIP_PX = 32  # fits into the cache: three times as fast as the whole image at once


class TooLarge(InputError):
    """A photo or video frames with too many pixels."""


class IsVideo(InputError):
    """A video, where a photo was expected."""


def check_file(path: Path, name: str) -> None:
    """Make sure that there is a file to read.

    Raises:
        InputError: it is missing, cannot be reached, is empty, or is not a regular file.
    """
    if not name:  # or it would be the current folder
        raise InputError("an empty path; is the variable that it came from set?")
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a NUL in the name
        hint = "; it is an address, and mien reads files: download it first" if is_address(name) else ""
        raise InputError(f"{name}: no such file{hint}.") from error
    except OSError as error:  # no permission, a link to itself, a name that is too long
        raise InputError(f"{name}: cannot be opened: {error.strerror}.") from error
    if S_ISDIR(found.st_mode):
        raise InputError(f"{name}: is a folder, not a file.")
    if not S_ISREG(found.st_mode):  # opening a pipe or a device may block
        raise InputError(f"{name}: is not a regular file.")
    if not found.st_size:
        raise InputError(f"{name}: is empty, 0 bytes.")


@contextlib.contextmanager
def opened(path: Path, name: str) -> Iterator[Image.Image]:
    """Open a photo file, as `open_photo` does.

    Raises:
        InputError: it is missing, cannot be opened, or is not a photo.
    """
    check_file(path, name)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{name}: cannot be opened: {error.strerror or error}.") from error
    with stream:
        yield open_photo(stream, name)


def open_photo(stream: BinaryIO, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read the header of a photo file; `pixels_of` decodes it.

    Not with `PIL.Image.open`, whose limits, 89 megapixels for a warning and 179 for an error, can be changed only for
    the whole process, and which hides what is wrong with a damaged file.

    Raises:
        TooLarge: it has more than `max_pixels`.
        IsVideo: it is a video.
        InputError: the file is empty, damaged or no photo.
    """
    prefix = stream.read(64)
    if not prefix:
        raise InputError(f"{name}: is empty, 0 bytes.")
    Image.init()
    openers = {known: Image.OPEN[known] for known in _FORMATS if known in Image.OPEN}
    if prefix[4:8] == b"ftyp" and any(brand in prefix[8:] for brand in _HEIC_BRANDS):
        openers = {"HEIC": (_heic(name), None)}
    reasons = []
    for known, (factory, accepts) in openers.items():
        if accepts and not accepts(prefix[:16]):
            continue
        stream.seek(0)
        try:
            image = factory(stream, "")
        except DECODE_ERRORS as error:
            if known != "TGA":  # which accepts anything
                reasons.append(f"{name}: damaged or unusual {known}: {reason_of(error)}.")
            continue
        tags = getattr(image, "tag_v2", {})
        tile = [side for tag in (322, 323) if isinstance(side := tags.get(tag), int)]  # TIFF decodes whole tiles
        at_most = f"at most {max_pixels / 1e6:g} megapixels are read."
        if math.prod(tile) > max_pixels:
            raise TooLarge(f"{name}: tiles of {' x '.join(map(str, tile))} px; {at_most}")
        if image.width * image.height > max_pixels:
            raise TooLarge(f"{name}: {image.width} x {image.height} px; {at_most}")
        return image
    if not reasons and _is_video(prefix):
        raise IsVideo(f"{name}: is a video, by its content, not a photo; the name of a video ends in .mp4 or similar.")
    raise InputError(
        reasons[0] if reasons else f"{name}: not a photo in a known format; known are {', '.join(_FORMATS)} and HEIC."
    )


def _is_video(prefix: bytes) -> bool:
    """Whether a file that is not a photo begins like MP4, QuickTime, Matroska, WebM or AVI."""
    return prefix[4:8] == b"ftyp" or prefix[:4] == b"\x1aE\xdf\xa3" or (prefix[:4], prefix[8:12]) == (b"RIFF", b"AVI ")


def _heic(name: str) -> Any:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise InputError(
            f"{name}: is a HEIC photo; reading it needs pillow-heif, which is not installed: pip install '.[heic]' in "
            "a clone of mien."
        ) from error
    return HeifImageFile


def reduce(image: Image.Image, least_px: float) -> int:
    """Have a JPEG decoded at a half, a quarter or an eighth, so that its longer side keeps `least_px`.

    Decoding then averages its blocks of 8 x 8 px: faster, with a fraction of the memory.

    Returns:
        By what the sides are divided; 1 for other formats.
    """
    longest = max(image.size)
    factor = max((factor for factor in (2, 4, 8) if longest >= factor * least_px), default=1)
    if factor == 1 or image.format not in ("JPEG", "MPO"):
        return 1
    image.draft(None, (max(1, image.width // factor), max(1, image.height // factor)))
    return round(longest / max(image.size))


def pixels_of(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Decode an opened image, or the frame at which it stands.

    Returns:
        ``(H, W, 3)`` uint8 RGB, upright; what is transparent stands on white.

    Raises:
        One of `DECODE_ERRORS`: the file is damaged.
    """
    image.load()
    orientation = orientation_of(image)
    width, height = image.size
    upright = np.empty((height, width, 3) if orientation < 5 else (width, height, 3), np.uint8)
    stored = _as_stored(upright, orientation)
    for top in range(0, height, _STRIP_PX):  # Pillow copies what it returns; a whole copy would double the memory
        bottom = min(top + _STRIP_PX, height)
        stored[top:bottom] = _rgb(image.crop((0, top, width, bottom)))
    return upright


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of a photo, 1 to 8; 1 where it has none."""
    found: Any = None
    with contextlib.suppress(*DECODE_ERRORS):  # unreadable EXIF data
        found = image.getexif().get(ExifTags.Base.Orientation)
    return int(found) if found in range(1, 9) else 1


def _as_stored(upright: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """A view of an upright picture with the rows and columns of a file of this EXIF orientation."""
    view = upright[::-1] if orientation in (3, 4, 7, 8) else upright
    view = view[:, ::-1] if orientation in (2, 3, 6, 7) else view
    return view.swapaxes(0, 1) if orientation >= 5 else view


def _rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    """An image of any of Pillow's modes as ``(H, W, 3)``, or ``(H, W, 1)`` if it is grey."""
    if image.mode.startswith("I"):  # 16 bits; mode I holds them in 32
        wide = np.asarray(image)
        if not 0 <= wide.min() <= wide.max() <= 65535:
            raise ValueError(f"grey values from {wide.min()} to {wide.max()}, expected 16 bits, 0 to 65535")
        return (wide // 257).astype(np.uint8)[:, :, None]
    if image.mode == "F":
        return eight_bits(np.asarray(image))[:, :, None]
    if image.has_transparency_data:
        return on_white(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("RGB"))


def eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return floats in [0, 1] as uint8.

    Raises:
        ValueError: there are others.
    """
    low, high = values.min(), values.max()
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # NaN compares false
        raise ValueError(f"values from {low:g} to {high:g}; expected floats in [0, 1]")
    return np.asarray(np.rint(values.clip(0, 1) * 255), np.uint8)


def on_white(rgba: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return ``(H, W, 4)`` blended with white, ``(H, W, 3)``."""
    alpha = rgba[:, :, 3:].astype(np.uint16)
    return ((rgba[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def reason_of(error: Exception) -> str:
    """Return the message of an exception, without error number, file and final dot."""
    if isinstance(error, MemoryError) and not str(error):
        return "it asks for more memory than there is"
    said = getattr(error, "strerror", None) or str(error)
    return said.strip().rstrip(".") or type(error).__name__
