"""`mien analyze`."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mien.cli.detection import AnyAngle, MinFace, detector_of, refuse_contradictions
from mien.cli.models import Model
from mien.cli.paths import STANDARD_INPUT, named, refuse_addresses
from mien.cli.printing import one_line
from mien.cli.tally import Tally

if TYPE_CHECKING:
    from mien.records import Analysis, AnalyzedFace


def analyze(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=named,
            metavar="PATHS",
            help="Photos, folders of them, videos, quoted patterns such as 'photos/**/*.jpg', or - for standard input.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array, one object per photo or frame.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one row per face.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=named,
            metavar="FILE",
            help="Append the results to this file, .csv or .jsonl, photo by photo. Photos already in it are skipped, "
            "except those that failed or changed, so an interrupted run can be resumed.",
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            parser=named,
            metavar="FILE|FOLDER",
            help="Draw the results into a file, or for several photos into a folder. For one video or camera, .html "
            "or .png saves a timeline, and .srt, .csv or .json its segments.",
        ),
    ] = None,
    model: Model = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            parser=named, metavar="FILE", help="Take the faces from this file, written by --csv, --json or --out."
        ),
    ] = None,
    crops: Annotated[bool, typer.Option("--crops", help="Each photo is a single, cropped face.")] = False,
    min_face: MinFace = None,
    any_angle: AnyAngle = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many photos to read at the same time; default: 2, or 1 on a single core.",
            show_default=False,
        ),
    ] = None,
    camera: Annotated[
        str | None, typer.Option(help="Number of a camera, or address of a stream, to read until Ctrl-C.")
    ] = None,
    animated: Annotated[
        bool,
        typer.Option("--animated", help="Read animated GIF, WebP, PNG and AVIF as videos, not only their first frame."),
    ] = False,
    every: Annotated[int, typer.Option(min=1, help="Videos: read only every n-th frame.")] = 1,
    start: Annotated[float, typer.Option(min=0, help="Videos: start at this second.")] = 0.0,
    end: Annotated[float | None, typer.Option(min=0, help="Videos: stop before this second.")] = None,
) -> None:
    """Read the expressions of faces in photos, in videos or in front of a camera."""
    from mien.analysis import Analyzer
    from mien.cli.reading import Reading, outputs_of, videos_among
    from mien.faces.boxes import read_boxes
    from mien.media.images import PHOTO_SUFFIXES
    from mien.media.photo_lists import list_photos
    from mien.media.video import VIDEO_SUFFIXES
    from mien.records import columns
    from mien.result_file import ResultFile
    from mien.video import video_columns

    refuse_addresses([*(paths or []), out, save, boxes])
    photos_only = boxes is not None or crops or out is not None
    photos = list_photos(paths or [], (*PHOTO_SUFFIXES, *VIDEO_SUFFIXES))
    video_files = videos_among(photos, animated=animated)
    skipped = video_files - set(paths or []) if photos_only else set()  # found in folders, not named
    video_files -= skipped
    photos = [path for path in photos if path not in skipped]
    videos = camera is not None or bool(video_files)
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other.")
    if bool(paths) == (camera is not None):
        raise typer.BadParameter("name photos, folders or videos, or give --camera alone.")
    if camera is not None and not camera.strip():
        raise typer.BadParameter("--camera is empty; give the number of a camera or the address of a stream.")
    if photos_only and (videos or not photos):
        raise typer.BadParameter("--boxes, --crops and --out are for photos only.")
    refuse_contradictions(boxes, crops, min_face, any_angle)
    if out is not None and (as_json or as_csv):
        raise typer.BadParameter("the extension of the --out file sets the format; leave out --json and --csv.")
    if out is not None and STANDARD_INPUT in photos:
        raise typer.BadParameter(
            "--out remembers photos by their files, and standard input is not a file; name the photos."
        )
    if photos.count(STANDARD_INPUT) > 1:
        raise typer.BadParameter("- is standard input, which can be read only once.")
    if workers is not None and not set(photos) - video_files:
        raise typer.BadParameter("--workers is for photos; the frames of a video are read one after the other.")
    if (every, start, end) != (1, 0, None) and not videos:
        raise typer.BadParameter("--every, --start and --end are for videos.")
    if camera is not None and start:
        raise typer.BadParameter("--start is for videos; a camera always starts now.")
    given = None if boxes is None else read_boxes(boxes)
    detector = detector_of(min_face, any_angle)
    analyzer = Analyzer(model=model, detector=detector, workers=workers)
    tally = Tally(sum(path not in video_files for path in photos), skipped=len(skipped))
    outputs = outputs_of(photos, video_files, save) if camera is None else {}
    results = None
    if out is not None:
        faces_from = f"faces from {detector.min_face_px} px" + (", at any angle" if any_angle else "")
        if crops:
            faces_from = "crops"
        elif boxes is not None:
            faces_from = f"boxes {hashlib.sha256(repr(given).encode()).hexdigest()[:8]}"
        results = ResultFile(out, photos, analyzer.recognizer.card, faces_from)
        tally.start_with(results.done.values(), missing=len(results.missing))
        tally.undrawn = sum(
            photo.absolute() in results.done and not os.path.exists(picture)  # noqa: PTH110
            for photo, picture in outputs.items()
        )
        photos = results.missing
    quiet = _on_terminal() and (as_json or as_csv)
    reading = Reading(
        analyzer, boxes=given, crops=crops, every=every, start_s=start, end_s=end, quiet=quiet, failed=tally.failed
    )
    found = reading.files(photos, video_files, outputs) if camera is None else reading.camera(camera, save)
    # on a terminal, a bar would mix with the output
    found = tally.count(found, with_bar=not videos and (results is not None or not _on_terminal()))
    if results is not None:
        results.write(found)
    elif as_json:
        _print(_json_lines(found), reading.stop)
    elif as_csv:
        names = (video_columns if videos else columns)(analyzer.recognizer.card.labels)
        _print(_csv_lines(found, names), reading.stop)
    else:
        _print(map(one_line, _text_lines(found)), reading.stop)
    for line in tally.lines(even_of_one=results is not None):
        typer.echo(one_line(line), err=True)
    if tally.failed:
        raise typer.Exit(1)


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()  # None where a shell has closed it


def _print(lines: Iterable[str], stop: threading.Event) -> None:
    """Print each line as soon as it is available, whatever bytes file names contain.

    A closed pipe, as after `head`, stops the reading like Ctrl-C, so result files are complete.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        if _on_terminal():
            sys.stdout.reconfigure(errors="backslashreplace")
        else:  # the encoding that --boxes reads
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    for line in lines:
        try:
            typer.echo(line)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for anything that Python writes at exit
            stop.set()


