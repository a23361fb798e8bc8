"""Parquet editions: rows of the 2013 CSV with encoded images, and the layout of Hugging Face."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data.dataset import SPLITS, FaceDataset
from mien.lab.data.edition import Edition, joined, split_named, with_test_settled
from mien.lab.data.images import decode_faces
from mien.labels import FER2013, FERPLUS, LabelSet, label_set_of

OWN_COLUMNS = ("row", "emotion", "Usage", "image")
_ROWS = "Every face needs its own row; renumber the rows of joined files."
HUB_COLUMNS = ("image", "label")
CLASSES = "classes"
"""Column that repeats the names of all classes as a JSON list, where they are not FER2013's: other programs keep
columns, but not the file's metadata."""


def read_parquet(paths: Sequence[Path], source: str, classes: LabelSet | None = None, resize: bool = False) -> Edition:
    """Read one or several parquet files of the same layout.

    Either they have the columns row, emotion, Usage and image (encoded bytes), and FER2013's classes unless a column
    `CLASSES` names others; or they are as Hugging Face writes them: image (a struct with bytes) and label, with the
    split at the start of the file's name, or as the name of its folder, and no label or -1 for unlabelled.

    Args:
        paths: the files.
        source: name of them all, for messages.
        classes: of the labels in the Hugging Face layout, where the file itself does not state them.
        resize: scale the middle square of images of another size to 48 x 48 px.

    Raises:
        DataError: not a parquet file, no rows, unknown columns, an unknown label, Usage or class order, or a row or a
            file appears twice.
    """
    editions = [_read_file(path, classes, resize) for path in paths]
    orders = {edition.data.label_set for edition in editions}
    if len(orders) > 1:
        raise DataError(f"{source}: files with different class orders: {'; '.join(', '.join(one) for one in orders)}.")
    if len(paths) > 1:
        _refuse_doubles([edition.data for edition in editions if len(edition.data)], source)
    data = editions[0].data if len(paths) == 1 else joined([edition.data for edition in editions], source)
    data = with_test_settled(data)
    broken = tuple(line for edition in editions for line in edition.broken)
    if not len(data) and not broken:
        raise DataError(f"{source}: no rows. Get the data again.")
    return Edition(editions[0].kind, data, broken)


def _refuse_doubles(parts: Sequence[FaceDataset], source: str) -> None:
    """Refuse duplicate files, as after a second download: their faces would count twice."""
    files: dict[str, str] = {}
    for part in parts:
        other = files.setdefault(part.fingerprint, part.source)
        if other != part.source:
            raise DataError(f"{source}: {part.source} holds the same faces as {other}. Move one of them elsewhere.")


def _read_file(path: Path, classes: LabelSet | None, resize: bool) -> Edition:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"{path}: columns appear twice: {', '.join(twice)}. Keep one of each.")
        if set(OWN_COLUMNS) <= set(names):
            kind, faces = "parquet with the rows of the 2013 CSV", _read_own(path, file)
        elif set(HUB_COLUMNS) <= set(names):
            kind, faces = "parquet of Hugging Face", _read_hub(path, file, classes)
        else:
            raise DataError(
                f"{path}: wrong columns: {', '.join(names)}. Expected {', '.join(OWN_COLUMNS)}; or "
                f"{', '.join(HUB_COLUMNS)}."
            )
        images = _images(file)
        decoded = decode_faces(faces.names, lambda _: next(images), resize)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a parquet file, or damaged ({error}). Get it again.") from error
    data = FaceDataset(
        faces=decoded.faces,
        labels=faces.labels[decoded.kept],
        splits=faces.splits[decoded.kept],
        rows=faces.rows[decoded.kept],
        label_set=faces.label_set,
        source=str(path),
    )
    return Edition(kind, data, decoded.broken)


class _Columns(NamedTuple):
    """All columns of a file except the images, ``(N,)`` each; `names` identify the images in messages."""

    rows: npt.NDArray[np.str_]
    labels: npt.NDArray[np.int64]
    splits: npt.NDArray[np.str_]
    names: list[str]
    label_set: LabelSet


