"""Animated pictures, read a frame at a time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from mien.errors import InputError
from mien.media.decode import DECODE_ERRORS, opened, pixels_of, reason_of
from mien.media.frames import Frame, check_part, refuse_empty_part
from mien.media.video import VideoReader, check_frame

ANIMATION_SUFFIXES = (".apng", ".avif", ".gif", ".png", ".webp")
"""Endings, in any case, of the files that may be animations."""

_TOO_SHORT_MS = 10
_INSTEAD_MS = 100  # as browsers do


def is_animation(path: Path) -> bool:
    """Tell whether a file is a picture of several frames; False if it cannot be read."""
    if path.suffix.lower() not in ANIMATION_SUFFIXES:
        return False
    try:
        with opened(path, str(path)) as image:
            return bool(getattr(image, "is_animated", False))
    except (InputError, *DECODE_ERRORS):
        return False


def frame_reader(
    path: str | os.PathLike[str], *, start_s: float = 0.0, end_s: float | None = None, every: int = 1
) -> VideoReader | AnimationReader:
    """Return the reader of a video or an animation, by its ending; the arguments are those of `VideoReader`.

    Raises:
        InputError: the range is impossible, or the file cannot be read.
    """
    kind = AnimationReader if Path(path).suffix.lower() in ANIMATION_SUFFIXES else VideoReader
    return kind(path, start_s=start_s, end_s=end_s, every=every)


class AnimationReader:
    """Frames of a GIF, WebP, PNG or AVIF, shown once, as `VideoReader` gives those of a video. Needs no PyAV.

    Attributes:
        name: the file, for messages and records.
        start_s: first moment wanted, seconds.
        duration_s: None; only known at the end.
        seen_s: while iterating and after it, when the last frame read so far ends, seconds; at most `end_s`.
        cut_off: after iterating, what could not be read of the file; None if nothing.
    """

    duration_s: float | None = None

    def __init__(
        self, path: str | os.PathLike[str], *, start_s: float = 0.0, end_s: float | None = None, every: int = 1
    ) -> None:
        """Open a file; the arguments are those of `VideoReader`.

        Raises:
            InputError: the range is impossible, or the file is no picture.
        """
        self.name = os.fsdecode(path)
        check_part(self.name, start_s, end_s, every)
        self._path, self.start_s, self._end_s, self._every = Path(path), start_s, end_s, every
        self.seen_s = 0.0
        self.cut_off: str | None = None
        with opened(self._path, self.name) as image:
            check_frame(self.name, *image.size)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the wanted frames in order.

        Raises:
            InputError: the first frame cannot be decoded, or none lies in the range.
        """
        self.cut_off, index, empty = None, 0, True
        ends_ms = added_ms = 0.0
        with opened(self._path, self.name) as image:
            try:
                apart = int(getattr(image, "default_image", False))  # an extra picture for viewers without animation
                for index in range(getattr(image, "n_frames", 1) - apart):
                    image.seek(index + apart)
                    image.load()
                    time_ms = ends_ms
                    if image.format == "AVIF":  # Pillow rounds each length to 1 ms, which would add up
                        time_ms = image.info["timestamp"] + added_ms
                    time_s = time_ms / 1000
                    if self._end_s is not None and time_s >= self._end_s:
                        break
                    shown_ms = stated_ms = image.info.get("duration", 0)
                    if stated_ms <= _TOO_SHORT_MS:
                        shown_ms = _INSTEAD_MS
                        added_ms += shown_ms - stated_ms
                    ends_ms = time_ms + shown_ms
                    self.seen_s = min(ends_ms / 1000, math.inf if self._end_s is None else self._end_s)
                    if time_s >= self.start_s and index % self._every == 0:
                        empty = False
                        yield Frame(index=index, time_s=time_s, image=pixels_of(image))
            except DECODE_ERRORS as error:
                if index == 0:
                    raise InputError(f"{self.name}: damaged: {reason_of(error)}.") from error
                self.cut_off = f"frame {index} cannot be read: {reason_of(error)}"
        if empty:
            refuse_empty_part(self.name, self.start_s, self._end_s, self._every, ends_ms / 1000)
