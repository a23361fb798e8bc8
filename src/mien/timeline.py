"""From faces in frames to segments of time with one expression, as CSV, JSON and SRT."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mien.checking import check_number
from mien.errors import InputError
from mien.records import csv_header, csv_line
from mien.video import VideoFace
from mien.writing import check_ending, write_text

SEGMENT_SUFFIXES = (".csv", ".json", ".srt")

_SHORTEST_CUE_S = 0.1  # of a face that is seen in one frame


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of time in which a face has one expression.

    Attributes:
        source: the video.
        track: number of the face.
        start_s: time of its first frame.
        end_s: where the next segment of the track begins; else time of its last frame.
        label: the expression.
        confidence: mean over the frames with this label.
        uncertain: whether most of them are uncertain.
        frames: how many there are with this label.
    """

    source: str
    track: int
    start_s: float
    end_s: float
    label: str
    confidence: float
    uncertain: bool
    frames: int

    @property
    def marked_label(self) -> str:
        """The label, with a question mark where it is uncertain."""
        return self.label + ("?" if self.uncertain else "")


@dataclass
class _Stretch:
    """A segment in the making."""

    label: str
    start_s: float
    frames: int = 0
    confidence: float = 0.0  # sum
    uncertain: int = 0

    def add(self, face: VideoFace) -> None:
        self.frames += 1
        self.confidence += face.expression.confidence
        self.uncertain += face.expression.uncertain

    def segment(self, source: str, track: int, end_s: float) -> Segment:
        return Segment(
            source=source,
            track=track,
            start_s=round(self.start_s, 3),
            end_s=round(end_s, 3),
            label=self.label,
            confidence=round(self.confidence / self.frames, 6),
            uncertain=2 * self.uncertain > self.frames,
            frames=self.frames,
        )


class _TrackLabels:
    """The labels of one track over time."""

    def __init__(self, face: VideoFace) -> None:
        self._current = _Stretch(face.expression.label, face.time_s)
        self._next: _Stretch | None = None  # another label that leads, but not for long enough yet
        self._last_s = face.time_s
        self._place = face.source, face.track_id or 0

    def add(self, face: VideoFace, min_s: float) -> Segment | None:
        """Take a face; return the segment that ends with it."""
        self._last_s = face.time_s
        label = face.expression.label
        if label == self._current.label:
            self._next = None
            self._current.add(face)
            return None
        if self._next is None or self._next.label != label:
            self._next = _Stretch(label, face.time_s)
        self._next.add(face)
        if round(face.time_s - self._next.start_s, 6) < min_s:
            return None
        ended, self._current, self._next = self._current, self._next, None
        # only the first stretch of a track can be that short: each later one has led for `min_s`
        if round(self._current.start_s - ended.start_s, 6) < min_s:
            self._current.start_s = ended.start_s
            return None
        return ended.segment(*self._place, self._current.start_s)

    def end(self) -> Segment:
        """Return the last segment."""
        return self._current.segment(*self._place, self._last_s)


class SegmentFinder:
    """Finds segments while faces come in; see `segments`. Memory grows with tracks and segments, not with frames."""

    def __init__(self, min_s: float = 0.5) -> None:
        self._min_s = min_s
        self._tracks: dict[tuple[str, int | None], _TrackLabels] = {}
        self._found: list[Segment] = []

    def add(self, face: VideoFace) -> None:
        """Take the next face."""
        key = face.source, face.track_id
        if key not in self._tracks:
            self._tracks[key] = _TrackLabels(face)
        ended = self._tracks[key].add(face, self._min_s)
        if ended is not None:
            self._found.append(ended)

    def segments(self) -> list[Segment]:
        """Return what was found so far, by source, start and track."""
        found = [*self._found, *(track.end() for track in self._tracks.values())]
        return sorted(found, key=lambda segment: (segment.source, segment.start_s, segment.track))


def segments(faces: Iterable[VideoFace], *, min_s: float = 0.5) -> list[Segment]:
    """Join the faces of a video into segments of one label.

    A label holds until another one leads without a break for `min_s`; the segment then ends where that lead began.
    Shorter leads belong to the segment that they interrupt, and a shorter beginning of a track to what follows it, so
    each segment lasts `min_s` or longer, except in tracks that are shorter than that.

    Args:
        faces: as `analyze_video` yields them.
        min_s: shortest segment, seconds.

    Returns:
        By source, start and track.

    Raises:
        InputError: `min_s` is negative, or `faces` holds anything but faces of a video.
    """
    check_number("min_s", min_s, 0)
    finder = SegmentFinder(min_s)
    for face in faces:
        if not isinstance(face, VideoFace):
            raise InputError(f"faces: found {type(face).__name__}; expected what iterating over analyze_video yields.")
        finder.add(face)
    return finder.segments()


def write_segments(found: Iterable[Segment], file: str | Path) -> None:
    """Write segments as CSV, JSON or SRT subtitles, by the ending of `file`; missing folders are made.

    Args:
        found: as `segments` returns them; times in seconds.
        file: ends in ``.csv``, ``.json`` or ``.srt``; what stands there is replaced.

    Raises:
        InputError: the ending is unknown, `found` holds anything but segments, or the file cannot be written.
    """
    file, found = Path(file), list(found)  # a generator can be read only once
    for each in found:
        if not isinstance(each, Segment):
            raise InputError(f"segments: found {type(each).__name__}; expected what mien.segments returns.")
    check_ending(file, SEGMENT_SUFFIXES)
    text = {".csv": _csv, ".json": _json, ".srt": _srt}[file.suffix.lower()](found)
    write_text(text, file)


def clock(time_s: float) -> str:
    """Return a time as ``0:05.3`` or ``1:02:03.0``, rounded to tenths of a second."""
    minutes, tenths = divmod(round(time_s * 10), 600)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{tenths // 10:02}.{tenths % 10}"
    return f"{hours}:{minutes:02}:{seconds}" if hours else f"{minutes}:{seconds}"


def _csv(found: Sequence[Segment]) -> str:
    names = [field.name for field in fields(Segment)]
    return "\n".join([csv_header(names), *(csv_line(asdict(segment), names) for segment in found), ""])


def _json(found: Sequence[Segment]) -> str:
    return json.dumps([asdict(segment) for segment in found], indent=2) + "\n"


def _srt(found: Sequence[Segment]) -> str:
    several = len({segment.track for segment in found}) > 1
    cues = []
    for number, segment in enumerate(found, start=1):
        end_s = max(segment.end_s, segment.start_s + _SHORTEST_CUE_S)
        name = f"face {segment.track}: " if several else ""
        text = f"{name}{segment.marked_label} {segment.confidence:.0%}"
        cues.append(f"{number}\n{_srt_time(segment.start_s)} --> {_srt_time(end_s)}\n{text}\n")
    return "\n".join(cues)


def _srt_time(time_s: float) -> str:
    milliseconds = round(time_s * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02},{milliseconds:03}"
