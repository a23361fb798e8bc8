"""Writing files and model folders whole or not at all, one process at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.errors import InputError, MienError, ModelError

try:
    import fcntl
except ImportError:  # Windows has no locks of this kind
    fcntl = None  # type: ignore[assignment]

_KINDS = ("model.onnx", "model.tflite")
"""What a model folder holds one of, beside its card."""


def part_of(file: Path) -> Path:
    """Return the name of a file or folder until it is whole."""
    return file.with_name(file.name + ".part")


def check_ending(file: Path, suffixes: Sequence[str], error: type[MienError] = InputError) -> None:
    """Refuse a file whose ending, in any case, is none of `suffixes`.

    Raises:
        MienError: of the type `error`.
    """
    if file.suffix.lower() not in suffixes:
        raise error(f"{file}: unknown ending {file.suffix!r}; expected {', '.join(suffixes)}.")


@contextmanager
def replacing(file: Path, error: type[MienError] = ModelError) -> Iterator[Path]:
    """Yield a path to write to; it replaces `file`, or what that links to, once it is safely on the disk.

    Raises:
        MienError: of the type `error`: the file cannot be written; what was there before is intact.
    """
    place = Path(os.path.realpath(file))
    part = part_of(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("r+b") as handle:  # Windows flushes only files open for writing
            os.fsync(handle.fileno())
        part.replace(place)
    except OSError as reason:
        raise error(
            f"{file}: cannot be written ({reason.strerror or reason}). What was there before is intact: free "
            "space or permit writing there, then try again."
        ) from reason
    finally:
        with suppress(OSError):
            part.unlink()


def write_text(text: str, file: Path) -> None:
    """Write a file as UTF-8; missing folders are made, and what is there is replaced.

    Raises:
        InputError: it cannot be written; what was there before is intact.
    """
    with replacing(file, InputError) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


@contextmanager
def locked(place: Path, taken: MienError) -> Iterator[None]:
    """Lock a file or folder against other processes, where system and disk have locks.

    Args:
        place: exists.
        taken: raised if another process has locked it, or has just put another file in its place.

    Raises:
        OSError: it cannot be opened.
    """
    if fcntl is None:
        yield  # type: ignore[unreachable]
        return
    handle = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise taken from None
        except OSError:  # a disk without locks
            pass
        if not os.path.samestat(os.fstat(handle), place.stat()):
            raise taken
        yield
    finally:
        os.close(handle)


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Yield a folder to write a model to; once it is whole, it takes the place of the model in `folder`.

    Where `folder` is a link, it takes the place of what that leads to.

    Raises:
        ModelError: the folder cannot be written, or holds a model of the other kind, which shares the card's name.
    """
    place = Path(os.path.realpath(folder))  # that of ``.`` has a name, too
    part = part_of(place)
    try:
        shutil.rmtree(part, ignore_errors=True)  # what a killed process left
        part.mkdir(parents=True)
        yield part
        for kind in _KINDS:
            if (place / kind).exists() and not (part / kind).exists():
                raise ModelError(f"{folder}: holds a {kind}, whose card would be overwritten; name another folder.")
        place.mkdir(exist_ok=True)
        for file in part.iterdir():
            file.replace(place / file.name)
    except OSError as error:
        raise ModelError(
            f"{folder}: the model cannot be written ({error}); free space or choose another --out."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
