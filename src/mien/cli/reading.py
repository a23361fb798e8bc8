"""The part of `mien analyze` that reads photos, videos and cameras."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mien.cli.paths import photo_at
from mien.errors import InputError

if TYPE_CHECKING:
    from mien.analysis import Analyzer
    from mien.faces.detect import Face
    from mien.records import Analysis
    from mien.video import AnalyzedFrame, VideoAnalysis


def videos_among(paths: Sequence[Path], *, animated: bool) -> set[Path]:
    """Return which paths are videos by their extension; with `animated`, animated pictures too."""
    from mien.media.animation import is_animation
    from mien.media.video import VIDEO_SUFFIXES

    return {path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES or (animated and is_animation(path))}


@dataclass
class Reading:
    """Reads photos, videos and cameras to their end or until Ctrl-C.

    Attributes:
        analyzer: reads the faces.
        boxes: faces of each photo, by path; None = the detector finds them.
        crops: each photo is a single, cropped face.
        every: read every n-th frame.
        start_s: where each video starts, seconds.
        end_s: stop before this second; None = the end.
        quiet: show no progress.
        failed: collects name and reason of what could not be read completely.
        stop: set by Ctrl-C; the current results are then completed.
    """

    analyzer: Analyzer
    boxes: Mapping[str, Sequence[Face]] | None
    crops: bool
    every: int
    start_s: float
    end_s: float | None
    quiet: bool
    failed: list[tuple[str, str]]
    stop: threading.Event = field(default_factory=threading.Event)

    def files(self, paths: Sequence[Path], videos: Set[Path], outputs: Mapping[Path, Path]) -> Iterator[Analysis]:
        """Yield photos and the frames of videos; what cannot be read becomes an `Analysis` that says why.

        After `stop`, everything not yet read is added to `failed`. `outputs` maps paths to the files of their results.
        """
        left = deque(paths)
        with interruption(self.stop):
            for are_videos, group in groupby(paths, lambda path: path in videos):
                if self.stop.is_set():
                    break
                read = self._videos if are_videos else self._photos
                yield from read(list(group), outputs, left)
        self.failed += ((str(path), "not read, because reading was stopped.") for path in left)

    def camera(self, camera: str, save: Path | None) -> Iterator[Analysis]:
        """Yield the frames of a camera, by its number, or of a stream, by its address, and write them to `save`."""
        from mien.media.camera import CameraReader
        from mien.video import VideoAnalysis

        camera = camera.strip()
        place = int(camera) if camera.removeprefix("-").isdecimal() else camera
        reader = CameraReader(place, every=self.every, end_s=self.end_s)
        with interruption(self.stop):
            yield from self._video(VideoAnalysis(reader, self.analyzer), save, self.end_s)

    def _photos(self, photos: list[Path], outputs: Mapping[Path, Path], left: deque[Path]) -> Iterator[Analysis]:
        """Read photos until `stop`, and remove each from `left`."""
        found = self.analyzer.run([photo_at(photo) for photo in photos], boxes=self.boxes, crops=self.crops)
        for analysis, photo in zip(found, photos, strict=True):
            _save_picture(analysis, outputs.get(photo), self.failed)
            left.popleft()
            yield analysis
            if self.stop.is_set():
                return

    def _videos(self, paths: list[Path], outputs: Mapping[Path, Path], left: deque[Path]) -> Iterator[Analysis]:
        """Read videos in the same way."""
        from mien.media.animation import frame_reader
        from mien.records import Analysis
        from mien.video import VideoAnalysis

        for path in paths:
            left.popleft()
            try:
                reader = frame_reader(path, start_s=self.start_s, end_s=self.end_s, every=self.every)
                ends_s = [end_s for end_s in (self.end_s, reader.duration_s) if end_s is not None]
                video = VideoAnalysis(reader, self.analyzer)
                yield from self._video(video, outputs.get(path), min(ends_s, default=None))
            except InputError as error:
                model = self.analyzer.recognizer.card.name
                yield Analysis(source=str(path), photo=path, size=None, failed=str(error), model=model)
            if self.stop.is_set():
                self.failed.append((str(path), "stopped; the results so far are complete."))
                return

    def _video(self, video: VideoAnalysis, file: Path | None, end_s: float | None) -> Iterator[AnalyzedFrame]:
        from mien.video_saving import saving, until

        frames = self._shown(until(video.frames(), self.stop), video.source.name, end_s)
        yield from frames if file is None else saving(frames, video, file)
        if video.cut_off is not None:
            self.failed.append((video.source.name, video.cut_off))

    def _shown(self, frames: Iterator[AnalyzedFrame], name: str, end_s: float | None) -> Iterator[AnalyzedFrame]:
        """Show time, progress if the end is known, and expressions on standard error."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        hidden = self.quiet or not console.is_terminal
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=hidden, transient=True) as progress:
            task = progress.add_task(name, total=None if end_s in (None, math.inf) else end_s - self.start_s)
            for frame in frames:
                seen = ", ".join(face.expression.label for face in frame.faces) or "no face"
                progress.update(
                    task, completed=frame.time_s - self.start_s, description=f"{name} {frame.time_s:.1f} s: {seen}"
                )
                yield frame


