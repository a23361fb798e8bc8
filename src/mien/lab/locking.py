"""Locking: only one training at a time may use a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mien.errors import ModelError
from mien.writing import locked


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder against other trainings, if the system and the disk support locks.

    With `torchrun`, the first process locks it for all. The folder is created, and removed if it stays empty.

    Raises:
        ModelError: another process is already training in it.
    """
    if int(os.environ.get("RANK", 0)):
        yield
        return
    with ExitStack() as held:
        with suppress(OSError):  # if it cannot be created, the first write reports that
            folder.mkdir(parents=True, exist_ok=True)
            taken = ModelError(f"{folder}: another process is training here; wait for it, or choose another --out.")
            held.enter_context(locked(folder, taken))
            held.callback(_remove_if_empty, folder)
        yield


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
