"""Keep two trainings out of one folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mien.errors import ModelError
from mien.writing import locked


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other trainings out of a folder meanwhile, where system and disk have locks.

    Of several processes of `torchrun` the first locks it for all. The folder is made, and removed if it stays empty.

    Raises:
        ModelError: another process trains in it already.
    """
    if int(os.environ.get("RANK", 0)):
        yield
        return
    with ExitStack() as held:
        with suppress(OSError):  # a folder that cannot be made is reported by whoever writes there
            folder.mkdir(parents=True, exist_ok=True)
            taken = ModelError(f"{folder}: another process trains here; wait for it, or choose another --out.")
            held.enter_context(locked(folder, taken))
            held.callback(_remove_if_empty, folder)
        yield


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
