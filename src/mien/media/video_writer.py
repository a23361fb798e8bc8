"""Video files, written with the sound of another. Needs the extra ``video``."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import numpy as np

from mien.errors import InputError
from mien.media.clock import RisingClock
from mien.media.decode import reason_of
from mien.media.frames import Frame, FrameSource
from mien.media.length import begin_of
from mien.media.pyav import import_av
from mien.media.shown import BT709
from mien.media.video import VideoReader

if TYPE_CHECKING:
    from av.container import InputContainer

_T = TypeVar("_T")

_TICKS_PER_SECOND = 90_000  # of a written video; divides the usual frame rates, and keeps a variable one
_LEAST_MP3_HZ = 16_000  # of MP3 in mp4
_LONGEST_PX = 16_384  # x264's limit
_LIMITED = 1  # FFmpeg's number for luma of 16 to 235, which all players support
_CRF = 20  # x264's constant rate factor: a little better than its default of 23, since text is drawn


class VideoWriter:
    """An H.264 mp4 that browsers and phones play, with the times of its frames and the sound of another file.

    A context manager; the file takes its name only when it is complete.
    """

    def __init__(self, path: str | os.PathLike[str], source: FrameSource | None = None) -> None:
        """Prepare writing.

        Args:
            path: of the mp4 file; not the one that is read.
            source: where the frames are from. The file begins at its `start_s` and ends at its `seen_s`; if that is
                None, the last frame lasts as long as the one before it. From a `VideoReader` the file also gets the
                stated frame rate, though each frame keeps its own time, and the sound while there is a picture: AAC and
                MP3 unchanged, other codecs as AAC, unknown codecs not at all.
        """
        self._path = Path(path)
        self._start_s = 0.0 if source is None else source.start_s
        self._source = source
        self._original = source if isinstance(source, VideoReader) else None
        self._place = Path(os.path.realpath(path))  # links are kept
        self._part = self._place.with_name(f"{self._place.stem}.{uuid4().hex[:8]}.part.mp4")  # no other file's name
        frame_rate = None if self._original is None else self._original.frame_rate
        self._rate = Fraction(frame_rate or 25.0).limit_denominator(1001)
        self._stack = ExitStack()
        self._video: Any = None
        self._sound: Iterator[tuple[float, Any]] = iter(())
        self._next_sound: tuple[float, Any] | None = None
        self._ticks = (-1, -1)  # of the last two frames

    def __enter__(self) -> VideoWriter:
        """Create the file.

        Raises:
            InputError: it cannot be created.
        """
        av = import_av()
        with self._explained():
            self._place.parent.mkdir(parents=True, exist_ok=True)
            if self._place.is_dir():  # before the long work
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._out = self._stack.enter_context(av.open(self._part, "w", options={"movflags": "+faststart"}))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file, or remove it after an error.

        Raises:
            InputError: it cannot be written to its end.
        """
        complete = kind is None and self._video is not None
        try:
            with self._explained():
                with self._stack:
                    if complete:
                        self._complete()
                if complete:
                    self._part.replace(self._place)
        except InputError:
            if kind is None:  # else the first error is raised
                raise
        finally:
            self._part.unlink(missing_ok=True)

    def write(self, frame: Frame) -> None:
        """Add a frame, later than the one before; one of another size is stretched to that of the first.

        Raises:
            InputError: the first is too small or too large for H.264, or the file cannot be written.
        """
        import av

        height, width = (side - side % 2 for side in frame.image.shape[:2])  # 4:2:0 colour needs even sides
        with self._explained():
            if self._video is None:
                self._begin(width, height)
            rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.image[:height, :width]), format="rgb24")
            picture = rgb.reformat(format="yuv420p", dst_colorspace="ITU709")
            time_s = frame.time_s - self._start_s
            self._write_sound_until(time_s)
            last = self._ticks[1]
            self._ticks = last, max(round(time_s * _TICKS_PER_SECOND), last + 1)
            picture.pts, picture.time_base = self._ticks[1], Fraction(1, _TICKS_PER_SECOND)
            self._out.mux(self._video.encode(picture))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Add the file's name to errors in writing."""
        try:
            yield
        except (import_av().error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self._path}: cannot be written ({reason_of(error)}).") from error

    def _begin(self, width: int, height: int) -> None:
        """Add both streams, which must be known before the first packet."""
        if not (2 <= width <= _LONGEST_PX and 2 <= height <= _LONGEST_PX):
            raise InputError(
                f"{self._path}: frames of {width} x {height} px; H.264 takes 2 to {_LONGEST_PX:,} px a side."
            )
        # no B-frames: by their order, mp4 would give the last frame the time of another
        options = {"crf": str(_CRF), "preset": "veryfast", "bf": "0"}
        self._video = self._out.add_stream("libx264", rate=self._rate, options=options)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        codec = self._video.codec_context
        codec.time_base = Fraction(1, _TICKS_PER_SECOND)
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709  # else players guess it by the size
        codec.color_range = _LIMITED
        if self._original is not None and self._original.has_sound:
            container = self._stack.enter_context(self._original.open())
            sound = container.streams.audio[0]
            if not _is_known(sound):
                return
            begin_s = begin_of(container) + self._start_s
            if _fits_mp4(sound):
                self._sound = _copied(container, self._out.add_stream_from_template(sound), begin_s)
            else:
                self._sound = _encoded(container, self._out.add_stream("aac", rate=_aac_rate(sound.rate)), begin_s)
            self._next_sound = next(self._sound, None)

    def _complete(self) -> None:
        """Write what the encoder holds back, and the sound."""
        before, last = self._ticks
        seen_s = None if self._source is None else self._source.seen_s
        shown = 0 if seen_s is None else round((seen_s - self._start_s) * _TICKS_PER_SECOND) - last
        if shown <= 0:
            shown = last - before if before >= 0 else round(_TICKS_PER_SECOND / self._rate)
        self._write_sound_until((last + shown) / _TICKS_PER_SECOND)
        packets = self._video.encode(None)
        for packet in packets:  # mp4 uses that of the last only; others last until the next
            packet.duration = shown
        self._out.mux(packets)

    def _write_sound_until(self, time_s: float) -> None:
        """Write the sound before a moment, so that picture and sound are interleaved in the file."""
        while self._next_sound is not None and self._next_sound[0] <= time_s:
            self._out.mux(self._next_sound[1])
            self._next_sound = next(self._sound, None)


