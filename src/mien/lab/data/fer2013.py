"""Read FER2013 in any of its editions."""

from __future__ import annotations

import dataclasses
import os
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path, PurePosixPath

import numpy as np

from mien.errors import DataError
from mien.lab.data.dataset import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset
from mien.lab.data.edition import Edition, joined
from mien.lab.data.folder import read_folder
from mien.lab.data.parquet import read_parquet
from mien.lab.data.pixel_csv import read_csv
from mien.lab.data.tree import DAMAGED, FolderTree, TarTree, Tree, ZipTree
from mien.labels import LabelSet, label_set_of

_CSV_NAMES = ("icml_face_data.csv", "fer2013.csv", "train.csv", "test.csv")  # the most complete first
_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")


def read_fer2013(path: str | os.PathLike[str], classes: LabelSet | None = None) -> FaceDataset:
    """Read every face of FER2013 from a file or folder.

    Editions: `fer2013.csv`, `icml_face_data.csv`, the challenge's `train.csv` and `test.csv`; a zip, a tar or a
    folder that holds one of these; folders of images, unpacked or zipped; parquet files.

    Args:
        path: file or folder.
        classes: in the order of their labels, for a parquet file that does not state them, or for folders of images
            of other classes than FER2013's and contempt.

    Raises:
        DataError: nothing readable is there, or any part of it is damaged; names file and row. To leave out
            broken images, use `open_fer2013(path).data`.
    """
    return open_fer2013(path, classes).refuse_broken()


def open_fer2013(path: str | os.PathLike[str], classes: LabelSet | None = None, *, resize: bool = False) -> Edition:
    """Read all readable faces, as `read_fer2013` does, and list unreadable images and other files.

    Args:
        path: as `read_fer2013` takes it.
        classes: as `read_fer2013` takes it.
        resize: scale the middle square of images of another size to 48 x 48 px; faces of a CSV have that size.

    Raises:
        DataError: nothing readable is there, a row of a table is wrong, or the file states another order of classes.
    """
    path = Path(path)
    classes = None if classes is None else label_set_of(classes)
    edition = _opened(path, classes, resize)
    if classes not in (None, edition.data.label_set):
        stated = ", ".join(edition.data.label_set)
        raise DataError(f"{path}: has its own classes, {stated}; leave out classes (--classes).")
    return edition


def _opened(path: Path, classes: LabelSet | None, resize: bool) -> Edition:
    if path.is_dir():
        return _open_folder(path, classes, resize)
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder. `mien data fetch` downloads FER2013.")
    name = path.name.lower()
    if name.endswith(".parquet"):
        return read_parquet([path], str(path), classes, resize)
    if name.endswith(".zip") or zipfile.is_zipfile(path):
        with closing(ZipTree(path)) as zipped:
            return _open_tree(zipped, resize, classes)
    if name.endswith(_ARCHIVE_SUFFIXES) or tarfile.is_tarfile(path):
        with closing(TarTree(path)) as tarred:
            return _open_tree(tarred, resize, classes)
    try:
        with path.open("rb", buffering=1 << 20) as stream:
            return read_csv(stream, path.stat().st_size, str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error


def _open_folder(path: Path, classes: LabelSet | None, resize: bool) -> Edition:
    tree = FolderTree(path)
    names = sorted(name for name in tree.sizes if not PurePosixPath(name).name.startswith("."))  # of other programs
    parquets = [name for name in names if name.lower().endswith(".parquet")]
    if not _tables(tree) and parquets:
        edition = read_parquet([path / name for name in parquets], str(path), classes, resize)
        return dataclasses.replace(edition, other_files=tuple(sorted(set(tree.sizes) - set(parquets))))
    if len(names) == 1 and names[0].lower().endswith(_ARCHIVE_SUFFIXES):
        return open_fer2013(path / names[0], classes, resize=resize)
    return _open_tree(tree, resize, classes)


def _open_tree(tree: Tree, resize: bool, classes: LabelSet | None) -> Edition:
    """Read the most complete table of a tree, or else its images."""
    tables = _tables(tree)
    if not tables:
        if isinstance(tree, TarTree):
            raise DataError(f"{tree.source}: no {' or '.join(_CSV_NAMES)} in it; unpack it and name the folder.")
        return read_folder(tree, resize, classes)
    edition = _read_table(tree, tables[0])
    used = {tables[0]}
    folder = PurePosixPath(tables[0]).parent
    beside = [name for name in tables[1:] if PurePosixPath(name).parent == folder]
    test = next((name for name in beside if PurePosixPath(name).name.lower() == "test.csv"), None)
    if test and not {PRIVATE, TEST} & set(edition.data.split_names()):
        other = _read_table(tree, test).data
        if other.split_names() == [TRAINING]:  # labelled, without Usage
            other = dataclasses.replace(other, splits=np.full(len(other), TEST))
        both = TEST in other.split_names()
        # else Training or PublicTest would be there twice
        if TRAINING not in other.split_names() and not (both and PUBLIC in edition.data.split_names()):
            edition = Edition(edition.kind, joined([edition.data, other], tree.source))
            used.add(test)
    return dataclasses.replace(edition, other_files=tuple(sorted(set(tree.sizes) - used)))


def _tables(tree: Tree) -> list[str]:
    """Names of the CSV editions in a tree, the most complete first, those near its root before deeper ones."""
    found = [name for name in tree.sizes if PurePosixPath(name).name.lower() in _CSV_NAMES]
    return sorted(found, key=lambda name: (_CSV_NAMES.index(PurePosixPath(name).name.lower()), name.count("/"), name))


def _read_table(tree: Tree, name: str) -> Edition:
    source = f"{tree.source}/{name}"
    try:
        with tree.open(name) as stream:
            return read_csv(stream, tree.sizes[name], source)
    except DAMAGED as error:
        raise DataError(f"{source}: damaged or cut off ({error}). Get it again.") from error
