"""Which photos a list of paths, folders and patterns means."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from mien.errors import InputError
from mien.media.images import PHOTO_SUFFIXES

_P = TypeVar("_P")

_ALSO_CODE = (".ts", ".mts")  # of MPEG-TS, and of TypeScript


def is_one_photo(source: object) -> bool:
    """Tell a photo from a list of photos: bytes are a sequence, too, and an open file is an iterator."""
    return isinstance(source, str | bytes | bytearray | memoryview) or hasattr(source, "read")


def list_photos(sources: Iterable[_P], suffixes: Sequence[str] = PHOTO_SUFFIXES) -> list[_P | Path]:
    """Replace folders and patterns by their photos; the order stays the same.

    Folders are searched with their subfolders for photos, by their endings. Hidden files and folders are skipped, links
    to folders are not followed.

    Patterns are those of `glob`, with ``**`` for any depth; a name that exists is not a pattern. Folders that a pattern
    matches are searched like named ones, and each photo of a pattern is taken once, even if links between folders lead
    to it again.

    A folder or pattern without photos stays as it is beside others, and so does a folder that cannot be opened: reading
    it reports that.

    Args:
        sources: photos of any kind, folders and patterns.
        suffixes: endings, in lower case, of the files that are taken from folders and patterns.

    Raises:
        InputError: there is no photo at all, as no folder and no pattern holds one.
    """
    photos: list[_P | Path] = []
    empty: list[InputError] = []
    for source in sources:
        try:
            if not isinstance(source, str | os.PathLike):
                photos.append(source)
            elif is_pattern(os.fsdecode(source)):
                photos += _matches(os.fsdecode(source), suffixes)
            elif os.path.isdir(source):  # noqa: PTH112  # Path's raises on long names
                photos += _photos_in(Path(source), suffixes)
            else:
                photos.append(source)
        except InputError as error:
            empty.append(error)
            photos.append(source)
    if empty and len(empty) == len(photos):
        raise empty[0]
    return photos


def first_photo(folder: Path) -> Path:
    """Return the first photo found in a folder or its subfolders; the folder itself if it cannot be opened.

    Raises:
        InputError: it holds none.
    """
    for photo in _walked(folder, PHOTO_SUFFIXES):
        return photo
    raise _without(folder, PHOTO_SUFFIXES)


def _photos_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The photos in a folder and its subfolders, and the folders that cannot be opened; refused if there are none."""
    photos = list(_walked(folder, suffixes))
    if not photos:
        raise _without(folder, suffixes)
    return photos


def _walked(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    closed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found = (Path(parent) / name for name in sorted(files) if not name.startswith("."))
        yield from (path for path in found if _is_taken(path, suffixes))
    yield from (Path(error.filename) for error in closed)


def _is_taken(path: Path, suffixes: Sequence[str]) -> bool:
    """Whether a file that was found, not named, is taken: by its ending, and unless it is code, without zero bytes."""
    suffix = path.suffix.lower()
    if suffix not in suffixes or suffix not in _ALSO_CODE or not path.is_file():
        return suffix in suffixes
    try:
        with path.open("rb") as file:
            return b"\0" in file.read(1024)
    except OSError:  # reading the photo reports it
        return True


def _without(folder: Path, suffixes: Sequence[str]) -> InputError:
    return InputError(f"{folder}: no photo in it; expected {_kinds(suffixes)}.")


def _kinds(suffixes: Sequence[str]) -> str:
    named = [suffix for suffix in (".jpg", ".png", ".webp", ".mp4") if suffix in suffixes]
    return f"files that end in {', '.join(named)} or one of {len(suffixes) - len(named)} other endings"


def is_pattern(path: str) -> bool:
    """Tell whether a path has ``*``, ``?`` or ``[``, and does not exist."""
    if "\0" in path:  # at which glob raises
        return False
    return glob.has_magic(path) and not os.path.exists(path)  # noqa: PTH110 - Path's raises on long names


def _matches(pattern: str, suffixes: Sequence[str]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in sorted(map(Path, glob.glob(pattern, recursive=True))):  # noqa: PTH207 - Path.glob refuses absolute patterns
        if os.path.isdir(path):  # noqa: PTH112 - Path's raises in a folder that may be listed, but not entered
            with suppress(InputError):  # an empty folder is an error only where it is named
                found |= dict.fromkeys(_photos_in(path, suffixes))
        elif _is_taken(path, suffixes):
            found[path] = None
    if not found:
        raise InputError(f"{pattern}: no photo matches; expected {_kinds(suffixes)}.")
    return _once_each(found)


def _once_each(paths: Collection[Path]) -> list[Path]:
    """Paths without those that lead through linked folders to a file that a shorter path names; glob follows links."""
    folders = {folder: os.path.realpath(folder) for folder in {path.parent for path in paths}}
    shortest: dict[tuple[str, str], Path] = {}
    for path in sorted(paths, key=lambda path: len(path.parts)):
        shortest.setdefault((folders[path.parent], path.name), path)
    kept = set(shortest.values())
    return [path for path in paths if path in kept]
