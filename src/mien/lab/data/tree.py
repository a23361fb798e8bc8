"""A folder, a zip or a tar file as a list of named files, read in place."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast

from mien.errors import DataError

LARGEST_BYTES = 4 << 30
"""An archive that unpacks to more is refused; the whole challenge, every file twice, is 1.3 GB."""

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError)
"""Errors of the standard library for damaged contents of an archive."""


class Tree(Protocol):
    """Named files with sizes. Names are relative to `place`, an absolute path; that of an archive lacks its suffix."""

    source: str
    place: PurePosixPath
    sizes: dict[str, int]

    def open(self, name: str) -> IO[bytes]:
        """Open one file; a damaged one raises one of `DAMAGED`."""


class FolderTree:
    """The files below a folder.

    Raises:
        DataError: a folder in it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.source = str(path)
        self.place = _place(path)
        self._path = path
        self.sizes = {file.relative_to(path).as_posix(): _size(file) for file in _files(path)}

    def open(self, name: str) -> IO[bytes]:
        """Open one file."""
        return (self._path / name).open("rb", buffering=1 << 20)


def _size(file: Path) -> int:
    """Size of a file in bytes; 0 where unknown, as for a broken link: reading it then fails and names it."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _refuse_closed(error: OSError) -> None:
    raise DataError(
        f"{error.filename}: cannot be opened ({error.strerror}), so its files would be missing. Make it readable, or "
        "move it elsewhere."
    ) from error


def _files(path: Path) -> Iterator[Path]:
    """All files below a folder, including linked folders; a link back to a parent folder is not followed."""
    for folder, folders, names in os.walk(path, onerror=_refuse_closed, followlinks=True):
        here = Path(folder)
        above = {each.resolve() for each in (here, *here.parents) if each.is_relative_to(path)}
        folders[:] = [name for name in folders if (here / name).resolve() not in above]
        yield from (here / name for name in names)


class ZipTree:
    """The members of a zip file.

    Raises:
        DataError: not a zip file, encrypted, or far too large when unpacked.
    """

    def __init__(self, path: Path) -> None:
        self.source = str(path)
        self.place = _place(path.with_suffix(""))
        try:
            self._zip = zipfile.ZipFile(path)
        except (*DAMAGED, ValueError) as error:
            raise DataError(
                f"{path}: not a zip archive, or cut off ({error}); {path.stat().st_size:,} bytes. Get it again."
            ) from error
        members = {member.filename.replace("\\", "/"): member for member in self._zip.infolist()}  # by Windows
        members = {name: member for name, member in members.items() if name and not name.endswith("/")}
        if any(member.flag_bits & 1 for member in members.values()):
            raise DataError(f"{path}: the archive is encrypted; unpack it with its password and name the folder.")
        _refuse_bomb(path, sum(member.file_size for member in members.values()))
        self._members = members
        self.sizes = {name: member.file_size for name, member in members.items()}

    def open(self, name: str) -> IO[bytes]:
        """Open one member; at most its stated size is unpacked."""
        return io.BufferedReader(cast(io.RawIOBase, self._zip.open(self._members[name])), 1 << 20)

    def close(self) -> None:
        """Close the archive; its members can no longer be read."""
        self._zip.close()


class TarTree:
    """The members of a tar file, compressed or not.

    Raises:
        DataError: damaged, or far too large when unpacked.
    """

    def __init__(self, path: Path) -> None:
        self.source = str(path)
        self.place = _place(path.with_suffix(""))
        self.sizes = {}
        try:
            self._tar = tarfile.open(path)  # noqa: SIM115 - open as long as its members are read
            unpacked = 0
            for member in self._tar:
                unpacked += member.size
                _refuse_bomb(path, unpacked)
                if member.isfile():
                    self.sizes[member.name] = member.size
        except DAMAGED as error:
            raise DataError(f"{path}: damaged or cut-off tar archive ({error}). Get it again.") from error

    def open(self, name: str) -> IO[bytes]:
        """Open one member."""
        stream = self._tar.extractfile(name)
        assert stream is not None  # only regular files are listed
        return io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20)

    def close(self) -> None:
        """Close the archive; its members can no longer be read."""
        self._tar.close()


def _place(path: Path) -> PurePosixPath:
    """The absolute path; links are not resolved, as the name of a link such as ``test`` may state the split."""
    return PurePosixPath(Path(os.path.abspath(path)).as_posix())  # noqa: PTH100 - resolve() would lose that name


def _refuse_bomb(path: Path, size: int) -> None:
    if size > LARGEST_BYTES:
        raise DataError(
            f"{path}: unpacks to {size / 1e9:,.1f} GB, more than {LARGEST_BYTES / 1e9:.1f} GB; FER2013 is far smaller. "
            "Is it the right file? If so, unpack it and name the folder."
        )
