"""What all sources of frames share: video files, animations, cameras."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mien.checking import check_number
from mien.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of a video.

    Attributes:
        index: counted from 0 over all frames of the file, including those skipped.
        time_s: when it is shown, seconds from the beginning of the video.
        image: ``(H, W, 3)`` uint8 RGB, as it is shown: upright, with square pixels.

    Raises:
        InputError: `image` has another shape or type, or `time_s` is not finite.
    """

    index: int
    time_s: float
    image: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Check picture and time, and turn NumPy's numbers into Python's own, which JSON can hold."""
        shape: tuple[int, ...] = getattr(self.image, "shape", ())
        kind = getattr(self.image, "dtype", type(self.image).__name__)
        if kind != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise InputError(f"frame {self.index}: shape {shape} of {kind}; expected (H, W, 3) RGB uint8, not empty.")
        object.__setattr__(self, "index", int(self.index))
        object.__setattr__(self, "time_s", float(self.time_s))
        if not math.isfinite(self.time_s):
            raise InputError(f"frame {self.index}: shown at {self.time_s} s; expected a finite number.")


class FrameSource(Protocol):
    """A source of frames: `VideoReader`, `AnimationReader`, `CameraReader`, or a custom class with these members."""

    @property
    def name(self) -> str:
        """For messages and records."""
        ...

    @property
    def start_s(self) -> float:
        """First moment wanted, seconds."""
        ...

    @property
    def seen_s(self) -> float | None:
        """When the last frame read so far, wanted or not, ends, seconds; None if not known."""
        ...

    @property
    def cut_off(self) -> str | None:
        """After iterating, what could not be read; None if nothing."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order, each time from the beginning if possible."""
        ...


@contextmanager
def frames_of(source: FrameSource) -> Iterator[Iterator[Frame]]:
    """Give the frames of a source, and close their iterator at the end if possible, so that no file stays open."""
    frames = iter(source)
    try:
        yield frames
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


def check_part(name: str, start_s: float, end_s: float | None, every: int) -> None:
    """Check which part of a video is wanted.

    Raises:
        InputError: `every` is not a whole number from 1, a time not a number from 0, or the range is empty.
    """
    check_number(f"{name}: every", every, 1, whole=True)
    check_number(f"{name}: start_s", start_s, 0)
    if end_s is not None:
        check_number(f"{name}: end_s", end_s, 0)
        if end_s <= start_s:
            raise InputError(f"{name}: the range {start_s} s to {end_s} s is empty.")


def refuse_empty_part(name: str, start_s: float, end_s: float | None, every: int, ends_s: float) -> None:
    """Raise the error that no frame lies in a part, as `check_part` takes it, of a file that ends at `ends_s`.

    Raises:
        InputError: always.
    """
    if start_s >= ends_s:
        raise InputError(f"{name}: starts at {start_s:g} s, the video ends at {ends_s:.1f} s.")
    until = "the end" if end_s is None else f"{end_s:g} s"
    wanted = f" of those taken every {every} frames" if every > 1 else ""
    raise InputError(f"{name}: no frame{wanted} lies between {start_s:g} s and {until}; choose a longer range.")
