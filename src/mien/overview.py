"""A whole video at a glance, collected in bounded memory while its frames are read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mien.faces.align import crop_face
from mien.media.draw import color_of, label_colors
from mien.timeline import Segment, SegmentFinder
from mien.video import AnalyzedFrame, VideoFace

_FIRST_BIN_S = 0.1
_MOST_BINS = 1024  # then neighbours are merged
_MOST_THUMBNAILS = 240  # then every second one is dropped
_MOST_TRACKS = 100  # then up to half of them are dropped, the shortest that have ended
_THUMBNAIL_PX = 240
_PORTRAIT_PX = 64

_Image = npt.NDArray[np.uint8]


@dataclass
class TrackOverview:
    """One track of a video.

    Attributes:
        track: its number.
        portrait: its crop in the frame with the highest detection score, 64 x 64 px.
        frames: in how many it was seen.
        last_s: time of the last one.
    """

    track: int
    portrait: _Image
    frames: int = 0
    last_s: float = 0.0
    _score: float = -1.0
    _bins: dict[int, tuple[npt.NDArray[np.float64], int]] = field(default_factory=dict)

    def add(self, face: VideoFace, image: _Image, index: int) -> None:
        """Add a detection to the bin `index`."""
        score = 0.0 if face.score is None else face.score
        if score > self._score:
            self._score, self.portrait = score, _small(crop_face(image, face), _PORTRAIT_PX)
        probabilities = np.array(list(face.expression.probabilities.values()))
        total, n = self._bins.get(index, (np.zeros_like(probabilities), 0))
        self._bins[index] = total + probabilities, n + 1
        self.frames += 1
        self.last_s = face.time_s

    def halve(self) -> None:
        """Merge pairs of neighbouring bins."""
        halved: dict[int, tuple[npt.NDArray[np.float64], int]] = {}
        for index, (total, n) in self._bins.items():
            other, m = halved.get(index // 2, (np.zeros_like(total), 0))
            halved[index // 2] = total + other, n + m
        self._bins = halved

    def course(self, begin_s: float, bin_s: float) -> list[tuple[float, float, list[float]]]:
        """Return stretches of time in order, each with its beginning, end and mean probabilities."""
        starts = sorted(self._bins)
        ends = [*starts[1:], starts[-1] + 1]
        found = []
        for start, end in zip(starts, ends, strict=True):
            total, n = self._bins[start]
            found.append((begin_s + start * bin_s, begin_s + end * bin_s, (total / n).tolist()))
        return found


class Overview:
    """Courses, portraits, segments and thumbnails of a video.

    Memory does not grow with the video's length: bins of time widen, thumbnails are thinned out, and short tracks that
    have ended are dropped if there are many. Only the list of segments grows.

    Args:
        source: the video.
        labels: names of the classes.
        unseen_s: as in `analyze_video`; a track that was last seen longer ago has ended.
        thumbnails: whether to keep them.

    Attributes:
        source: the video.
        labels: names of the classes.
        colors: the RGB colour of each.
        begin_s: time of the first frame.
        end_s: time of the last frame.
        thumbnails: time and JPEG of frames, with boxes.
    """

    def __init__(self, source: str, labels: Sequence[str], *, unseen_s: float = 1.0, thumbnails: bool = False) -> None:
        self.source, self.labels, self._unseen_s = source, tuple(labels), unseen_s
        self.colors = label_colors(self.labels)
        self.begin_s = self.end_s = 0.0
        self.thumbnails: list[tuple[float, bytes]] = []
        self._wants_thumbnails, self._thumbnail_s = thumbnails, _FIRST_BIN_S
        self._bin_s = _FIRST_BIN_S
        self._tracks: dict[int, TrackOverview] = {}
        self._numbers: set[int] = set()  # of all tracks
        self._finder = SegmentFinder()
        self._empty = True

    def add(self, frame: AnalyzedFrame) -> None:
        """Take the next frame."""
        if self._empty:
            self.begin_s, self._empty = frame.time_s, False
        self.end_s = frame.time_s
        while self.end_s - self.begin_s >= _MOST_BINS * self._bin_s:
            self._bin_s *= 2
            for track in self._tracks.values():
                track.halve()
        index = max(0, int((frame.time_s - self.begin_s) / self._bin_s))
        for face in frame.faces:
            self._finder.add(face)
            number = face.track_id or 0
            self._numbers.add(number)
            if number not in self._tracks:
                self._tracks[number] = TrackOverview(number, np.zeros((1, 1, 3), np.uint8))
            self._tracks[number].add(face, np.asarray(frame.photo), index)
        if len(self._tracks) > _MOST_TRACKS:
            self._drop()
        if self._wants_thumbnails:
            self._add_thumbnail(frame)

    def tracks(self, most: int) -> list[TrackOverview]:
        """Return the tracks with the most frames, in the order of their numbers."""
        longest = sorted(self._tracks.values(), key=lambda track: -track.frames)[:most]
        return sorted(longest, key=lambda track: track.track)

    def course(self, track: TrackOverview) -> list[tuple[float, float, list[float]]]:
        """Return a track's stretches of time, each with its beginning, end and mean probabilities."""
        return track.course(self.begin_s, self._bin_s)

    def segments(self) -> list[Segment]:
        """Return the segments of all tracks."""
        return self._finder.segments()

    @property
    def n_tracks(self) -> int:
        """How many tracks there were."""
        return len(self._numbers)

    @property
    def seconds(self) -> float:
        """Length of the time axis, above 0."""
        return max(self.end_s - self.begin_s, self._bin_s)

    def _drop(self) -> None:
        """Drop the shortest of the tracks that have ended."""
        ended = [track for track in self._tracks.values() if track.last_s < self.end_s - self._unseen_s]
        for track in sorted(ended, key=lambda track: track.frames)[: _MOST_TRACKS // 2]:
            del self._tracks[track.track]

    def _add_thumbnail(self, frame: AnalyzedFrame) -> None:
        if self.thumbnails and round(frame.time_s - self.thumbnails[-1][0], 3) < self._thumbnail_s:
            return
        self.thumbnails.append((frame.time_s, _thumbnail(frame)))
        if len(self.thumbnails) > _MOST_THUMBNAILS:
            self._thumbnail_s *= 2
            self.thumbnails = self.thumbnails[::2]


def jpeg(image: _Image) -> bytes:
    """Return an image ``(H, W, 3)`` uint8 RGB as a JPEG file."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(image).save(data, "jpeg", quality=70)
    return data.getvalue()


def _thumbnail(frame: AnalyzedFrame) -> bytes:
    from PIL import Image, ImageDraw

    image = np.asarray(frame.photo)
    scale = min(1.0, _THUMBNAIL_PX / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    picture = Image.fromarray(image).resize(size, Image.Resampling.BOX)
    draw = ImageDraw.Draw(picture)
    for face in frame.faces:
        draw.rectangle([value * scale for value in face.box], outline=color_of(face.expression), width=2)
    return jpeg(np.asarray(picture))


def _small(image: _Image, side_px: int) -> _Image:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((side_px, side_px), Image.Resampling.BOX))
