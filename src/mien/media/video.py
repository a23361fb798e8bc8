"""Video files, read a frame at a time. Needs the extra ``video``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from mien.errors import InputError
from mien.media.clock import RisingClock
from mien.media.decode import TooLarge, check_file, reason_of
from mien.media.frames import Frame, check_part, refuse_empty_part
from mien.media.length import begin_of, duration_of, end_of_picture
from mien.media.pyav import import_av, open_leniently
from mien.media.shown import as_shown, pixel_aspect, shown_width

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

VIDEO_SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv"),
    *(".ts", ".webm", ".wmv"),
)
"""Endings, in any case, of videos."""

MAX_FRAME_PIXELS = 50_000_000
"""Videos and animations of larger frames are refused: 8K has 33 million."""

_JUMP_S = 0.5  # times of frames that step back further begin another recording
# A video that ends earlier than stated by more than this is reported as cut off. Whole FLV files miss up to three
# frames: the length of the last one is not stated, and two reordered ones are counted.
_MISSING_S, _MISSING_FRACTION, _MISSING_FRAMES = 1.0, 0.1, 4
# A packet of these codecs is one frame, unless that is sent as two fields, so frames are counted without decoding.
_COUNTABLE = ("av1", "ffv1", "h264", "hevc", "mjpeg", "prores", "vp9")
_PROGRESSIVE = (0, 1)  # FFmpeg's AVFieldOrder: unknown, progressive


@dataclass(frozen=True)
class _Entry:
    """A frame where decoding may begin.

    Attributes:
        packet: index of its packet, in the order of the file.
        index: of the frame.
        pts: its time stamp.
        leading: packets after it in the file whose frames are shown before it, and may need still earlier ones.
    """

    packet: int = 0
    index: int = 0
    pts: float = -math.inf
    leading: int = 0


class VideoReader:
    """Frames of a video file, decoded as they are asked for: memory does not grow with the video's length.

    Attributes:
        name: the file, for messages and records.
        start_s: first moment wanted, seconds.
        frame_rate, duration_s: mean frames per second, and seconds; None where the file does not say them.
        shown_size: width and height of a frame with square pixels, before it is turned as the file says.
        has_sound: whether there is sound.
        seen_s: while iterating and after it, when the last frame read so far ends, seconds; at most `end_s`.
        cut_off: after iterating, what could not be read of the file; None if nothing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        start_s: float = 0.0,
        end_s: float | None = None,
        every: int = 1,
        name: str | None = None,
        formats: str | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Open a video.

        Args:
            path: the file.
            start_s: first moment wanted, seconds. Decoding begins at the keyframe before it if the packets show how
                many frames come before that; else at the first frame.
            end_s: moment before which to stop; None = the end.
            every: 1 gives each frame, n each n-th.
            name: what messages and records call the file; None = its path.
            formats: FFmpeg's names of the formats that are read, with commas between them; None = all.
            stopped: is asked before each packet whether to stop there.

        Raises:
            InputError: the range is impossible, the file is missing or holds no video.
        """
        self.name = os.fsdecode(path) if name is None else name
        check_part(self.name, start_s, end_s, every)
        self._path, self._formats, self._stopped = Path(path).absolute(), formats, stopped
        self.start_s, self._end_s, self._every = start_s, end_s, every
        with self.open() as container:
            stream = self._stream_of(container)
            self.frame_rate = float(stream.average_rate) if stream.average_rate else None
            self.has_sound = bool(container.streams.audio)
            self._begin_s, self.duration_s = begin_of(container), duration_of(container)
            self._ends_s = end_of_picture(container, stream)
            self._aspect = pixel_aspect(stream)
            self.shown_size = (shown_width(stream.width, self._aspect), stream.height)
        self.seen_s = 0.0
        self.cut_off: str | None = None

    def open(self) -> InputContainer:
        """Open the file again, with PyAV.

        Raises:
            InputError: the file is missing or holds no video.
        """
        av = import_av()
        check_file(self._path, self.name)
        try:  # a name with a colon would be taken for an address if it were not absolute, and lists may name addresses
            options = {"protocol_whitelist": "file"} | ({"format_whitelist": self._formats} if self._formats else {})
            container: InputContainer = open_leniently(self._path, options)
        except (av.error.FFmpegError, ValueError) as error:
            why = f"{reason_of(error)}; is it another kind of file, or cut off?"
            raise InputError(f"{self.name}: cannot be read as a video: {why}") from error
        try:
            stream = self._stream_of(container)
            width = stream.width or 0
            check_frame(self.name, max(width, shown_width(width, pixel_aspect(stream))), stream.height or 0)
        except InputError:
            container.close()
            raise
        return container

    def __iter__(self) -> Generator[Frame, None, None]:
        """Yield the wanted frames in order.

        Raises:
            InputError: no frame at all could be decoded, or none lies in the range.
        """
        self.cut_off, index, empty, clock = None, -1, True, RisingClock(_JUMP_S)
        first_s, end_s = round(self.start_s, 6), math.inf if self._end_s is None else round(self._end_s, 6)
        mirrored: dict[int, bool] = {}
        with closing(self._indexed()) as frames:
            for index, frame in frames:
                stated_s = index / (self.frame_rate or 25.0) if frame.time is None else frame.time - self._begin_s
                time_s = clock.at(stated_s, float((frame.duration or 0) * (frame.time_base or 0)))
                self.seen_s = min(clock.end_s, end_s)
                moment_s = round(time_s, 6)  # MPEG-TS says 0.39999999999999997 for 0.4
                if moment_s >= end_s:
                    break
                if moment_s >= first_s and index % self._every == 0:
                    try:
                        image = as_shown(frame, self._aspect, mirrored)
                    except (import_av().error.FFmpegError, ValueError) as error:
                        self.cut_off = f"the colours of frame {index} cannot be converted ({reason_of(error)})"
                        break
                    empty = False
                    yield Frame(index=index, time_s=time_s, image=image)
            else:
                self._note_end(index, clock)
        if empty and self.cut_off:
            raise InputError(f"{self.name}: no frame can be read; {self.cut_off}.")
        if empty:
            refuse_empty_part(self.name, self.start_s, self._end_s, self._every, clock.end_s)

    def _note_end(self, index: int, clock: RisingClock) -> None:
        """Set `cut_off` if the frames end before the stated end; refuse a file without any."""
        if index < 0:
            raise InputError(f"{self.name}: no frame can be decoded; {self.cut_off or 'it has none'}.")
        few_s = _MISSING_FRAMES * clock.longest_s or _MISSING_S
        if self._ends_s - clock.end_s > min(_MISSING_S, max(_MISSING_FRACTION * self._ends_s, few_s)):
            ends = f"ends at {clock.end_s:.1f} s of {self._ends_s:.1f} s"
            self.cut_off = f"{ends}; {self.cut_off}" if self.cut_off else ends

    def _stream_of(self, container: InputContainer) -> av.VideoStream:
        """The video of a file, which cover art is not; refused if there is none, or no decoder for it."""
        av = import_av()
        for stream in container.streams.video:
            if not stream.disposition & av.stream.Disposition.attached_pic:
                if stream.codec_context is None:
                    raise InputError(f"{self.name}: its codec is unknown.")
                return stream
        kinds = ", ".join(sorted({stream.type for stream in container.streams} - {"video"}))
        raise InputError(f"{self.name}: holds no video, only: {kinds or 'nothing'}.")

    def _indexed(self) -> Generator[tuple[int, av.VideoFrame], None, None]:
        """Frames from the keyframe before `start_s`, each with its index; from the first where that does not do."""
        entry = self._entry()
        with closing(self._decoded(entry)) as frames:
            first = next(frames, None)
            if not entry.packet or (first is not None and first.pts == entry.pts):
                yield from enumerate(frames if first is None else chain([first], frames), entry.index)
                return
        self.cut_off = None  # of pictures that are renewed bit by bit
        with closing(self._decoded(_Entry())) as frames:
            yield from enumerate(frames)

    def _entry(self) -> _Entry:
        """The last keyframe that is shown before `start_s`; the first one where packets do not say which that is."""
        av = import_av()
        entry, shown, last = _Entry(), 0, -math.inf
        with self.open() as container:
            stream = self._stream_of(container)
            if not self.start_s or not _is_countable(stream) or not stream.time_base:
                return entry
            start = (self._begin_s + self.start_s) / stream.time_base
            try:
                for number, packet in enumerate(container.demux(stream)):
                    if not packet.size:  # it ends the file
                        return entry
                    decoded_at = last if packet.dts is None else packet.dts  # Matroska does not say it of the first
                    if packet.pts is None or decoded_at < last:
                        break
                    if decoded_at > start:  # as all that follow, and none of them is shown earlier than it is decoded
                        return entry
                    last = decoded_at
                    if packet.is_keyframe and packet.pts <= start:
                        entry = _Entry(number, shown, packet.pts)
                    elif packet.pts < entry.pts and not packet.is_discard:
                        entry = replace(entry, index=entry.index + 1, leading=entry.leading + 1)
                    shown += not packet.is_discard
            except av.error.FFmpegError:
                pass
        return _Entry()

    def _decoded(self, entry: _Entry) -> Generator[av.VideoFrame, None, None]:
        """All frames from an entry on that can be decoded; damaged ones are left out, and counted in `cut_off`."""
        av = import_av()
        missing, refused, begun = -entry.leading, 0, False
        with self.open() as container, closing(self._packets(container)) as packets:
            stream = self._stream_of(container)
            stream.thread_type = "AUTO"
            most = MAX_FRAME_PIXELS // max(Fraction(1), self._aspect)  # of frames larger than the header says
            stream.codec_context.options = {"max_pixels": str(most)}
            for packet in islice(packets, entry.packet, None):
                missing += packet.size > 0 and not packet.is_discard
                try:
                    for frame in packet.decode():
                        begun = begun or frame.pts is None or frame.pts >= entry.pts
                        if begun and not frame.is_corrupt:
                            missing -= 1
                            yield frame
                except av.error.EOFError:
                    break
                except av.error.FFmpegError:
                    refused += 1
            left_out = missing if _is_countable(stream) else refused  # not each decoder says what it leaves out
        if left_out > 0 and not self.cut_off:
            self.cut_off = f"frames that are damaged and left out: {left_out}"

    def _packets(self, container: InputContainer) -> Generator[av.Packet[av.VideoStream], None, None]:
        av = import_av()
        try:
            for packet in container.demux(self._stream_of(container)):
                if self._stopped():
                    self.cut_off = "stopped"
                    return
                yield packet
        except av.error.FFmpegError as error:
            self.cut_off = f"cannot be read to its end ({reason_of(error)})"


def check_frame(name: str, width: int, height: int) -> None:
    """Make sure that frames are not too large.

    Raises:
        TooLarge: they are.
    """
    if width * height > MAX_FRAME_PIXELS:
        most = f"at most {MAX_FRAME_PIXELS / 1e6:g} megapixels are read"
        raise TooLarge(f"{name}: frames of {width} x {height} px; {most}.")


def _is_countable(stream: av.VideoStream) -> bool:
    codec = stream.codec_context
    return codec.codec.canonical_name in _COUNTABLE and codec.field_order in _PROGRESSIVE
