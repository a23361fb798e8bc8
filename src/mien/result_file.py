"""A file of results to which photos are added one by one, so that an interrupted run can go on."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mien.errors import InputError
from mien.records import Analysis, columns, csv_header, csv_line
from mien.writing import locked, replacing

if TYPE_CHECKING:
    from mien.card import Card

_Stamp = tuple[int, int]

_ADDED = ("faces", "failed", "path", "bytes", "modified_ns", "made_with")
"""Columns after those of `columns`: number of faces, why the photo failed, its path, its stamp, what read it."""


@dataclass(frozen=True)
class Known:
    """What the file says of a photo.

    Attributes:
        source: the photo as it was named.
        path: its absolute path, which tells photos of the same name apart.
        faces: how many it has.
        failed: why it could not be read; None if it could.
        stamp: its size in bytes and the time of its last change in ns; None if there was no such file.
        made_with: the model, and where the faces are from.
    """

    source: str
    path: Path
    faces: int
    failed: str | None
    stamp: _Stamp | None
    made_with: str


class ResultFile:
    """A CSV or JSON-lines file of photos, among them those that failed or show no face.

    A killed run can leave a part of its last photo at the end of the file, which the next run removes. Photos that
    failed, or whose size or modification time has changed, are read again.

    Attributes:
        done: what the file says of this run's photos, except those that failed.
        missing: this run's photos that are still to be read, each once.

    Args:
        file: ends in .csv or .jsonl; it need not exist.
        photos: those of this run.
        card: of the recogniser.
        faces_from: where the faces are from, in words.

    Raises:
        InputError: the file is something else, was made with another model or other faces, cannot be read or written,
            or another run adds to it.
    """

    def __init__(self, file: Path, photos: Sequence[Path], card: Card, faces_from: str) -> None:
        if file.suffix.lower() not in (".csv", ".jsonl"):
            raise InputError(f"{file}: unknown ending {file.suffix!r}; expected .csv or .jsonl, which can be added to.")
        self._file = file
        self._taken = InputError(f"{file}: another run is adding to it; wait until it ends, or name another file.")
        self._is_csv = file.suffix.lower() == ".csv"
        self._columns = [*columns(card.labels), *_ADDED]
        self._header = csv_header(self._columns).encode() + b"\n" if self._is_csv else b'{"source": '
        self._made_with = f"{card.name} {_digest(card)}, {faces_from}"
        # taken before the photos are read, so that the next run reads those again that change meanwhile
        self._stamps = {photo.absolute(): _stamp(photo) for photo in photos}
        self.done: dict[Path, Known] = {}
        with _explained(file):
            if file.exists():
                with locked(file, self._taken):
                    self._take_up()
        self.missing = [photo for path, photo in {p.absolute(): p for p in photos}.items() if path not in self.done]

    def write(self, analyses: Iterable[Analysis]) -> None:
        """Add photos to the file, each as soon as it is read.

        Raises:
            InputError: the file cannot be written, or another run adds to it.
        """
        with ExitStack() as held:
            with _explained(self._file):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.touch()
                held.enter_context(locked(self._file, self._taken))
                stream = self._file.open("ab")
            try:
                if self._is_csv and stream.tell() == 0:
                    stream.write(self._header)
                for analysis in analyses:
                    with _explained(self._file):
                        stream.write(self._encoded(analysis))
                        stream.flush()
            finally:
                with suppress(OSError):  # a full disk, which was reported above
                    stream.close()

    def _encoded(self, analysis: Analysis) -> bytes:
        path = Path(analysis.source).absolute()
        size, modified_ns = self._stamps[path] or (None, None)
        added = {"path": str(path), "bytes": size, "modified_ns": modified_ns, "made_with": self._made_with}
        if not self._is_csv:
            return json.dumps({**analysis.to_dict(), **added}).encode() + b"\n"
        added |= {"faces": None if analysis.failed else len(analysis.faces), "failed": analysis.failed}
        rows = analysis.records() or [{"source": analysis.source}]
        lines = "".join(csv_line({**row, **added}, self._columns) + "\n" for row in rows)
        return lines.encode("utf-8", "surrogateescape")

    def _take_up(self) -> None:
        """Note what the file says, and remove what is cut off, out of date or failed."""
        kept: list[tuple[int, int]] = []
        with self._file.open("rb") as stream:
            start = self._after_header(stream)
            if self._is_csv:
                kept.append((0, start))
            for known, end in self._photos(stream, start):
                is_asked_for = known.path in self._stamps
                if is_asked_for and known.failed is None and self._stamps[known.path] == known.stamp:
                    self.done[known.path] = known
                if not is_asked_for or known.path in self.done:
                    kept.append((start, end))
                start = end
            if not self._is_csv:
                self._check_piece(stream, start)
        if sum(end - start for start, end in kept) < self._file.stat().st_size:
            self._rewrite(kept)

    def _check_piece(self, stream: BinaryIO, start: int) -> None:
        """Make sure that what follows the last whole line is not another file's text, such as of `Analysis.to_json`."""
        stream.seek(start)
        with suppress(ValueError):
            piece = json.loads(stream.read())
            if not isinstance(piece, dict) or "made_with" not in piece:
                raise InputError(
                    f"{self._file}: ends in a line that `mien analyze --out` has not written; name another file."
                )

    def _after_header(self, stream: BinaryIO) -> int:
        """Check how the file begins and return where its first photo does."""
        header = stream.read(len(self._header))
        if not self._header.startswith(header):
            raise InputError(
                f"{self._file}: exists, but it was not written by `mien analyze --out` with this model's labels, or an "
                "earlier version wrote it; name another file."
            )
        return stream.seek(len(header) if self._is_csv and header == self._header else 0)

    def _photos(self, stream: BinaryIO, start: int) -> Iterator[tuple[Known, int]]:
        """What the file says of each photo, and where its part ends."""
        lines = _WholeLines(stream, start)
        try:
            for known, is_last_row in self._csv_rows(lines) if self._is_csv else map(_of_json, lines):
                if known.made_with != self._made_with:
                    raise InputError(
                        f"{self._file}: was made with {known.made_with}; this run would add results of "
                        f"{self._made_with}. Name another file, or delete it."
                    )
                if is_last_row:
                    yield known, lines.end
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise InputError(
                f"{self._file}: line {lines.number} is not as `mien analyze --out` writes it; name another file."
            ) from error

    def _csv_rows(self, lines: Iterable[str]) -> Iterator[tuple[Known, bool]]:
        """What each row says of its photo, and whether it is the photo's last row."""
        for row in csv.reader(lines):
            fields = dict(zip(self._columns, row, strict=True))
            faces = int(fields["faces"] or 0)
            yield _known(fields, faces), faces == 0 or int(fields["face"]) == faces - 1

    def _rewrite(self, kept: Iterable[tuple[int, int]]) -> None:
        """Replace the file by parts of it, in one step."""
        with replacing(self._file, InputError) as new:
            with self._file.open("rb") as stream, new.open("wb") as out:
                for start, end in kept:
                    stream.seek(start)
                    out.write(stream.read(end - start))
            shutil.copymode(self._file, new)


