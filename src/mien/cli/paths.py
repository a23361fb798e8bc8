"""Checks of paths that users name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import typer

from mien.errors import InputError

STANDARD_INPUT = Path("-")
"""A photo from standard input; a file of that name can be named by its absolute path."""


def named(text: str) -> Path:
    """Return a path, and refuse an empty one, which would be the current folder."""
    if not text:
        raise typer.BadParameter("an empty path; is the variable set that it came from?")
    return Path(text)


def photo_at(path: Path) -> Path | BinaryIO:
    """Return what is read of a photo that is named: standard input for ``-``.

    Raises:
        InputError: standard input is closed.
    """
    if path != STANDARD_INPUT:
        return path
    if sys.stdin is None:  # a shell has closed it
        raise InputError("standard input is closed; pass the photo with `< photo.jpg`.")
    return sys.stdin.buffer


def check_folder(folder: Path) -> None:
    """Refuse a folder that is a file, or that cannot be made or written to, before long work."""
    existing = folder.absolute()
    while not os.path.exists(existing):  # noqa: PTH110 - Path's raises on long names
        existing = existing.parent
    if not existing.is_dir():
        raise typer.BadParameter(f"{existing} is a file; name a folder.", param_hint="--out")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"{existing} is not writable; name another folder.", param_hint="--out")


def refuse_addresses(paths: Iterable[Path | None]) -> None:
    """Refuse addresses, in a message without them, as they may hold a password."""
    from mien.media.address import is_address

    # Path.exists raises on long names
    if any(path is not None and is_address(str(path)) and not os.path.exists(path) for path in paths):  # noqa: PTH110
        raise typer.BadParameter(
            "is an address; download photos first, read a stream with `mien analyze --camera ADDRESS`, write to files."
        )
