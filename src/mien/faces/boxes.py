"""Faces found elsewhere: read from files, and checked."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.faces.detect import LANDMARK_COLUMNS, LANDMARK_NAMES, Face, Landmarks

_FORMATS = (
    "expected CSV with the columns source, x0, y0, x1, y1, or JSON as "
    '[{"source": "a.jpg", "faces": [{"box": [x0, y0, x1, y1]}]}]: what `mien analyze --csv` and `--json` print.'
)
_FARTHEST_PX = 1e9  # far beyond any photo; near the largest float, sides would become infinite


def read_boxes(file: Path) -> dict[str, list[Face]]:
    """Read the boxes of photos from a file, and the landmarks where it has them.

    Either CSV with the columns source, x0, y0, x1 and y1 and a row for each face, or one without numbers for a photo
    that has none; landmarks are in right_eye_x, right_eye_y and so on, as `mien.records.columns` names them. Or a JSON
    array with an object for each photo, or a line for each in a file that ends in .jsonl:
    ``{"source": "a.jpg", "faces": [{"box": [x0, y0, x1, y1], "landmarks": [[x, y], ...]}]}``.
    Other columns and keys are ignored, so that the output of an analysis can be read; but a `path` at which there is a
    file names the photo instead of `source`.

    Returns:
        Source or path -> faces, px; without the photos that `failed`.

    Raises:
        InputError: the file cannot be read or is malformed; says where.
    """
    try:
        data = file.read_bytes()
        is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as > in Windows PowerShell writes it
        text = data.decode("utf-16" if is_utf_16 else "utf-8-sig", "surrogateescape")  # file names may hold any bytes
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{file}: cannot be read: {reason}.") from error
    if file.suffix.lower() == ".jsonl":
        lines = (line for line in text.split("\n") if line.strip())
        text = f"[{','.join(lines)}]"
    return _from_json(text, file) if text.lstrip()[:1] in ("[", "{") else _from_csv(text, file)


def boxes_of_each(
    sources: Sequence[str], boxes: Mapping[Any, Any] | Sequence[Any] | npt.NDArray[Any]
) -> list[list[Face] | None]:
    """Put given boxes into the order of the sources.

    Args:
        sources: names of the photos.
        boxes: source -> ``(N, 4)`` px, in any spelling of its path; or ``(N, 4)`` for each source, in their order.
            `Face`s may stand for boxes; their landmarks are kept.

    Returns:
        For each source its faces, or None where `boxes` does not know it.

    Raises:
        InputError: a box is malformed, `boxes` is no list, its length is not that of the sources, or a key is no name
            or another spelling of a name before.
    """
    if not isinstance(boxes, Mapping):
        try:
            boxes = list(boxes)
        except TypeError as error:
            raise InputError(f"boxes are {boxes!r}; expected a list of boxes for each photo, x0 y0 x1 y1.") from error
        if len(boxes) != len(sources):
            raise InputError(f"boxes for {len(boxes)} photos, but there are {len(sources)} photos.")
        return [checked_boxes(given, source) for source, given in zip(sources, boxes, strict=True)]
    known: dict[Path, Any] = {}
    for name, given in boxes.items():
        if not isinstance(name, str | os.PathLike):
            raise InputError(f"boxes: the key {name!r} is no photo's name; give a list for photos without one.")
        path = _place(name)
        if path in known:
            raise InputError(f"boxes: {name} is named in two spellings; put all its boxes under one of them.")
        known[path] = given
    found = (known.get(_place(source)) for source in sources)
    return [None if given is None else checked_boxes(given, source) for given, source in zip(found, sources)]


def _place(name: str | os.PathLike[str]) -> Path:
    """The resolved path of a photo, so that all spellings of it are equal."""
    try:
        return Path(name).resolve()
    except (ValueError, RuntimeError):  # a NUL in the name, or a link to itself: reported when the photo is read
        return Path(name)


def checked_boxes(boxes: Any, source: str) -> list[Face]:
    """Return ``(N, 4)`` numbers, or what has such a `box` and perhaps `landmarks`, as faces.

    Raises:
        InputError: `boxes` is no list, a box is not four numbers below 1e9 with x0 < x1 and y0 < y1, or landmarks are
            not five points.
    """
    try:
        boxes = list(boxes)
    except TypeError as error:
        raise InputError(f"{source}: boxes are {boxes!r}; expected a list of x0 y0 x1 y1, [] for no face.") from error
    return [
        _face(getattr(given, "box", given), getattr(given, "landmarks", None), f"{source}: box {index}")
        for index, given in enumerate(boxes)
    ]


def detected_faces(found: Any, image: npt.NDArray[np.uint8], source: str) -> list[Face]:
    """Return what a custom detector found in an image, after a check.

    Raises:
        InputError: it is no list of `Face`; a box, landmarks or a score is malformed; or a face lies outside the image.
    """
    if not isinstance(found, list | tuple):
        raise InputError(f"{source}: the detector returned {type(found).__name__}; expected a list of mien.Face.")
    for index, face in enumerate(found):
        if not isinstance(face, Face):
            kind = type(face).__name__
            raise InputError(f"{source}: item {index} of what the detector returned is {kind}; expected mien.Face.")
        place = f"{source}: the detector's box {index}"
        _face(face.box, face.landmarks, place)  # raises where it is malformed
        if face.score is not None and not math.isfinite(face.score):  # which JSON cannot hold
            raise InputError(f"{place} has the score {face.score}; expected a finite number, or None.")
    return given_faces(list(found), image, source)


def given_faces(faces: list[Face] | None, image: npt.NDArray[np.uint8], source: str) -> list[Face]:
    """Return the faces given for an image, after a check.

    Raises:
        InputError: `faces` is None, as none are given for the image, or one lies outside it.
    """
    if faces is None:
        raise InputError(f"{source}: no boxes are given for it.")
    height, width = image.shape[:2]
    for index, face in enumerate(faces):
        x0, y0, x1, y1 = face.box
        if x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
            raise InputError(f"{source}: box {index} {x0, y0, x1, y1} lies outside the photo of {width} x {height} px.")
    return faces


def _face(box: Any, landmarks: Any, place: str) -> Face:
    """A checked face; `place` names it in messages."""
    try:
        x0, y0, x1, y1 = (float(value) for value in box)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{place} is {box!r}; expected four numbers, x0 y0 x1 y1.") from error
    if not (all(abs(value) < _FARTHEST_PX for value in (x0, y0, x1, y1)) and x0 < x1 and y0 < y1):  # NaN is not below
        raise InputError(f"{place} is {(x0, y0, x1, y1)}; expected x0 < x1 and y0 < y1, in px.")
    return Face(box=(x0, y0, x1, y1), landmarks=None if landmarks is None else _five_points(landmarks, place))


def _five_points(landmarks: Any, place: str) -> Landmarks:
    try:
        a, b, c, d, e = ((float(x), float(y)) for x, y in landmarks)
        if not math.isfinite(sum(map(sum, (a, b, c, d, e)))):
            raise ValueError("not finite")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{place} has the landmarks {landmarks!r}; expected none, or five points x y in px: "
            f"{', '.join(LANDMARK_NAMES)}."
        ) from error
    return a, b, c, d, e


def _from_json(text: str, file: Path) -> dict[str, list[Face]]:
    try:
        found = json.loads(text)
        photos = found if isinstance(found, list) else [found]
        plain: dict[str, list[tuple[Any, Any]]] = {}
        for photo in photos:
            faces = [(face["box"], face.get("landmarks")) for face in photo["faces"]]
            if not photo.get("failed"):
                plain.setdefault(_photo_of(photo), []).extend(faces)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not JSON: {error}; {_FORMATS}") from error
    except (KeyError, TypeError) as error:
        raise InputError(f"{file}: {type(error).__name__} {error}; {_FORMATS}") from error
    return {
        source: [_face(*given, f"{file}, {source}: box {index}") for index, given in enumerate(faces)]
        for source, faces in plain.items()
    }


def _photo_of(record: Mapping[str, Any]) -> str:
    """The photo's `path`, which files of `--out` have so that they can be used in any folder; else its `source`."""
    path = record.get("path")
    return path if isinstance(path, str) and os.path.isfile(path) else _source(record["source"])  # noqa: PTH113


