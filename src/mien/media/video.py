"""Video files, read a frame at a time. Needs ``mien[video]``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

VIDEO_SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts"),
    *(".webm", ".wmv"),
)
"""Endings, in any case, of the files that are taken for videos."""

_MISSING_S = 1.0  # a video that ends earlier than it says by more than this is reported as cut off


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of a video.

    Attributes:
        index: counted from 0 over all frames of the file, those skipped included.
        time_s: when it is shown, seconds from the beginning of the video.
        image: ``(H, W, 3)`` uint8 RGB, upright.
    """

    index: int
    time_s: float
    image: npt.NDArray[np.uint8]


class VideoReader:
    """Frames of a video file, decoded as they are asked for: memory does not grow with the video's length.

    Attributes:
        name: the file, for messages.
        frame_rate: mean frames per second; None where the file does not say.
        duration_s: as the file says; None where it does not.
        has_sound: whether there is sound.
        cut_off: after iterating, what could not be read of the file; None if all could.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, start_s: float = 0.0, end_s: float | None = None, every: int = 1
    ) -> None:
        """Open a video.

        Args:
            path: the file.
            start_s: first moment wanted, seconds. What comes before is decoded too, so that frames can be counted.
            end_s: moment before which to stop; None = the end.
            every: 1 gives each frame, n each n-th.

        Raises:
            InputError: the range is impossible, the file is missing or holds no video.
        """
        self.name = os.fsdecode(path)
        if every < 1:
            raise InputError(f"{self.name}: every {every} frames; expected 1 or more.")
        if start_s < 0 or (end_s is not None and end_s <= start_s):
            raise InputError(f"{self.name}: the range {start_s} s to {end_s} s is empty.")
        self._path, self.start_s, self.end_s, self.every = Path(path), start_s, end_s, every
        with self.open() as container:
            stream = container.streams.video[0]
            self.frame_rate = float(stream.average_rate) if stream.average_rate else None
            self.duration_s = container.duration / 1_000_000 if container.duration else None
            self.has_sound = bool(container.streams.audio)
        self.cut_off: str | None = None

    def open(self) -> InputContainer:
        """Open the file anew, with PyAV.

        Raises:
            InputError: the file is missing or holds no video.
        """
        av = import_av()
        if not self._path.is_file():
            raise InputError(f"{self.name}: {'is no regular file' if self._path.exists() else 'no such file'}.")
        if not self._path.stat().st_size:
            raise InputError(f"{self.name}: is empty, 0 bytes.")
        try:
            container: InputContainer = av.open(self._path)
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"{self.name}: cannot be read as a video ({reason_of(error)}).") from error
        if not container.streams.video:
            kinds = ", ".join(stream.type for stream in container.streams)
            container.close()
            raise InputError(f"{self.name}: holds no video, only: {kinds or 'nothing'}.")
        return container

    def __iter__(self) -> Iterator[Frame]:
        """Yield the wanted frames in order.

        Raises:
            InputError: no frame at all could be decoded.
        """
        self.cut_off, index, time_s = None, -1, 0.0
        with self.open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            begin_s = (container.start_time or 0) / 1_000_000
            for index, frame in enumerate(self._decoded(container)):
                time_s = index / (self.frame_rate or 25.0) if frame.time is None else frame.time - begin_s
                if self.end_s is not None and time_s >= self.end_s:
                    return
                if time_s >= self.start_s and index % self.every == 0:
                    yield Frame(index=index, time_s=time_s, image=_upright(frame))
            ends_s = self._ends_s(stream)
        if index < 0:
            raise InputError(f"{self.name}: no frame can be decoded; {self.cut_off or 'it has none'}.")
        if self.cut_off is None and ends_s - time_s > _MISSING_S:
            self.cut_off = f"ends at {time_s:.1f} s of {ends_s:.1f} s"

    def _ends_s(self, stream: av.VideoStream) -> float:
        """Where the picture ends as the file says; 0 where it does not say."""
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return 0.0 if self.has_sound else self.duration_s or 0.0  # of sound that goes on longer

    def _decoded(self, container: InputContainer) -> Iterator[av.VideoFrame]:
        """All frames that can be decoded; damaged ones are left out, and counted in `cut_off`."""
        av = import_av()
        damaged = 0
        packets = container.demux(container.streams.video[0])
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.error.FFmpegError as error:
                self.cut_off = f"cannot be read to its end ({reason_of(error)})"
                return
            try:
                yield from packet.decode()
            except av.error.EOFError:
                break
            except av.error.FFmpegError:
                damaged += 1
        if damaged:
            self.cut_off = f"{damaged} frames are damaged and left out"


def _upright(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """A frame as RGB, turned as its display matrix says."""
    image = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, frame.rotation // 90 % 4))


def reason_of(error: Exception) -> str:
    """Return what an error of PyAV says, without its number and file."""
    return getattr(error, "strerror", None) or str(error)


def import_av() -> Any:
    """Return PyAV.

    Raises:
        InputError: it is not installed.
    """
    try:
        import av
        import av.error
    except ImportError as error:
        raise InputError("reading video needs PyAV, which is not installed: pip install 'mien[video]'.") from error
    return av
