"""`mien analyze`."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from mien.analysis import Analysis, AnalyzedFace


def analyze(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Photos, folders of photos, and videos.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON array, an object for a photo or frame.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a row for each face.")] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            help="Draw the results: a file for one photo, else a folder. For one video or camera also .html or .png, "
            "a timeline, and .srt, .csv or .json, its segments."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model folder, or the name of a model that ships; default: the shipped one.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(help="Take the faces from this file, as --csv or --json printed it.")
    ] = None,
    crops: Annotated[bool, typer.Option("--crops", help="Each photo is one face already.")] = False,
    min_face: Annotated[int, typer.Option(min=1, help="Height of the smallest face that is searched, px.")] = 24,
    camera: Annotated[
        str | None, typer.Option(help="Read a camera, by its number, or a stream, by its address, until Ctrl-C.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Videos: look at each n-th frame.")] = 1,
    start: Annotated[float, typer.Option(min=0, help="Videos: begin at this second.")] = 0.0,
    end: Annotated[float | None, typer.Option(min=0, help="Videos: stop before this second.")] = None,
) -> None:
    """Read the expressions of the faces in photos, videos, or before a camera."""
    from mien.analysis import Analyzer
    from mien.cli.video import VideoRun, is_video
    from mien.faces.boxes import read_boxes
    from mien.media.draw import picture_files
    from mien.media.images import PHOTO_SUFFIXES, expand_folders
    from mien.media.video import VIDEO_SUFFIXES
    from mien.records import columns
    from mien.video import video_columns

    photos_only = boxes is not None or crops
    photos = expand_folders(paths or [], PHOTO_SUFFIXES if photos_only else (*PHOTO_SUFFIXES, *VIDEO_SUFFIXES))
    videos = camera is not None or any(map(is_video, photos))
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other.")
    if bool(paths) == (camera is not None):
        raise typer.BadParameter("name photos, folders or videos; or --camera alone.")
    if videos and photos_only:
        raise typer.BadParameter("--boxes and --crops are for photos only.")
    if (every, start, end) != (1, 0, None) and not videos:
        raise typer.BadParameter("--every, --start and --end are for videos.")
    given = None if boxes is None else read_boxes(boxes)
    analyzer = Analyzer(model=model, min_face_px=min_face)
    tally = _Tally(sum(not is_video(path) for path in photos), with_bar=not videos)
    quiet = sys.stdout.isatty() and (as_json or as_csv)
    run = VideoRun(analyzer, every, start, end, save, quiet, failed=tally.failed)
    if camera is not None:
        found = run.camera(camera)
    elif videos:
        found = run.files(photos)
    else:
        pictures = [] if save is None else picture_files(photos, save)
        found = _saved(analyzer.run(photos, boxes=given, crops=crops), pictures)
    found = tally.count(found)
    if as_json:
        lines = _json_lines(found)
    elif as_csv:
        lines = _csv_lines(found, (video_columns if videos else columns)(analyzer.recognizer.card.labels))
    else:
        lines = _text_lines(found)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may hold what no encoding can write
    for line in lines:
        typer.echo(line)
    for line in tally.lines():
        typer.echo(line, err=True)
    if tally.failed:
        raise typer.Exit(1)


@dataclass
class _Tally:
    """What came of photos; of videos, only what failed."""

    photos: int
    with_bar: bool = True
    faces: int = 0
    empty: int = 0
    failed: list[str] = field(default_factory=list)

    def count(self, found: Iterable[Analysis]) -> Iterator[Analysis]:
        """Hand the analyses on and show a bar on standard error, where that does not run into what is printed."""
        from rich.console import Console
        from rich.progress import track

        from mien.video import AnalyzedFrame

        console = Console(stderr=True)
        hidden = not self.with_bar or self.photos == 1 or not console.is_terminal or sys.stdout.isatty()
        for analysis in track(found, "photos", self.photos, console=console, disable=hidden, transient=True):
            if not isinstance(analysis, AnalyzedFrame):
                self.faces += len(analysis.faces)
                self.empty += analysis.failed is None and not analysis.faces
            self.failed += [] if analysis.failed is None else [analysis.failed]
            yield analysis

    def lines(self) -> list[str]:
        """Return the summary for standard error: nothing for one photo that went well."""
        summary = f"{self.photos} photos: {self.faces} faces, {self.empty} without a face, {len(self.failed)} failed"
        return [*([summary] if self.photos > 1 else []), *(f"failed: {reason}" for reason in self.failed)]


def _saved(found: Iterable[Analysis], pictures: Sequence[Path]) -> Iterator[Analysis]:
    """Save the picture of each photo on its way, where there is a file for it."""
    for analysis, file in zip_longest(found, pictures):
        if file is not None and analysis.failed is None:
            analysis.save(file)
        yield analysis


def _json_lines(found: Iterable[Analysis]) -> Iterator[str]:
    """A JSON array, with an object on each line as soon as it is there."""
    held = "["
    for analysis in found:
        yield held
        held = json.dumps(analysis.to_dict()) + ","
    yield held.rstrip(",")
    yield "]"


def _csv_lines(found: Iterable[Analysis], columns: Sequence[str]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")  # a photo has no frame, time and track
    writer.writeheader()
    for analysis in found:
        writer.writerows(analysis.records())
        yield from text.getvalue().splitlines()
        text.seek(0)
        text.truncate()
    yield from text.getvalue().splitlines()


def _text_lines(found: Iterable[Analysis]) -> Iterator[str]:
    from mien.cli.video import video_lines
    from mien.video import AnalyzedFrame

    for (_, of_video), group in groupby(found, lambda one: (one.source, isinstance(one, AnalyzedFrame))):
        if of_video:
            yield from video_lines(cast("Iterator[AnalyzedFrame]", group))
        else:
            yield from _photo_lines(group)


def _photo_lines(found: Iterable[Analysis]) -> Iterator[str]:
    for analysis in found:
        if analysis.failed is not None:
            continue  # the summary says why
        width, height = analysis.size or (0, 0)
        n = len(analysis.faces)
        yield f"{analysis.source}  {width} x {height} px, {n or 'no'} face{'' if n == 1 else 's'}"
        for number, face in enumerate(analysis.faces):
            yield _text_of(number, face)


def _text_of(number: int, face: AnalyzedFace) -> str:
    expression = face.expression
    label = expression.label + ("?" if expression.uncertain else "")
    ranked = sorted(expression.probabilities.items(), key=lambda item: -item[1])[1:3]
    others = ", ".join(f"{name} {probability:.0%}" for name, probability in ranked)
    box = " ".join(f"{value:.0f}" for value in face.box)
    return f"  {number:>2}  {label:<10} {expression.confidence:>4.0%}   then {others:<28}  box {box}"
