"""The results of a video as files: annotated mp4, timeline, segments."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from mien.errors import InputError
from mien.media.draw import save_picture
from mien.media.frames import Frame
from mien.media.video_writer import VideoWriter
from mien.overview import Overview
from mien.timeline import SEGMENT_SUFFIXES, SegmentFinder, write_segments
from mien.timeline_page import timeline_page
from mien.timeline_picture import timeline_picture
from mien.video import AnalyzedFrame, VideoAnalysis, analyze_video
from mien.writing import part_of, write_text

VIDEO_SAVE_SUFFIXES = (".mp4", ".png", ".html", *SEGMENT_SUFFIXES)


def save_video(video: VideoAnalysis | str | os.PathLike[str] | int, *files: str | Path) -> None:
    """Analyse a video and write the results, in one pass.

    Ctrl-C stops after the current frame: the files are completed with what was read until then, and then
    `KeyboardInterrupt` is raised. A second Ctrl-C stops at once, and leaves none of them.

    Args:
        video: as `analyze_video` returns it; or what it takes, to be read with its defaults.
        files: by their endings: ``.mp4`` is the video with boxes, labels and bars drawn on the frames that are looked
            at, and its sound; ``.png`` a picture of its timeline; ``.html`` a page with the timeline and the frames;
            ``.csv``, ``.json`` and ``.srt`` are its `segments`. Times are those of the video that is read, but
            subtitles beside an ``.mp4`` have the times of that file, which begins at ``start_s``.

    Raises:
        InputError: no file is named, an ending is unknown, the video cannot be read, or a file cannot be written.
    """
    if not files:
        raise InputError("save_video: name a file to write, such as timeline.html.")
    video = video if isinstance(video, VideoAnalysis) else analyze_video(video)
    begin_s = video.source.start_s if any(Path(file).suffix.lower() == ".mp4" for file in files) else 0.0
    with _interruption() as stop, closing(video.frames()) as frames:
        saved = until(frames, stop)
        for file in files:
            saved = saving(saved, video, file, begin_s=begin_s)
        for _ in saved:
            pass


def until(frames: Iterable[AnalyzedFrame], stop: threading.Event) -> Iterator[AnalyzedFrame]:
    """Hand frames on until an event is set."""
    for frame in frames:
        if stop.is_set():
            return
        yield frame


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Have the first Ctrl-C set an event, and raise it at the end; a second one interrupts as usual.

    Nothing changes where the program handles Ctrl-C itself, or outside the main thread.
    """
    stop = threading.Event()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield stop
        return

    def interrupt(signal_number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if stop.is_set():
        raise KeyboardInterrupt


def saving(
    frames: Iterable[AnalyzedFrame], video: VideoAnalysis, file: str | Path, *, begin_s: float = 0.0
) -> Iterator[AnalyzedFrame]:
    """Hand frames on and write a file of them, which is complete when they end.

    Args:
        frames: of `video`.
        video: where they are from.
        file: as in `save_video`.
        begin_s: moment at which subtitles begin, seconds.

    Raises:
        InputError: the ending is unknown, the file is the one that is read, or cannot be written.
    """
    file = Path(file)
    if os.path.realpath(file) == os.path.realpath(video.source.name):  # Path.resolve raises on a link to itself
        raise InputError(f"{file}: is the video that is read and would be overwritten; name another file.")
    suffix = file.suffix.lower()
    if suffix not in VIDEO_SAVE_SUFFIXES:
        raise InputError(f"{file}: unknown ending {file.suffix!r}; for a video, {', '.join(VIDEO_SAVE_SUFFIXES)}.")
    if suffix == ".mp4":
        return _annotating(frames, VideoWriter(file, video.source))
    _check_place(file)
    if suffix in SEGMENT_SUFFIXES:
        return _listing(frames, file, begin_s)
    wants_thumbnails = suffix == ".html"
    overview = Overview(video.source.name, video.labels.names, unseen_s=video.unseen_s, thumbnails=wants_thumbnails)
    return _overviewing(frames, overview, file)


def _check_place(file: Path) -> None:
    """Make sure, before the long work, that a file can be written."""
    try:
        place = Path(os.path.realpath(file))
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        part = part_of(place)
        part.touch()
        part.unlink()
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror or error}).") from error


def _annotating(frames: Iterable[AnalyzedFrame], writer: VideoWriter) -> Iterator[AnalyzedFrame]:
    with writer:
        for frame in frames:
            writer.write(Frame(index=frame.frame, time_s=frame.time_s, image=frame.annotated()))
            yield frame


def _listing(frames: Iterable[AnalyzedFrame], file: Path, begin_s: float) -> Iterator[AnalyzedFrame]:
    finder = SegmentFinder()
    for frame in frames:
        for face in frame.faces:
            finder.add(face)
        yield frame
    found = finder.segments()
    if file.suffix.lower() == ".srt":
        found = [
            replace(each, start_s=max(0.0, each.start_s - begin_s), end_s=max(0.0, each.end_s - begin_s))
            for each in found
        ]
    write_segments(found, file)


def _overviewing(frames: Iterable[AnalyzedFrame], overview: Overview, file: Path) -> Iterator[AnalyzedFrame]:
    for frame in frames:
        overview.add(frame)
        yield frame
    if file.suffix.lower() == ".html":
        write_text(timeline_page(overview), file)
    else:
        save_picture(timeline_picture(overview), file)
