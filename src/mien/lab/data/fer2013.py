"""Read FER2013 in whatever edition the user has."""

from __future__ import annotations

import os
from pathlib import Path

from mien.errors import DataError
from mien.lab.data.dataset import FaceDataset
from mien.lab.data.edition import Edition
from mien.lab.data.images import refuse_broken
from mien.lab.data.parquet import read_parquet


def read_fer2013(path: str | os.PathLike[str]) -> FaceDataset:
    """Read every face of FER2013 from a file or folder, whatever its edition.

    Raises:
        DataError: nothing readable is there, or any part of it is damaged; names file and row.
    """
    edition = open_fer2013(path)
    refuse_broken(str(path), edition.broken)
    return edition.data


def open_fer2013(path: str | os.PathLike[str]) -> Edition:
    """Read what can be read, and name what cannot."""
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder.")
    return read_parquet(path)
