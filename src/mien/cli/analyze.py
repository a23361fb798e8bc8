"""`mien analyze`."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mien.analysis import Analysis, AnalyzedFace
    from mien.labels import LabelSet


def analyze(
    paths: Annotated[list[Path], typer.Argument(help="Photos, and folders of photos.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array, an object for each photo.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a row for each face.")] = False,
    save: Annotated[
        Path | None, typer.Option(help="Draw the results on the photos: a file for one photo, else a folder.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model folder, or the name of a model that ships; default: the shipped one.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(help="Take the faces from this file, as --csv or --json printed it.")
    ] = None,
    crops: Annotated[bool, typer.Option("--crops", help="Each photo is one face already.")] = False,
    min_face: Annotated[int, typer.Option(min=1, help="Height of the smallest face that is searched, px.")] = 24,
) -> None:
    """Read the expressions of the faces in photos."""
    from mien.analysis import Analyzer
    from mien.faces.boxes import read_boxes
    from mien.media.draw import picture_files
    from mien.media.images import expand_folders

    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other.")
    photos = expand_folders(paths)
    pictures = [] if save is None else picture_files(photos, save)
    given = None if boxes is None else read_boxes(boxes)
    analyzer = Analyzer(model=model, min_face_px=min_face)
    tally = _Tally(len(photos))
    found = tally.count(_saved(analyzer.run(photos, boxes=given, crops=crops), pictures))
    if as_json:
        lines = _json_lines(found)
    elif as_csv:
        lines = _csv_lines(found, analyzer.recognizer.card.labels)
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
    """What came of the photos."""

    photos: int
    faces: int = 0
    empty: int = 0
    failed: list[str] = field(default_factory=list)

    def count(self, found: Iterable[Analysis]) -> Iterator[Analysis]:
        """Hand the analyses on and show a bar on standard error, where that does not run into what is printed."""
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        hidden = self.photos == 1 or not console.is_terminal or sys.stdout.isatty()
        for analysis in track(found, "photos", self.photos, console=console, disable=hidden, transient=True):
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


def _csv_lines(found: Iterable[Analysis], labels: LabelSet) -> Iterator[str]:
    from mien.records import columns

    text = io.StringIO()
    writer = csv.DictWriter(text, columns(labels), lineterminator="\n")
    writer.writeheader()
    for analysis in found:
        writer.writerows(analysis.records())
        yield from text.getvalue().splitlines()
        text.seek(0)
        text.truncate()
    yield from text.getvalue().splitlines()


def _text_lines(found: Iterable[Analysis]) -> Iterator[str]:
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
