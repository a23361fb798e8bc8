"""The CSV editions: one row per face, its pixels as numbers separated by spaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import IO, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data.dataset import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset
from mien.lab.data.edition import FULL_SIZES, Edition
from mien.lab.data.images import SIDE_PX
from mien.labels import FER2013

PIXELS = SIDE_PX * SIDE_PX

_EDITIONS = {
    frozenset({"emotion", "pixels", "usage"}): "CSV of the 2013 challenge, all splits",
    frozenset({"emotion", "pixels"}): "CSV of the 2013 challenge, Training",
    frozenset({"pixels"}): "CSV of the 2013 challenge, unlabelled",
}
_UNNAMED = ("", "unnamed: 0")
"""Headings of the column of row numbers that pandas writes first."""
_SEPARATORS = {"\t": "tabs", ";": "semicolons"}
_IN_UTF_16 = "in UTF-16. Save it in UTF-8, as pandas' to_csv does by default"
_PACKED = {
    b"\x1f\x8b": "packed with gzip. Unpack it (gunzip) and name the unpacked file",
    b"\xff\xfe": _IN_UTF_16,
    b"\xfe\xff": _IN_UTF_16,
}
_LABELS = {f"{label}{end}".encode(): label for label in range(-1, len(FER2013)) for end in ("", ".0")}
_SPLITS = {name.encode(): name for name in (TRAINING, PUBLIC, PRIVATE, TEST)}
_BATCH = 32  # rows parsed at once: their arrays stay in the processor's cache
_LONGEST_LINE = 1 << 16  # bytes; a valid row takes at most 9.3 kB


_Place = tuple[str, int, bool]
"""File, row, and whether the file ends in that row, without a newline."""


class _Row(NamedTuple):
    label: int
    split: str
    pixels: bytes
    place: _Place


def read_csv(stream: IO[bytes], size_bytes: int, source: str) -> Edition:
    """Read `fer2013.csv`, `icml_face_data.csv`, or the challenge's `train.csv` and `test.csv`.

    Unlabelled faces are PrivateTest, except that 7,178 of them are the challenge's two test sets together (Test).

    Args:
        stream: the file, at its start.
        size_bytes: its size, which bounds the number of rows.
        source: its name, for messages.

    Raises:
        DataError: names the first row that is wrong, what was found, what is expected.
    """
    columns = _columns(stream.readline(_LONGEST_LINE), source)
    rows = _rows(stream, columns, source)
    faces = np.empty((size_bytes // (2 * PIXELS) + 1, PIXELS), np.uint8)  # memory is used only as rows are written
    _free_one_large_array()
    labels: list[int] = []
    splits: list[str] = []
    while batch := list(islice(rows, _BATCH)):
        done = len(labels)
        parsed = parse_pixels([row.pixels for row in batch])
        if parsed is None:
            parsed = np.stack([_parse_plainly(row.pixels, row.place) for row in batch])
        faces[done : done + len(batch)] = parsed
        labels += [row.label for row in batch]
        splits += [row.split for row in batch]
    if not labels:
        raise DataError(f"{source}: a header and no rows. Get the file again.")
    data = FaceDataset(
        faces=faces[: len(labels)].reshape(-1, SIDE_PX, SIDE_PX),
        labels=np.array(labels, np.int64),
        splits=np.array(splits),
        rows=np.arange(len(labels)).astype(np.str_),
        label_set=FER2013,
        source=source,
    )
    return Edition(_EDITIONS[_named(columns)], data if "emotion" in columns else _locate(data))


def _free_one_large_array() -> None:
    """Allocate and free it: from then on, glibc's malloc keeps freed memory up to that size (mallopt(3)).

    Otherwise it returns the arrays of each batch to the system and requests them again, which doubles the time.
    """
    np.empty(1 << 24, np.uint8)


def _locate(unlabelled: FaceDataset) -> FaceDataset:
    """Give the faces of an unlabelled file their split and rows in the whole CSV."""
    count, training, public = len(unlabelled), FULL_SIZES[TRAINING], FULL_SIZES[PUBLIC]
    both = count == public + FULL_SIZES[PRIVATE]
    first = training if both else training + public
    splits, rows = np.full(count, TEST if both else PRIVATE), np.arange(first, first + count).astype(np.str_)
    return replace(unlabelled, splits=splits, rows=rows)


def _columns(header: bytes, source: str) -> list[str]:
    """Names of the columns in lower case, in the file's order."""
    if not header:
        raise DataError(f"{source}: the file is empty. Get it again.")
    for start, found in _PACKED.items():
        if header.startswith(start):
            raise DataError(f"{source}: {found}.")
    text = header.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    for separator, found in _SEPARATORS.items():
        if _named(_split(text, separator)) in _EDITIONS and separator in text:
            raise DataError(f"{source}: separated by {found}. Write it with commas, as pandas' to_csv(sep=',') does.")
    if not text.rstrip("\r\n").isprintable():
        raise DataError(f"{source}: not a CSV file. Expected fer2013.csv, or one of its other editions.")
    columns = _split(text, ",")
    if _named(columns) not in _EDITIONS or len(set(columns)) != len(columns):
        raise DataError(
            f"{source}: wrong columns; the first line is {text[:60].rstrip()!r}. Expected emotion,pixels,Usage in any "
            "order, emotion,pixels, or pixels alone. Is this FER2013, and is its header there?"
        )
    return columns


