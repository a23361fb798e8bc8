"""Boxes that somebody else found: checked, and read from files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.faces.detect import Box, Face

_FORMATS = (
    "expected CSV with the columns source, x0, y0, x1, y1, or JSON as "
    '[{"source": "a.jpg", "faces": [{"box": [x0, y0, x1, y1]}]}]: what `mien analyze --csv` and `--json` print.'
)


def read_boxes(file: Path) -> dict[str, list[Box]]:
    """Read the boxes of photos from a file.

    Either CSV with a header that has the columns source, x0, y0, x1 and y1, a row for each face, or one without
    numbers for a photo that has none; or a JSON array with an object for each photo:
    ``{"source": "a.jpg", "faces": [{"box": [x0, y0, x1, y1]}]}``, or a line for each in a file that ends in .jsonl.
    What else stands there is passed over, so the output of an analysis can be given to another.

    Returns:
        Source -> boxes, px.

    Raises:
        InputError: the file is of another form; names the place.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}.") from error
    if file.suffix.lower() == ".jsonl":
        text = f"[{','.join(text.splitlines())}]"
    return _from_json(text, file) if text.lstrip()[:1] in ("[", "{") else _from_csv(text, file)


def boxes_of_each(
    sources: Sequence[str], boxes: Mapping[str, Any] | Sequence[Any] | npt.NDArray[Any]
) -> list[list[Box] | None]:
    """Put given boxes into the order of the sources.

    Args:
        sources: names of the photos.
        boxes: source -> ``(N, 4)`` px, in any spelling of its path; or ``(N, 4)`` for each source, in their order.

    Returns:
        For each source its boxes, or None where `boxes` does not know it.

    Raises:
        InputError: a box is malformed, or there are boxes for more or fewer sources.
    """
    if not isinstance(boxes, Mapping):
        if len(boxes) != len(sources):
            raise InputError(f"boxes for {len(boxes)} photos, but there are {len(sources)} photos.")
        return [checked_boxes(given, source) for source, given in zip(sources, boxes, strict=True)]
    known = {Path(name).resolve(): given for name, given in boxes.items()}
    found = (known.get(Path(source).resolve()) for source in sources)
    return [None if given is None else checked_boxes(given, source) for given, source in zip(found, sources)]


def checked_boxes(boxes: Any, source: str) -> list[Box]:
    """Return ``(N, 4)`` numbers as boxes.

    Raises:
        InputError: one is not four finite numbers with x0 < x1 and y0 < y1.
    """
    found: list[Box] = []
    for index, box in enumerate(boxes):
        try:
            x0, y0, x1, y1 = (float(value) for value in box)
        except (TypeError, ValueError) as error:
            raise InputError(f"{source}: box {index} is {box!r}; expected four numbers, x0 y0 x1 y1.") from error
        if not (math.isfinite(x0 + y0 + x1 + y1) and x0 < x1 and y0 < y1):
            raise InputError(f"{source}: box {index} is {(x0, y0, x1, y1)}; expected x0 < x1 and y0 < y1, in px.")
        found.append((x0, y0, x1, y1))
    return found


def given_faces(boxes: Sequence[Box] | None, image: npt.NDArray[np.uint8], source: str) -> list[Face]:
    """Return faces at `boxes` in an image.

    Raises:
        InputError: there are no boxes, or one lies outside the image.
    """
    if boxes is None:
        raise InputError(f"{source}: no boxes are given for it.")
    height, width = image.shape[:2]
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        if x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
            raise InputError(f"{source}: box {index} {x0, y0, x1, y1} lies outside the photo of {width} x {height} px.")
    return [Face(box=box) for box in boxes]


def _from_json(text: str, file: Path) -> dict[str, list[Box]]:
    try:
        found = json.loads(text)
        photos = found if isinstance(found, list) else [found]
        plain = {photo["source"]: [face["box"] for face in photo["faces"]] for photo in photos}
    except ValueError as error:
        raise InputError(f"{file}: not JSON: {error}; {_FORMATS}") from error
    except (KeyError, TypeError) as error:
        raise InputError(f"{file}: {type(error).__name__} {error}; {_FORMATS}") from error
    return {source: checked_boxes(boxes, f"{file}, {source}") for source, boxes in plain.items()}


def _from_csv(text: str, file: Path) -> dict[str, list[Box]]:
    rows = csv.DictReader(text.splitlines())
    missing = {"source", "x0", "y0", "x1", "y1"} - set(rows.fieldnames or ())
    if missing:
        raise InputError(f"{file}: no column {', '.join(sorted(missing))}; {_FORMATS}")
    found: dict[str, list[Box]] = {}
    for row in rows:
        box = [row[name] for name in ("x0", "y0", "x1", "y1")]
        boxes = found.setdefault(row["source"], [])
        if any(box):
            boxes += checked_boxes([box], f"{file} line {rows.line_num}")
    return found