def _read_own(path: Path, file: Any) -> _Columns:
    table = file.read(columns=["row", "emotion", "Usage"])
    splits = np.array(table["Usage"].to_pylist(), np.str_)
    given = table["row"].to_pylist()
    if None in given:
        raise DataError(f"{path} face {given.index(None)}: has no row. {_ROWS}")
    rows = np.array(given, np.str_)
    names, label_set = [f"row {row}" for row in given], _own_classes(path, file)
    labels = _labels(path, "emotion", table["emotion"].to_pylist(), names, label_set)
    for index in np.flatnonzero(~np.isin(splits, SPLITS))[:1]:
        raise DataError(f"{path} row {rows[index]}: Usage {str(splits[index])!r}; expected one of {', '.join(SPLITS)}.")
    _, first = np.unique(np.stack([splits, rows]), axis=1, return_index=True)
    for index in np.setdiff1d(np.arange(len(rows)), first)[:1]:
        raise DataError(f"{path} row {rows[index]}: appears twice in {splits[index]}. {_ROWS}")
    return _Columns(rows, labels, splits, names, label_set)


def _own_classes(path: Path, file: Any) -> LabelSet:
    if CLASSES in file.schema_arrow.names:
        stated = set(file.read(columns=[CLASSES])[CLASSES].to_pylist())
    else:  # files of earlier versions of mien have them in their metadata
        stated = {(file.schema_arrow.metadata or {}).get(b"mien.classes", json.dumps(FER2013.names))}
    try:
        (names,) = stated
        return LabelSet(tuple(json.loads(names)))
    except (ValueError, TypeError):
        found = ", ".join(sorted(map(repr, stated))) or "no rows"
        raise DataError(
            f"{path}: column {CLASSES}: {found}; expected one list of names in all rows, such as "
            '["awake", "sleepy"]. Join files of the same classes only, in the same order.'
        ) from None


def _read_hub(path: Path, file: Any, classes: LabelSet | None) -> _Columns:
    place = path.stem
    split = split_named(re.split(r"[^a-z]", place.lower())[0])
    if split is None:
        folder = path.absolute().parent.name
        place, split = f"{folder}/{place}", split_named(folder)
    if split is None:
        raise DataError(
            f"{path}: neither its name nor that of its folder states a split; rename the file to train-….parquet or "
            "test-….parquet."
        )
    label_set = _stated_order(file) or classes
    if label_set is None:
        raise DataError(
            f"{path}: the file does not say what its labels mean. State the order of its classes: "
            "classes=LabelSet((...)); on the command line, `mien data convert DATA OUT --classes angry,disgust,...`, "
            "then use OUT."
        )
    for name in label_set if classes is None else ():
        if name not in FERPLUS.names:  # FER2013's classes and contempt
            raise DataError(
                f"{path}: class {name!r} is unknown; expected some of {', '.join(FERPLUS)}. To use the file's own: "
                f"`mien data convert DATA OUT.parquet --classes {','.join(label_set)}`, then use OUT.parquet."
            )
    stated = file.read(columns=["label"])["label"].to_pylist()
    numbers = [f"row {index}" for index in range(len(stated))]
    labels = _labels(path, "label", [-1 if label is None else label for label in stated], numbers, label_set)
    rows = np.array([f"{place}/{index}" for index in range(len(labels))], np.str_)
    return _Columns(rows, labels, np.full(len(labels), split), rows.tolist(), label_set)


def _labels(path: Path, column: str, values: list[Any], names: list[str], label_set: LabelSet) -> npt.NDArray[np.int64]:
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, int | float | None):
            raise DataError(
                f"{path} {name}: {column} {value!r}; expected the number of a class. If labels are names, sort the "
                "images into folders train/CLASS and test/CLASS."
            )
        if value not in range(-1, len(label_set)):
            raise DataError(
                f"{path} {name}: {column} {value}; expected 0 to {len(label_set) - 1}, or -1 for unlabelled."
            )
    return np.array(values, np.int64)


def _images(file: Any) -> Iterator[bytes]:
    """The encoded images, in order; empty where one is missing."""
    for batch in file.iter_batches(batch_size=1024, columns=["image"]):
        for image in batch.column(0):
            value = image.as_py()
            yield (value.get("bytes") if isinstance(value, dict) else value) or b""


def _stated_order(file: Any) -> LabelSet | None:
    """The class names that the `datasets` library stores in the file's metadata, if they are there."""
    try:
        metadata = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        names = metadata.get("info", {}).get("features", {}).get("label", {}).get("names")
    except (ValueError, AttributeError):  # not written by that library
        return None
    return label_set_of(names) if names else None