class _WholeLines:
    """Lines of a file; a last one without a line end is left out.

    Attributes:
        number: of lines that have been read.
        end: where the last of them ends.
    """

    def __init__(self, stream: BinaryIO, start: int) -> None:
        self._stream, self.end, self.number = stream, start, 0 if start == 0 else 1

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            if line.endswith(b"\n"):
                self.end += len(line)
                self.number += 1
                yield line.decode("utf-8", "surrogateescape")


def _of_json(line: str) -> tuple[Known, bool]:
    """The same of a line of JSON, which holds a whole photo."""
    fields = json.loads(line)
    return _known(fields, len(fields["faces"])), True


def _known(fields: Mapping[str, Any], faces: int) -> Known:
    size, modified_ns = fields["bytes"], fields["modified_ns"]
    stamp = None if size in ("", None) else (int(size), int(modified_ns))
    return Known(fields["source"], Path(fields["path"]), faces, fields["failed"] or None, stamp, fields["made_with"])


def _digest(card: Card) -> str:
    """A short hash of what a model answers by: its file, preprocessing and calibration."""
    answers = (card.sha256, card.preprocess, card.temperature, card.sharpening, card.uncertain_below)
    return hashlib.sha256(repr(answers).encode()).hexdigest()[:8]


def _stamp(photo: Path) -> _Stamp | None:
    try:
        found = photo.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{file}: cannot be read or written: {error.strerror or error}.") from error
