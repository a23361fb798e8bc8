"""Reading the data set of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mien.lab.data import FaceDataset

DATA_HELP = "FER2013: archive.zip, fer2013.csv, a parquet file or a folder."
Data = Annotated[Path, typer.Option(help=DATA_HELP)]


def read_faces(data: Path, votes: Path | None = None) -> FaceDataset:
    """Read a data set, report images that are not part of it, and join FER+ votes if their file is given."""
    from mien.lab.data import join_votes, open_fer2013
    from mien.lab.data.folder import is_image

    edition = open_fer2013(data)
    faces = edition.refuse_broken()
    tell_not_read([name for name in edition.other_files if is_image(name)])
    return faces if votes is None else join_votes(faces, votes)


def tell_not_read(files: Sequence[str]) -> None:
    """Report skipped files, if there are any, on standard error."""
    if files:
        typer.echo(
            "not read, because their names or folders are not those of faces, or a table is read instead: "
            f"{len(files):,} files{first_few(files)}",
            err=True,
        )


def first_few(names: Sequence[str]) -> str:
    """Return the first five names in parentheses after a space; empty if there are none."""
    if not names:
        return ""
    return f" ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
