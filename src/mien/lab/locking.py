"""Keep two trainings out of one folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mien.errors import ModelError

try:
    import fcntl
except ImportError:  # Windows has no locks of this kind
    fcntl = None  # type: ignore[assignment]


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep others from training in a folder meanwhile, where system and disk have locks.

    Of several processes of `torchrun` the first locks it for all. The folder is made, and removed if it stays empty.

    Raises:
        ModelError: somebody trains in it already.
    """
    if fcntl is None or int(os.environ.get("RANK", 0)):
        yield
        return
    with ExitStack() as held:
        with suppress(OSError):  # of a folder that cannot be made tells whoever writes there
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY)
            held.callback(os.close, handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ModelError(
                    f"{folder}: another process trains here; wait for it, or choose another --out."
                ) from error
            held.callback(_remove_if_empty, folder)
        yield


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