def _split(text: str, separator: str) -> list[str]:
    return [name.strip(' "\r\n').lower() for name in text.split(separator)]


def _named(columns: list[str]) -> frozenset[str]:
    """Columns without a first one of row numbers, which is ignored: it may come from another table."""
    return frozenset(columns[1:] if columns[0] in _UNNAMED else columns)


@cache
def _label_of(field: bytes) -> int | None:
    """The label that a field states as number or class name; None if it is neither."""
    if field in _LABELS:
        return _LABELS[field]
    try:
        return FER2013.index(field.decode())
    except (DataError, UnicodeDecodeError):
        return None


def _rows(stream: IO[bytes], columns: list[str], source: str) -> Iterator[_Row]:
    """Split lines into fields and check label and Usage; blank lines are skipped."""
    pixels_at = columns.index("pixels")
    label_at = columns.index("emotion") if "emotion" in columns else None
    split_at = columns.index("usage") if "usage" in columns else None
    row = 0
    while line := stream.readline(_LONGEST_LINE):
        if line.isspace():
            continue
        place = source, row, not line.endswith(b"\n")
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            _fail(place, f"longer than {_LONGEST_LINE:,} bytes, expected {PIXELS} pixels a line")
        fields = line.split(b",", pixels_at)  # from both ends, so that pixels are not searched for commas
        fields += fields.pop().rsplit(b",", len(columns) - 1 - pixels_at)
        fields = [field.strip(b' "\r\n\t') for field in fields]
        if len(fields) != len(columns):
            _fail(
                place,
                f"{len(fields)} columns, expected {len(columns)} ({', '.join(name or 'unnamed' for name in columns)})",
            )
        label = -1 if label_at is None else _label_of(fields[label_at])
        if label is None:
            found = _shown(fields[columns.index("emotion")])
            _fail(place, f"emotion {found}, expected 0 to 6 or {', '.join(FER2013)}, or -1 for unlabelled")
        split = TRAINING if split_at is None else _SPLITS.get(fields[split_at])
        if split is None:
            found = _shown(fields[columns.index("usage")])
            _fail(place, f"Usage {found}, expected {', '.join(_SPLITS.values())}")
        yield _Row(label, split, fields[pixels_at], place)
        row += 1


def parse_pixels(rows: list[bytes]) -> npt.NDArray[np.uint8] | None:
    """Parse well-formed rows together, about twenty times as fast as with `int` on each number.

    Every published file is well-formed: `PIXELS` numbers per row, of one to three digits, at most 255, separated by
    single spaces.

    Returns:
        ``(len(rows), PIXELS)`` uint8, or None if any row is not well-formed.
    """
    text = np.frombuffer(b"   " + b" ".join(rows) + b" ", np.uint8)  # three spaces, so that text[i - 3] exists
    digits = text - np.uint8(ord("0"))  # of a space: 240, as uint8 wraps round
    is_digit = digits < 10
    is_space = text == ord(" ")
    if np.count_nonzero(is_digit) + np.count_nonzero(is_space) != len(text):
        return None
    four_digits = is_digit[3:] & is_digit[2:-1] & is_digit[1:-2] & is_digit[:-3]
    two_spaces = is_space[3:] & is_space[2:-1]
    if four_digits.any() or two_spaces.any():
        return None
    spaces = np.flatnonzero(is_space[3:])  # where numbers end, counted from the fourth byte of `text` on
    row_ends = np.cumsum([len(row) + 1 for row in rows]) - 1
    if len(spaces) != PIXELS * len(rows) or (spaces[PIXELS - 1 :: PIXELS] != row_ends).any():
        return None
    digits *= is_digit.view(np.uint8)  # now 0 for a space
    # The number that would end before each byte if that byte were a space.
    below_hundred = digits[2:-1] + digits[1:-2] * np.uint8(10)
    hundreds = digits[:-3] * is_digit[1:-2].view(np.uint8)  # a digit before a space belongs to the number before
    above_255 = (hundreds > 2) | ((hundreds == 2) & (below_hundred > 55))
    if (above_255 & is_space[3:]).any():
        return None
    values: npt.NDArray[np.uint8] = (below_hundred + hundreds * np.uint8(100)).take(spaces)
    return values.reshape(len(rows), PIXELS)


def _parse_plainly(pixels: bytes, place: _Place) -> npt.NDArray[np.uint8]:
    """Parse one row to ``(PIXELS,)`` uint8, or raise an error that names its first fault."""
    numbers = pixels.split()
    if len(numbers) != PIXELS:
        _fail(place, f"{len(numbers)} pixels, expected {PIXELS} ({SIDE_PX} x {SIDE_PX})")
    for index, number in enumerate(numbers):
        significant = number.lstrip(b"0") or b"0"
        if not number.isdigit() or len(significant) > 3 or int(significant) > 255:
            _fail(place, f"pixel {index} is {_shown(number)}, expected a whole number from 0 to 255")
    return np.array([int(number) for number in numbers], np.uint8)


def _shown(field: bytes) -> str:
    return repr(field[:20].decode("utf-8", "replace"))


def _fail(place: _Place, problem: str) -> NoReturn:
    source, row, cut_off = place
    hint = " The file ends in this row, so it looks cut off." if cut_off else ""
    raise DataError(
        f"{source} row {row}: {problem}.{hint} Rows are counted from 0 after the header; the whole of FER2013 has "
        f"{sum(FULL_SIZES.values()):,}. Get the file again and run `mien data check`."
    )