def _json_lines(found: Iterable[Analysis]) -> Iterator[str]:
    """A JSON array, one object per line, each as soon as it is available."""
    held = "["
    for analysis in found:
        yield held
        held = json.dumps(analysis.to_dict()) + ","
    yield held.rstrip(",")
    yield "]"


def _csv_lines(found: Iterable[Analysis], columns: Sequence[str]) -> Iterator[str]:
    from mien.records import csv_header, csv_line

    yield csv_header(columns)
    for analysis in found:
        yield from (csv_line(row, columns) for row in analysis.records())  # photos have no frame, time and track


def _text_lines(found: Iterable[Analysis]) -> Iterator[str]:
    """The results as text: of photos one by one, of each video at its end."""
    from mien.cli.reading import video_lines
    from mien.video import AnalyzedFrame

    begun, before = 0, -1  # separates the readings of a video that is given twice

    def block(one: Analysis) -> tuple[str, int]:
        nonlocal begun, before
        if isinstance(one, AnalyzedFrame):
            begun, before = begun + (one.frame <= before), one.frame
            return one.source, begun
        before = -1
        return one.source, -1

    for (_, video), group in groupby(found, block):
        if video >= 0:
            yield from video_lines(cast("Iterator[AnalyzedFrame]", group))
        else:
            yield from _photo_lines(group)


def _photo_lines(found: Iterable[Analysis]) -> Iterator[str]:
    for analysis in found:
        if analysis.size is None:
            continue  # it failed; the summary says why
        width, height = analysis.size
        n = len(analysis.faces)
        yield f"{analysis.source}  {width} x {height} px, {n or 'no'} face{'' if n == 1 else 's'}"
        for number, face in enumerate(analysis.faces):
            yield _text_of(number, face)


def _text_of(number: int, face: AnalyzedFace) -> str:
    expression = face.expression
    ranked = sorted(expression.probabilities.items(), key=lambda item: -item[1])[1:3]
    others = ", ".join(f"{name} {probability:.0%}" for name, probability in ranked)
    box = " ".join(f"{value:.0f}" for value in face.box)
    return f"  {number:>2}  {expression.marked_label:<10} {expression.confidence:>4.0%}   then {others:<28}  box {box}"
