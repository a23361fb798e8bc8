"""The data set that a command reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mien.lab.data import FaceDataset

DATA_HELP = "FER2013: archive.zip, fer2013.csv, a parquet file or a folder."
Data = Annotated[Path, typer.Option(help=DATA_HELP)]


def read_faces(data: Path, votes: Path | None = None) -> FaceDataset:
    """Read a data set, and join the votes of FER+ where their file is named."""
    from mien.lab.data import join_votes, read_fer2013

    faces = read_fer2013(data)
    return faces if votes is None else join_votes(faces, votes)
