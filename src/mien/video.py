"""The pipeline for video: frames in, tracked faces with their expressions over time out."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.analysis import Analyzer
from mien.checking import check_number
from mien.cropping import detect_in
from mien.errors import InputError
from mien.faces.align import crop_face
from mien.faces.detect import Detector
from mien.faces.track import Tracker
from mien.labels import LabelSet
from mien.media.address import is_address
from mien.media.animation import frame_reader
from mien.media.camera import CameraReader
from mien.media.frames import Frame, FrameSource, frames_of
from mien.media.scene import SceneCuts
from mien.recognizer import Recognizer
from mien.records import Analysis, AnalyzedFace, columns


@dataclass(frozen=True, kw_only=True)
class VideoFace(AnalyzedFace):
    """A face in one frame of a video.

    Attributes:
        expression: smoothed over the time of its track, see `analyze_video`.
        source: the video's path, or the camera.
        frame: index of the frame in the video, from 0.
        time_s: of the frame, seconds from the video's beginning.
        raw_probabilities: of this frame alone.
    """

    source: str
    frame: int
    time_s: float
    raw_probabilities: dict[str, float] = field(hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds of a face."""
        raw = {name: round(p, 6) for name, p in self.raw_probabilities.items()}
        return {"track": self.track_id, **super().to_dict(), "raw_probabilities": raw}