def _source(name: Any) -> str:
    if not isinstance(name, str) or "\0" in name:
        raise TypeError(f"source is {name!r}, expected a photo's name")
    return name


def _from_csv(text: str, file: Path) -> dict[str, list[Face]]:
    try:
        return _of_rows(csv.DictReader(io.StringIO(text, newline="")), file)
    except (csv.Error, TypeError) as error:
        raise InputError(f"{file}: {error}; {_FORMATS}") from error


def _of_rows(rows: csv.DictReader[str], file: Path) -> dict[str, list[Face]]:
    missing = {"source", "x0", "y0", "x1", "y1"} - set(rows.fieldnames or ())
    if missing:
        raise InputError(f"{file}: no column {', '.join(sorted(missing))}; {_FORMATS}")
    marked = set(LANDMARK_COLUMNS) <= set(rows.fieldnames or ())
    found: dict[str, list[Face]] = {}
    for row in rows:
        if row.get("failed"):
            continue
        box = [row[name] for name in ("x0", "y0", "x1", "y1")]
        marks = [row[name] for name in LANDMARK_COLUMNS] if marked else []
        faces = found.setdefault(_photo_of(row), [])
        if any(box):
            points = list(zip(marks[::2], marks[1::2])) if any(marks) else None
            faces.append(_face(box, points, f"{file} line {rows.line_num}: box 0"))
    return found
