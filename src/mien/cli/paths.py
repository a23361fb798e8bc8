"""Checks of the paths that users give."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import typer

from mien.errors import InputError

STANDARD_INPUT = Path("-")
"""A photo from standard input; a file with this name can be given by its absolute path."""


def named(text: str) -> Path:
    """Return a path; refuse an empty one, which would be the current folder."""
    if not text:
        raise typer.BadParameter("an empty path; is the variable that it came from set?")
    return Path(text)


def photo_at(path: Path) -> Path | BinaryIO:
    """Return what to read for a photo: its path, or standard input for ``-``.

    Raises:
        InputError: standard input is closed.
    """
    if path != STANDARD_INPUT:
        return path
    if sys.stdin is None:  # a shell has closed it
        raise InputError("standard input is closed; pass the photo with `< photo.jpg`.")
    return sys.stdin.buffer


def check_folder(folder: Path) -> None:
    """Refuse a folder that is a file, or that cannot be created or written to, before a long computation."""
    existing = folder.absolute()
    while not os.path.exists(existing):  # noqa: PTH110 - Path's raises on long names
        existing = existing.parent
    if not existing.is_dir():
        raise typer.BadParameter(f"{existing} is a file; name a folder.", param_hint="--out")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"{existing} is not writable; name another folder.", param_hint="--out")


def refuse_addresses(paths: Iterable[Path | None]) -> None:
    """Refuse addresses; the message does not repeat them, because they may contain a password."""
    from mien.media.address import is_address

    # Path.exists raises on long names
    if any(path is not None and is_address(str(path)) and not os.path.exists(path) for path in paths):  # noqa: PTH110
        raise typer.BadParameter(
            "a path is an address; download photos first, read streams with `mien analyze --camera ADDRESS`, and write "
            "results to files."
        )