@dataclass(frozen=True, kw_only=True)
class AnalyzedFrame(Analysis):
    """One frame of a video and the faces in it; `photo` is its picture.

    Attributes:
        frame: index of the frame in the video, from 0.
        time_s: of the frame, seconds from the video's beginning.
    """

    frame: int
    time_s: float
    faces: tuple[VideoFace, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds of a frame."""
        plain = super().to_dict()
        return {"source": plain.pop("source"), "frame": self.frame, "time_s": round(self.time_s, 3), **plain}

    def records(self) -> list[dict[str, Any]]:
        """Return one flat record a face, with the keys of `video_columns`."""
        records = []
        for record, face in zip(super().records(), self.faces, strict=True):
            place = {"source": record.pop("source"), "frame": self.frame, "time_s": round(self.time_s, 3)}
            raw = {f"raw_{name}": round(p, 6) for name, p in face.raw_probabilities.items()}
            records.append({**place, "track": face.track_id, **record, **raw})
        return records

    def _columns(self) -> list[str]:
        return video_columns(self.labels)


def video_columns(labels: LabelSet) -> list[str]:
    """Return the columns of a table of faces in videos, as `AnalyzedFrame.records` fills them."""
    source, *others = columns(labels)
    return [source, "frame", "time_s", "track", *others, *(f"raw_{name}" for name in labels)]


def analyze_video(
    source: str | os.PathLike[str] | int,
    *,
    model: str | Path | Recognizer | None = None,
    detector: Detector | None = None,
    min_face_px: float | None = None,
    every: int = 1,
    start_s: float = 0.0,
    end_s: float | None = None,
    smooth_s: float = 0.5,
    unseen_s: float = 1.0,
) -> VideoAnalysis:
    """Read the expressions of the faces in a video, or before a camera.

    Only the file's header is read at once: iterating over the result reads the video and yields a `VideoFace` for each
    face and frame. One frame is held at a time, however long the video is.

    Args:
        source: the video file, or an animated GIF, WebP, PNG or AVIF, by its ending; the number of a camera; or the
            address of a stream, such as ``rtsp://192.168.0.20/live``. A camera or stream always gives its newest
            picture, until it ends or the iteration does.
        model: as `analyze` takes it.
        detector: as `analyze` takes it.
        min_face_px: as `analyze` takes it.
        every: 1 reads each frame, n each n-th.
        start_s: first moment wanted, seconds.
        end_s: moment before which to stop, seconds; of a camera or stream, from its first picture on. None = the end.
        smooth_s: time constant of the exponential smoothing, seconds. A frame that comes ``dt`` seconds after the last
            one moves a track's probabilities by ``1 - exp(-dt / smooth_s)`` of the difference, at any frame rate: by
            63 % after `smooth_s`. 0 = no smoothing.
        unseen_s: how long a face may go unseen before its track ends, seconds.

    Raises:
        InputError: the video cannot be read, or an argument is out of range; `start_s` is given for a camera or
            stream.
        ModelError: there is no such model.
    """
    reader: FrameSource
    if not isinstance(source, int | str | os.PathLike):
        raise InputError(f"<{type(source).__name__}>: expected the path of a video, an address or a camera's number.")
    if isinstance(source, int) or is_address(str(source)):
        reader = CameraReader(source if isinstance(source, int) else str(source), every=every, end_s=end_s)
        if start_s:
            raise InputError(f"{reader.name}: a camera or stream begins now; leave out start_s.")
    else:
        reader = frame_reader(source, start_s=start_s, end_s=end_s, every=every)
    analyzer = Analyzer(model=model, detector=detector, min_face_px=min_face_px)
    return VideoAnalysis(reader, analyzer, smooth_s=smooth_s, unseen_s=unseen_s)


class VideoAnalysis:
    """The faces of a video or camera, found while it is iterated over; each iteration reads the video again.

    Args:
        source: gives the frames; any object with the members of `FrameSource`.
        analyzer: finds and reads the faces.
        smooth_s: as in `analyze_video`.
        unseen_s: as in `analyze_video`.

    Raises:
        InputError: `smooth_s` or `unseen_s` is negative.
    """

    def __init__(
        self, source: FrameSource, analyzer: Analyzer, *, smooth_s: float = 0.5, unseen_s: float = 1.0
    ) -> None:
        check_number("smooth_s", smooth_s, 0)
        Tracker(unseen_s=unseen_s)  # checks it
        self.source, self.analyzer, self.smooth_s, self.unseen_s = source, analyzer, smooth_s, unseen_s

    @property
    def labels(self) -> LabelSet:
        """The classes of the recogniser."""
        return self.analyzer.recognizer.card.labels

    @property
    def cut_off(self) -> str | None:
        """After iterating, what could not be read of the video; None if nothing."""
        return self.source.cut_off

    def __iter__(self) -> Generator[VideoFace, None, None]:
        """Yield the faces, frame after frame.

        Raises:
            InputError: no frame can be decoded, or none lies in the range.
        """
        with closing(self.frames()) as frames:
            for frame in frames:
                yield from frame.faces

    def frames(self) -> Generator[AnalyzedFrame, None, None]:
        """Yield each frame with its picture and faces, those without a face too.

        Closing it before its end closes the video, or the camera.

        Raises:
            InputError: no frame can be decoded, or none lies in the range.
        """
        tracker, cuts, smoother = Tracker(unseen_s=self.unseen_s), SceneCuts(), _Smoother(self.smooth_s)
        with frames_of(self.source) as frames:
            for frame in frames:
                if cuts.is_cut(frame.image):
                    tracker.cut()
                yield self._analyzed(frame, tracker, smoother)

    def _analyzed(self, frame: Frame, tracker: Tracker, smoother: _Smoother) -> AnalyzedFrame:
        recognizer = self.analyzer.recognizer
        preprocess = recognizer.card.preprocess
        found = detect_in(self.analyzer.detector, frame.image, 1, f"{self.source.name} frame {frame.index}")
        faces = tracker.update(found, frame.time_s)
        crops = [crop_face(frame.image, face, margin_fraction=preprocess.margin_fraction) for face in faces]
        raw = recognizer.probabilities(preprocess.stack(crops))
        smooth = smoother.update([face.track_id for face in faces], raw, frame.time_s)
        smoother.forget_all_but(tracker.alive)
        return AnalyzedFrame(
            source=self.source.name,
            photo=frame.image,
            size=(frame.image.shape[1], frame.image.shape[0]),
            model=recognizer.card.name,
            labels=self.labels,
            frame=frame.index,
            time_s=frame.time_s,
            faces=tuple(
                VideoFace(
                    box=face.box,
                    score=face.score,
                    landmarks=face.landmarks,
                    track_id=face.track_id,
                    expression=expression,
                    source=self.source.name,
                    frame=frame.index,
                    time_s=frame.time_s,
                    raw_probabilities=dict(zip(self.labels, row, strict=True)),
                )
                for face, expression, row in zip(faces, recognizer.expressions(smooth), raw.tolist(), strict=True)
            ),
        )


class _Smoother:
    """Exponential smoothing of each track's probabilities, by time."""

    def __init__(self, smooth_s: float) -> None:
        self._smooth_s = smooth_s
        self._last: dict[int | None, tuple[float, npt.NDArray[np.float64]]] = {}

    def update(
        self, tracks: Sequence[int | None], raw: npt.NDArray[np.float64], time_s: float
    ) -> npt.NDArray[np.float64]:
        """Return a frame's probabilities ``(N, K)``, smoothed."""
        smooth = raw.copy()
        for row, track in enumerate(tracks):
            if track in self._last and self._smooth_s > 0:
                last_s, last = self._last[track]
                weight = -math.expm1(-max(0.0, time_s - last_s) / self._smooth_s)
                smooth[row] = last + weight * (raw[row] - last)
            self._last[track] = time_s, smooth[row]
        return smooth

    def forget_all_but(self, tracks: set[int]) -> None:
        """Drop the tracks that have ended."""
        self._last = {track: known for track, known in self._last.items() if track in tracks}