def _save_picture(analysis: Analysis, file: Path | None, failed: list[tuple[str, str]]) -> None:
    """Draw a photo that was read into `file`, if there is one; add it to `failed` if that cannot be written."""
    if file is not None and analysis.failed is None:
        try:
            analysis.save(file)
        except InputError as error:
            failed.append((analysis.source, f"not drawn: {error}"))


def video_lines(frames: Iterable[AnalyzedFrame]) -> Iterator[str]:
    """Yield a video as text: one line for the video, and one per segment."""
    from mien.timeline import SegmentFinder, clock

    finder, n, frame = SegmentFinder(), 0, None
    for n, frame in enumerate(frames, start=1):  # noqa: B007
        for face in frame.faces:
            finder.add(face)
    if frame is None:
        return
    found = finder.segments()
    tracks = len({segment.track for segment in found})
    seen = f"{n} frame{'' if n == 1 else 's'} to {clock(frame.time_s)}"
    yield f"{frame.source}  {seen}, {tracks or 'no'} face{'' if tracks == 1 else 's'}"
    for s in found:
        times = f"{clock(s.start_s):>9} - {clock(s.end_s):>9}"
        yield f"  face {s.track:>2}  {times}  {s.marked_label:<10} {s.confidence:>4.0%}"


def outputs_of(paths: Sequence[Path], videos: Set[Path], save: Path | None) -> dict[Path, Path]:
    """Return the file for each result: `save` for one photo or video, else files in that folder; none without `save`.

    Raises:
        InputError: `save` cannot be such a file or folder.
    """
    from mien.media.draw import picture_files
    from mien.video_saving import VIDEO_SAVE_SUFFIXES

    if save is None:
        return {}
    if videos and save.suffix and not os.path.isdir(save):  # noqa: PTH112  # Path's raises on long names
        if len(paths) == 1:
            return {paths[0]: save}
        if save.suffix.lower() in VIDEO_SAVE_SUFFIXES:
            raise InputError(f"{save}: is one file, but there are {len(paths)} photos and videos; name a folder.")
    return dict(zip(paths, picture_files(paths, save, videos), strict=True))


@contextmanager
def interruption(stop: threading.Event) -> Iterator[None]:
    """Make Ctrl-C, SIGTERM and SIGHUP set `stop`, to complete the current results; a second Ctrl-C stops at once."""
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    on_terminal = [each.fileno() for each in (sys.stdout, sys.stderr) if each is not None and each.isatty()]

    def interrupt(signal_number: int, frame: object) -> None:
        if signal_number == hang_up:  # shells send it twice; printing to the closed terminal would raise
            for stream in on_terminal:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        elif stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        typer.echo("\nstopping; press Ctrl-C again to stop at once", err=True)

    others = [each for each in (signal.SIGTERM, hang_up) if each is not None]
    handled = [each for each in others if signal.getsignal(each) != signal.SIG_IGN]  # ignored under nohup
    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, *handled)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