def _is_known(sound: Any) -> bool:
    """Whether FFmpeg has the codec."""
    return sound.codec_context is not None


def _fits_mp4(sound: Any) -> bool:
    """Whether every player of mp4 can play this sound as it is."""
    name = sound.codec_context.name
    return name == "aac" or (name in ("mp3", "mp3float") and sound.rate >= _LEAST_MP3_HZ)


def _aac_rate(rate: int) -> int:
    """The lowest sampling rate of AAC that is at least `rate` Hz; else the highest."""
    known: list[int] = import_av().Codec("aac", "w").audio_rates or [rate]
    return min((each for each in known if each >= rate), default=max(known))


def _copied(container: InputContainer, stream: Any, begin_s: float) -> Iterator[tuple[float, Any]]:
    """Packets of the sound from a moment on, with the seconds since then."""
    clock, last = RisingClock(), -1
    for packet in _until_damaged(container.demux(container.streams.audio[0])):
        if packet.pts is None or not packet.time_base:
            continue
        length_s = float((packet.duration or 0) * packet.time_base)
        time_s = clock.at(float(packet.pts * packet.time_base) - begin_s, length_s)
        if time_s >= 0:
            last = max(round(time_s / packet.time_base), last + 1)
            packet.pts = packet.dts = last
            packet.stream = stream
            yield time_s, packet


def _encoded(container: InputContainer, stream: Any, begin_s: float) -> Iterator[tuple[float, Any]]:
    """The same in another codec."""
    clock = RisingClock()
    for frame in _until_damaged(container.decode(container.streams.audio[0])):
        if frame.time is None:
            continue
        time_s = clock.at(frame.time - begin_s, frame.samples / frame.sample_rate)
        if time_s < 0:
            continue
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(time_s * frame.sample_rate)
        for packet in stream.encode(frame):
            yield _time_of(packet), packet
    for packet in stream.encode(None):
        yield _time_of(packet), packet


def _time_of(packet: Any) -> float:
    """The time of a packet, seconds; not of the encoder's last frame, as it holds packets back."""
    return float(packet.pts * packet.time_base)


def _until_damaged(parts: Iterator[_T]) -> Iterator[_T]:
    """Parts of a file up to the first that cannot be read; what is missing is reported by the reader of the picture."""
    av = import_av()
    try:
        yield from parts
    except av.error.FFmpegError:
        return
