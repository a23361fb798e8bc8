"""Write a data set in the editions that `read_fer2013` reads."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from mien.errors import DataError
from mien.lab.data.dataset import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset
from mien.lab.data.images import SIDE_PX
from mien.lab.data.parquet import CLASSES
from mien.labels import FER2013, FOLDER, LabelSet
from mien.writing import part_of

_FOLDERS = {TRAINING: "train", PUBLIC: "publictest", PRIVATE: "privatetest", TEST: "test"}


def write_edition(dataset: FaceDataset, path: str | os.PathLike[str]) -> None:
    """Write `dataset` to a new file or folder, in the edition that the name's suffix states.

    ``.csv`` gives the columns emotion, pixels, Usage; ``.parquet`` the columns row, emotion, Usage, name, image (PNG),
    and classes where they are not FER2013's; ``.zip`` and a name without suffix the folder edition, as PNG, in which
    faces are ordered by split and class. Only the parquet keeps row ids and the names of other classes than FER2013's,
    which must be stated again to read a folder (contempt is known); no edition keeps votes.

    Args:
        dataset: the faces.
        path: a file with one of these suffixes, or a folder; it must not exist yet.

    Raises:
        DataError: there are no faces, or they are not 48 x 48 px; `path` exists, its parent does not, or it is a folder
            inside the data set; the suffix is unknown; faces for a CSV have other classes than FER2013's; faces for a
            folder edition have no label, or a class that cannot name a folder; or the disk refuses.
    """
    path = Path(path)
    if not len(dataset):
        raise DataError(f"{dataset.source}: no faces are left to write to {path}.")
    height, width = dataset.faces.shape[1:]
    if (height, width) != (SIDE_PX, SIDE_PX):
        raise DataError(f"{dataset.source}: faces of {width} x {height} px; expected {SIDE_PX} x {SIDE_PX}.")
    writers: dict[str, Callable[[FaceDataset, Path], None]] = {
        ".csv": _write_csv,
        ".parquet": _write_parquet,
        ".zip": _write_zip,
        "": _write_folder,
    }
    if path.suffix not in writers:
        raise DataError(f"{path}: unknown ending {path.suffix!r}; expected .csv, .parquet, .zip, or none for a folder.")
    if path.exists():
        raise DataError(f"{path}: exists already; remove it or choose another name.")
    source = Path(dataset.source)
    if path.resolve().is_relative_to(source.resolve()) and not path.suffix and (source / dataset.rows[0]).is_file():
        raise DataError(f"{path}: lies in {source}, which would hold the faces twice. Choose a folder elsewhere.")
    part = part_of(path)  # so that an interrupted conversion is not mistaken for a complete one
    _remove(part)  # left by a killed one
    try:
        writers[path.suffix](dataset, part)
        part.rename(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error}).") from error
    finally:
        _remove(part)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _write_csv(dataset: FaceDataset, path: Path) -> None:
    words = [str(value) for value in range(256)]
    labels = dataset.relabel(FER2013, "Write .parquet, which keeps other classes than FER2013's.").labels.tolist()
    with path.open("w", encoding="ascii", newline="\n") as stream:
        stream.write("emotion,pixels,Usage\n")
        for face, label, split in zip(dataset.faces, labels, dataset.splits.tolist()):
            pixels = " ".join([words[value] for value in face.ravel().tolist()])
            stream.write(f"{label},{pixels},{split}\n")


def _write_parquet(dataset: FaceDataset, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    dataset = _ordered_as(FER2013, dataset)
    numbered = all(row.isdecimal() and len(row) < 19 for row in dataset.rows.tolist())  # as many digits as int64 holds
    rows = dataset.rows.astype(np.int64) if numbered else np.arange(len(dataset))
    columns = {
        "row": pa.array(rows, pa.int64()),
        "emotion": pa.array(dataset.labels.astype(np.int8)),
        "Usage": pa.array(dataset.splits.tolist(), pa.string()),
        "name": pa.array(dataset.rows.tolist(), pa.string()),
        "image": pa.array([_png(face) for face in dataset.faces], pa.binary()),
    }
    if dataset.label_set != FER2013:
        columns[CLASSES] = pa.array([json.dumps(dataset.label_set.names)] * len(dataset), pa.string())
    pq.write_table(pa.table(columns), path)


def _write_folder(dataset: FaceDataset, path: Path) -> None:
    for name, face in _named_faces(dataset):
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_png(face))


def _write_zip(dataset: FaceDataset, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, face in _named_faces(dataset):
            archive.writestr(name, _png(face))


def _named_faces(dataset: FaceDataset) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Faces with their paths ``SPLIT/CLASS/POSITION.png``, which sort in the data set's order."""
    unlabelled = int((dataset.labels < 0).sum())
    if unlabelled:
        raise DataError(
            f"{dataset.source}: {unlabelled:,} faces have no label and so no class folder. Choose labelled splits "
            "(--split), or write .csv or .parquet."
        )
    unfit = [name for name in dataset.label_set if re.search(r"^\.|[/\\\0]", name) or not name.strip(". ")]
    if unfit:
        raise DataError(f"{dataset.source}: class {unfit[0]!r} cannot name a folder. Write .parquet.")
    dataset = _ordered_as(FOLDER, dataset)
    for position, (face, label) in enumerate(dataset):
        split = _FOLDERS[str(dataset.splits[position])]
        yield f"{split}/{dataset.label_set.name(label)}/{position:06d}.png", face


def _ordered_as(usual: LabelSet, dataset: FaceDataset) -> FaceDataset:
    """The data set with FER2013's classes in the edition's usual order; one with other classes unchanged."""
    return dataset.relabel(usual) if set(dataset.label_set) == set(usual) else dataset


def _png(face: npt.NDArray[np.uint8]) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(face).save(encoded, "PNG")
    return encoded.getvalue()
