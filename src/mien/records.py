"""The results of an analysis: typed, and as JSON, table and picture."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from mien.errors import InputError, MienError
from mien.faces.detect import LANDMARK_COLUMNS, Face
from mien.labels import LabelSet
from mien.media.draw import annotate, save_picture
from mien.media.images import read_image
from mien.recognizer import Expression

if TYPE_CHECKING:
    import pandas
    from PIL import Image

    from mien.media.images import Photo


_NO_LABELS = LabelSet(())


def columns(labels: LabelSet) -> list[str]:
    """Return the columns of a table of faces, as `Analysis.records` fills them."""
    found = ["label", "confidence", "uncertain", *(f"p_{name}" for name in labels)]
    return ["source", "face", "x0", "y0", "x1", "y1", "score", *LANDMARK_COLUMNS, *found]


def csv_line(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    """Return a row as a line of CSV, without its line end; names with any kind of line break are quoted."""
    text = io.StringIO()  # Python 3.11 quotes only the line breaks that are in its line terminator
    csv.DictWriter(text, columns, lineterminator="\r\n").writerow(row)
    return text.getvalue().removesuffix("\r\n")


def csv_header(columns: Sequence[str]) -> str:
    """Return the header line; names of custom classes may have commas."""
    return csv_line(dict(zip(columns, columns, strict=True)), columns)


@dataclass(frozen=True, kw_only=True)
class AnalyzedFace(Face):
    """A face and its expression."""

    expression: Expression

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds of a face; px to two decimals, probabilities to six."""
        return {
            "box": [round(value, 2) for value in self.box],
            "score": None if self.score is None else round(self.score, 4),
            "landmarks": self.landmarks and [[round(x, 2), round(y, 2)] for x, y in self.landmarks],
            "expression": {
                "label": self.expression.label,
                "confidence": round(self.expression.confidence, 6),
                "uncertain": self.expression.uncertain,
                "probabilities": {name: round(p, 6) for name, p in self.expression.probabilities.items()},
            },
        }


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One photo and the faces in it.

    Attributes:
        source: the photo's path, or ``<array>`` and the like for one without.
        photo: the photo as it was given; annotations are drawn on it.
        size: width and height, px, as the photo is seen; None if it could not be read.
        faces: the highest detection score first; in the order of the boxes where boxes were given.
        failed: why the photo could not be read or used; None if it could.
        model: name of the recogniser.
        labels: its classes; empty for a photo that never came to it.
    """

    source: str
    photo: Photo = field(repr=False, compare=False)
    size: tuple[int, int] | None
    faces: tuple[AnalyzedFace, ...] = ()
    failed: str | None = None
    model: str
    labels: LabelSet = field(default=_NO_LABELS, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds of a photo."""
        return {
            "source": self.source,
            "size": self.size and list(self.size),
            "failed": self.failed,
            "model": self.model,
            "faces": [face.to_dict() for face in self.faces],
        }

    def to_json(self, indent: int | None = 2) -> str:
        """Return the analysis as a JSON object."""
        return json.dumps(self.to_dict(), indent=indent)

    def records(self) -> list[dict[str, Any]]:
        """Return one flat record a face, with the keys of `columns`; None where there is no detection."""
        return [_record(self.source, number, face) for number, face in enumerate(self.faces)]

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with a row for each face.

        Raises:
            MienError: pandas is not installed.
        """
        return _table([self], self.labels)

    def _columns(self) -> list[str]:
        return columns(self.labels)

    def annotated(self) -> npt.NDArray[np.uint8]:
        """Return the photo, read again, with boxes, labels and bars drawn on it, ``(H, W, 3)`` uint8 RGB.

        Raises:
            InputError: the photo could not be read.
        """
        if self.failed is not None:
            raise InputError(self.failed)
        return annotate(read_image(self.photo, self.source), self.faces, [face.expression for face in self.faces])

    def plot(self) -> Image.Image:
        """Return the annotated photo as a Pillow image, which notebooks show."""
        from PIL import Image

        return Image.fromarray(self.annotated())

    def save(self, file: str | Path) -> None:
        """Write the annotated photo as PNG, JPEG or WebP, by the ending of `file`.

        Raises:
            InputError: the photo could not be read; or the file is the photo itself, or cannot be written.
        """
        picture = self.annotated()
        if os.path.realpath(file) == os.path.realpath(self.source):  # Path.resolve raises on a link to itself
            raise InputError(f"{file}: is the photo and would be overwritten; name another file.")
        save_picture(picture, file)


class Analyses(Sequence[Analysis]):
    """Several photos, in the order in which they were given."""

    def __init__(self, analyses: Iterable[Analysis], labels: LabelSet = _NO_LABELS) -> None:
        self._all = tuple(analyses)
        self._labels = labels  # for the columns of an empty table

    @overload
    def __getitem__(self, index: int) -> Analysis: ...
    @overload
    def __getitem__(self, index: slice) -> Analyses: ...
    def __getitem__(self, index: int | slice) -> Analysis | Analyses:
        return Analyses(self._all[index], self._labels) if isinstance(index, slice) else self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"Analyses({len(self)} photos, {len(self.faces)} faces, {len(self.failed)} failed)"

    @property
    def faces(self) -> list[AnalyzedFace]:
        """The faces of all photos."""
        return [face for analysis in self for face in analysis.faces]

    @property
    def failed(self) -> list[Analysis]:
        """The photos that could not be read or used; each says why."""
        return [analysis for analysis in self if analysis.failed is not None]

    def to_json(self, indent: int | None = 2) -> str:
        """Return the analyses as a JSON array of objects."""
        return json.dumps([analysis.to_dict() for analysis in self], indent=indent)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with a row for each face; photos without faces have none.

        Raises:
            MienError: pandas is not installed.
        """
        return _table(self, self._labels)


def _record(source: str, number: int, face: AnalyzedFace) -> dict[str, Any]:
    plain = face.to_dict()
    expression = plain["expression"]
    marks = chain.from_iterable(plain["landmarks"] or [(None, None)] * 5)
    return {
        "source": source,
        "face": number,
        **dict(zip(("x0", "y0", "x1", "y1"), plain["box"], strict=True)),
        "score": plain["score"],
        **dict(zip(LANDMARK_COLUMNS, marks, strict=True)),
        "label": expression["label"],
        "confidence": expression["confidence"],
        "uncertain": expression["uncertain"],
        **{f"p_{name}": p for name, p in expression["probabilities"].items()},
    }


def _table(analyses: Iterable[Analysis], labels: LabelSet) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError as error:
        raise MienError("to_pandas needs pandas, which is not installed: pip install pandas") from error
    analyses = list(analyses)
    # frames of videos have more columns than photos
    named = (analysis._columns() for analysis in analyses if len(analysis.labels))
    known = max(named, key=len, default=columns(labels))
    records = [record for analysis in analyses for record in analysis.records()]
    for record in records:  # pandas has strings in UTF-8, and file names may hold other bytes
        record["source"] = record["source"].encode(errors="backslashreplace").decode()
    return pandas.DataFrame(records, columns=known)
